// Scores in fixed point: the same number on every machine and compiler. One is 2^28.
#pragma once

#include <cstdint>

#include "engine/scheduler/fit.hpp"
#include "engine/scheduler/plan.hpp"

namespace drover::scheduler {

using Score = std::int64_t;
constexpr int score_bits = 28;
constexpr Score score_one = Score{1} << score_bits;

// numerator / denominator as a score, rounded down; 0 for an absurd denominator. Exact for what
// nodes hold; operands that would overflow are both scaled down first.
[[nodiscard]] Score ratio(std::int64_t numerator, std::int64_t denominator);

// 10^x for x in [0, 1], from a table of 4,096 steps with straight lines between them: off by less
// than one part in ten million, and never falling.
[[nodiscard]] Score power_of_ten(Score x);

// How well a node is used once it holds `used`, from 0 to 1: with binpack, full is good; with
// spread, empty is.
[[nodiscard]] Score fitness(const Capacity& capacity, const state::Usage& used,
                            Algorithm algorithm);

// For people only; no decision reads it.
[[nodiscard]] double to_double(Score score);

}  // namespace drover::scheduler
