#include "engine/scheduler/score.hpp"

#include <algorithm>
#include <array>

#include "engine/state/types.hpp"

namespace drover::scheduler {
namespace {

constexpr int step_bits = 12;
constexpr int rest_bits = score_bits - step_bits;
constexpr std::size_t steps = std::size_t{1} << step_bits;

// 10^(1/2), 10^(1/4), ... 10^(1/4096), each as a score: a product of these is any step's power.
constexpr std::array<std::uint64_t, step_bits> roots_of_ten{
    848867446, 477353244, 357964434, 309984429, 288462842, 278269033,
    273308022, 270860782, 269645392, 269039744, 268737430, 268586401};

constexpr std::array<Score, steps + 1> make_powers() {
    std::array<Score, steps + 1> powers{};
    for (std::size_t step = 0; step < steps; ++step) {
        std::uint64_t power = score_one;
        for (std::size_t bit = 0; bit < step_bits; ++bit) {
            if (((step >> (step_bits - 1 - bit)) & 1) == 0) continue;
            power =
                (power * roots_of_ten[bit] + (std::uint64_t{1} << (score_bits - 1))) >> score_bits;
        }
        powers[step] = static_cast<Score>(power);
    }
    powers[steps] = 10 * score_one;
    return powers;
}
constexpr auto powers = make_powers();

constexpr bool never_falls() {
    for (std::size_t step = 0; step < steps; ++step) {
        if (powers[step] >= powers[step + 1]) return false;
    }
    return true;
}
static_assert(never_falls());

}  // namespace

Score ratio(std::int64_t numerator, std::int64_t denominator) {
    if (denominator <= 0) return 0;
    constexpr std::int64_t largest = std::int64_t{1} << (62 - score_bits);
    while (numerator >= largest || numerator <= -largest) {
        numerator /= 2;
        denominator = std::max<std::int64_t>(denominator / 2, 1);
    }
    return numerator * score_one / denominator;
}

Score power_of_ten(Score x) {
    x = std::clamp<Score>(x, 0, score_one);
    const auto step = static_cast<std::size_t>(x >> rest_bits);
    if (step == steps) return powers[steps];
    const Score rest = x & ((Score{1} << rest_bits) - 1);
    return powers[step] + (((powers[step + 1] - powers[step]) * rest) >> rest_bits);
}

Score fitness(const Capacity& capacity, const state::Usage& used, Algorithm algorithm) {
    const Score free_cpu = ratio(capacity.cpu_mhz - used.cpu_mhz, capacity.cpu_mhz);
    const Score free_memory = ratio(capacity.memory_mb - used.memory_mb, capacity.memory_mb);
    const Score total = power_of_ten(free_cpu) + power_of_ten(free_memory);
    const Score raw =
        algorithm == Algorithm::binpack ? 20 * score_one - total : total - 2 * score_one;
    return std::clamp<Score>(raw, 0, 18 * score_one) / 18;
}

double to_double(Score score) {
    return static_cast<double>(score) / static_cast<double>(score_one);
}

}  // namespace drover::scheduler
