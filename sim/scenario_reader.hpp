// From a scenario file's text to a Scenario. Format "sim/1"; an unknown key, a value out of bounds
// or a name that nothing has is an error "file:line:column: message". Bounds keep every scenario
// within what one machine can run: 9 servers, 10'000 nodes, 1 MiB of text.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.hpp"
#include "sim/scenario.hpp"

namespace drover::sim {

[[nodiscard]] Result<Scenario> read_scenario(std::string_view text, const std::string& file);

}  // namespace drover::sim
