#include "sim/dice.hpp"

#include <bit>

namespace drover::sim {
namespace {

// 128-bit products are an extension of both compilers; __extension__ keeps -Wpedantic quiet.
__extension__ using Wide = unsigned __int128;

constexpr std::uint64_t ln2_q32 = 2'977'044'472ULL;  // ln 2, 32 fraction bits

}  // namespace

std::uint64_t exponential_q32(Prng& prng) {
    const std::uint64_t drawn = prng.next() | 1;  // never zero
    const int leading = std::countl_zero(drawn);
    // u = mantissa * 2^-leading with mantissa in [1/2, 1); log2 of the mantissa bit by bit, by
    // repeated squaring (Knuth, TAOCP 1.2.2 exercise 25).
    std::uint64_t mantissa = drawn << leading;  // as 1.63: [1, 2)
    std::uint64_t fraction = 0;
    for (int bit = 31; bit >= 0; --bit) {
        const Wide square = static_cast<Wide>(mantissa) * mantissa;
        if ((square >> 127) != 0) {
            mantissa = static_cast<std::uint64_t>(square >> 64);
            fraction |= 1ULL << bit;
        } else {
            mantissa = static_cast<std::uint64_t>(square >> 63);
        }
    }
    // -log2(u) = leading + 1 - log2(1.mantissa)
    const std::uint64_t negative_log2 = (static_cast<std::uint64_t>(leading + 1) << 32) - fraction;
    return static_cast<std::uint64_t>((static_cast<Wide>(negative_log2) * ln2_q32) >> 32);
}

Duration Distribution::draw(Prng& prng) const {
    switch (kind) {
        case Kind::fixed:
            return low;
        case Kind::uniform:
            return prng.between(low, high);
        case Kind::bimodal:
            return tail.happens(prng) ? high : low;
        case Kind::exponential: {
            const auto mean = static_cast<std::uint64_t>(high.count());
            const Wide scaled = (static_cast<Wide>(exponential_q32(prng)) * mean) >> 32;
            return low + Duration{static_cast<std::int64_t>(scaled)};
        }
    }
    return low;
}

}  // namespace drover::sim
