// Requests as tests write them: small jobs, nodes with room, and reads.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/result.hpp"
#include "engine/base/uuid.hpp"
#include "engine/schema/request.pb.h"

namespace drover::server {

[[nodiscard]] Uuid node_id(std::uint8_t number);

// A service of one group and one task.
[[nodiscard]] schema::Job service_job(const std::string& id, int count, int cpu = 100);
[[nodiscard]] schema::Request register_job(schema::Job job);
[[nodiscard]] schema::Request register_job_if(schema::Job job, std::uint64_t index);
[[nodiscard]] schema::Request deregister_job(const std::string& id, bool purge);
[[nodiscard]] schema::Request register_node(std::uint8_t number, int cpu = 1000);
[[nodiscard]] schema::Request node_status(std::uint8_t number, const std::string& status);
[[nodiscard]] schema::Request report(const schema::Allocation& allocation,
                                     const std::string& client_status);

[[nodiscard]] schema::Request read_job(const std::string& id);
[[nodiscard]] schema::Request read_allocations(const std::string& job_id);
[[nodiscard]] schema::Request read_evaluation(const std::string& raw_id);
[[nodiscard]] schema::Request blocking(schema::Request read, std::uint64_t min_index,
                                       Duration wait);
[[nodiscard]] schema::Request stale(schema::Request read);

// The code of the response's failure; none where it went well.
[[nodiscard]] std::optional<Errc> failure_of(const schema::Response& response);

}  // namespace drover::server
