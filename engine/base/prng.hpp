// The only source of randomness: seeded by the host, part of the owner's value, equal on every
// compiler. (xoshiro256**, Blackman and Vigna 2018, seeded through splitmix64.) The standard
// library's distributions and shuffles are never used: their results differ between libraries.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/base/time.hpp"

namespace drover {

class Prng {
public:
    explicit Prng(std::uint64_t seed);

    std::uint64_t next();
    // Uniform in [0, bound); bound must not be 0.
    std::uint64_t below(std::uint64_t bound);
    // Uniform in [low, high], both inclusive.
    std::uint64_t between(std::uint64_t low, std::uint64_t high);
    Duration between(Duration low, Duration high);
    // True `numerator` times out of `denominator`.
    bool chance(std::uint64_t numerator, std::uint64_t denominator);
    // An independent stream that is a function of this generator's seed and the name alone: drawing
    // from one stream never shifts another.
    [[nodiscard]] Prng stream(std::string_view name, std::uint64_t number = 0) const;

private:
    std::uint64_t seed_;
    std::array<std::uint64_t, 4> state_;
};

}  // namespace drover
