// Where the real host reads time and randomness. The engine never includes this: it is told.
#pragma once

#include <cstdint>

#include "engine/base/result.hpp"
#include "engine/base/time.hpp"

namespace drover::io {

// Monotonic: never goes back and does not follow changes of the wall clock.
[[nodiscard]] Instant now();
// Unix time, as the operating system believes it.
[[nodiscard]] WallTime wall_now();
// From the operating system's entropy: what an engine's Prng is seeded with.
[[nodiscard]] Result<std::uint64_t> entropy_seed();

}  // namespace drover::io
