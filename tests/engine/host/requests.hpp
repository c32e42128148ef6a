// What the tests of the boundary ask of servers, and expect of them.
#pragma once

#include <string>
#include <vector>

#include "tests/engine/host/group.hpp"

namespace drover::host {

[[nodiscard]] schema::Request registration(const std::string& job, int count = 1);
[[nodiscard]] schema::Request read_job(const std::string& job);

// Every server that runs stands at the same index, with the same digest.
void expect_equal(const Group& group, const std::vector<std::size_t>& servers);
void expect_written(const Group& group, std::uint64_t ticket);

}  // namespace drover::host
