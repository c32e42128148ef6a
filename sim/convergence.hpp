// Whether the healed world has come to rest: the last phase of every run demands it.
#pragma once

#include <string>

namespace drover::sim {

class World;

// Empty when everything is as it should be; else the first thing that is not.
[[nodiscard]] std::string not_converged(const World& world);

}  // namespace drover::sim
