// Time as the engine knows it: told, never read.
//   Instant   a point on the host's monotonic time line; drives timers and leases.
//   Duration  nanoseconds between two instants.
//   WallTime  Unix time in nanoseconds, minted into entries by their proposer. Wall clocks of two
//             servers are never compared for safety.
#pragma once

#include <chrono>
#include <cstdint>

#include "engine/base/strong.hpp"

namespace drover {

struct EngineClock {};  // names our time line; it has no now()

using Duration = std::chrono::nanoseconds;
using Instant = std::chrono::time_point<EngineClock, Duration>;
using WallTime = Strong<struct WallTimeTag, std::int64_t>;

constexpr WallTime operator+(WallTime at, Duration by) { return WallTime{at.value() + by.count()}; }
constexpr Duration operator-(WallTime late, WallTime early) {
    return Duration{late.value() - early.value()};
}

}  // namespace drover
