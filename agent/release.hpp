// What this build calls itself, and what it tells clients of Nomad that it can do.
#pragma once

#include <string_view>

namespace drover::agent {

inline constexpr std::string_view release = "0.2.0";
// The Nomad release whose API and command line this one speaks.
inline constexpr std::string_view claimed_version = "1.10.5";

}  // namespace drover::agent
