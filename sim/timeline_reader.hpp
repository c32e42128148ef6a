// The timeline section of a scenario file. Throws ReadingError (section.hpp); used by the scenario
// reader only.
#pragma once

#include <vector>

#include "sim/section.hpp"

namespace drover::sim {

std::vector<Step> read_timeline(const YAML::Node& list);
Predicate read_predicate(const YAML::Node& node, std::string_view text);

}  // namespace drover::sim
