// Distributions over durations, and chances, as scenarios write them. All arithmetic is on
// integers: a drawn value must be equal on every compiler, and libm promises no such thing.
#pragma once

#include <cstdint>

#include "engine/base/prng.hpp"
#include "engine/base/time.hpp"

namespace drover::sim {

// Parts per million: 1 % is 10'000.
struct Chance {
    std::uint64_t ppm{};
    [[nodiscard]] bool happens(Prng& prng) const { return ppm != 0 && prng.below(1'000'000) < ppm; }
    friend bool operator==(const Chance&, const Chance&) = default;
};

// fixed: `low`.  uniform: [low, high].  exponential: low plus an exponential of mean `high`.
// bimodal: `low`, and with `tail` instead `high`.
struct Distribution {
    enum class Kind : std::uint8_t { fixed, uniform, exponential, bimodal };
    Kind kind{Kind::fixed};
    Duration low{};
    Duration high{};
    Chance tail{};

    [[nodiscard]] Duration draw(Prng& prng) const;
    friend bool operator==(const Distribution&, const Distribution&) = default;
};

// -ln(u) for a uniform u in (0, 1], as a fixed-point number with 32 fraction bits.
std::uint64_t exponential_q32(Prng& prng);

}  // namespace drover::sim
