#include "engine/base/prng.hpp"

#include <bit>

#include "engine/base/ensure.hpp"

namespace drover {
namespace {

std::uint64_t splitmix(std::uint64_t& state) {
    std::uint64_t mixed = (state += 0x9e3779b97f4a7c15ULL);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
    return mixed ^ (mixed >> 31);
}

}  // namespace

Prng::Prng(std::uint64_t seed) : seed_{seed}, state_{} {
    std::uint64_t mixer = seed;
    for (auto& word : state_) word = splitmix(mixer);
}

std::uint64_t Prng::next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
}

std::uint64_t Prng::below(std::uint64_t bound) {
    ENSURE(bound != 0);
    // Rejection keeps the result exactly uniform: drop the short last cycle of the 64-bit range.
    const std::uint64_t threshold = (0 - bound) % bound;
    while (true) {
        const std::uint64_t drawn = next();
        if (drawn >= threshold) return drawn % bound;
    }
}

std::uint64_t Prng::between(std::uint64_t low, std::uint64_t high) {
    ENSURE(low <= high);
    const std::uint64_t width = high - low;
    return width == UINT64_MAX ? next() : low + below(width + 1);
}

Duration Prng::between(Duration low, Duration high) {
    ENSURE(low <= high);
    const auto width = static_cast<std::uint64_t>((high - low).count());
    return low + Duration{static_cast<std::int64_t>(between(0, width))};
}

bool Prng::chance(std::uint64_t numerator, std::uint64_t denominator) {
    return below(denominator) < numerator;
}

Prng Prng::stream(std::string_view name, std::uint64_t number) const {
    std::uint64_t mixer = seed_ ^ 0x64726f766572ULL;
    std::uint64_t derived = splitmix(mixer);
    for (const char byte : name) {
        mixer = derived ^ static_cast<unsigned char>(byte);
        derived = splitmix(mixer);
    }
    mixer = derived ^ number;
    return Prng{splitmix(mixer)};
}

}  // namespace drover
