// The linearizability checker: histories that one register can explain, and some that none can.
#include "sim/history.hpp"

#include <gtest/gtest.h>

#include "engine/base/prng.hpp"

namespace drover::sim {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

Instant at(std::int64_t millis) { return Instant{std::chrono::milliseconds{millis}}; }

Operation read(std::uint64_t value, std::int64_t from, std::int64_t to) {
    return {0, Kind::read, 0, value, Outcome::done, at(from), at(to)};
}
Operation cas(std::uint64_t expected, std::uint64_t value, Outcome outcome, std::int64_t from,
              std::int64_t to) {
    return {1, Kind::compare_and_set, expected, value, outcome, at(from), at(to)};
}

struct Row {
    const char* why;
    std::vector<Operation> operations;
    bool linearizable;
};

TEST(History, known_histories_get_their_verdict) {
    const Row rows[]{
        {"nothing happened", {}, true},
        {"a write is read", {cas(0, 1, Outcome::done, 0, 10), read(1, 20, 30)}, true},
        {"a stale read after a write", {cas(0, 1, Outcome::done, 0, 10), read(0, 20, 30)}, false},
        {"a concurrent read may be early", {cas(0, 1, Outcome::done, 0, 10), read(0, 5, 15)}, true},
        {"reads may not go back",
         {cas(0, 1, Outcome::done, 0, 50), read(1, 5, 10), read(0, 20, 30)},
         false},
        {"two writers, one wins",
         {cas(0, 1, Outcome::done, 0, 10), cas(0, 2, Outcome::refused, 0, 10), read(1, 20, 21)},
         true},
        {"two writers cannot both win",
         {cas(0, 1, Outcome::done, 0, 10), cas(0, 2, Outcome::done, 0, 10)},
         false},
        {"a refusal without a reason", {cas(0, 1, Outcome::refused, 0, 10)}, false},
        {"an unknown write may have happened",
         {cas(0, 1, Outcome::unknown, 0, 0), read(1, 50, 60)},
         true},
        {"or not", {cas(0, 1, Outcome::unknown, 0, 0), read(0, 50, 60)}, true},
        {"or later", {cas(0, 1, Outcome::unknown, 0, 0), read(0, 50, 60), read(1, 70, 80)}, true},
        {"but not before it was asked", {read(1, 0, 5), cas(0, 1, Outcome::unknown, 10, 0)}, false},
        {"a lost write",
         {cas(0, 1, Outcome::done, 0, 10), cas(1, 2, Outcome::done, 20, 30), read(1, 40, 50)},
         false},
    };
    for (const Row& row : rows) {
        EXPECT_EQ(check_register(row.operations).linearizable, row.linearizable) << row.why;
    }
}

// A real register, driven by clients whose operations overlap, always passes; with one answer
// replaced by a value that was never written, it never does.
TEST(History, generated_histories_pass_and_corrupted_ones_do_not) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        Prng prng{seed};
        std::vector<Operation> operations;
        std::uint64_t state = 0, next = 1;
        for (std::int64_t now = 0; now < 400; ++now) {
            // The effect takes place at `now`; call and return lie around it.
            const auto before = static_cast<std::int64_t>(prng.below(5));
            const auto after = static_cast<std::int64_t>(prng.below(5));
            if (prng.chance(1, 2)) {
                operations.push_back(read(state, now * 4 - before, now * 4 + after));
                continue;
            }
            const std::uint64_t expected = prng.chance(2, 3) ? state : prng.below(next);
            const bool works = expected == state;
            const bool known = !prng.chance(1, 10);
            operations.push_back(cas(expected, next,
                                     !known  ? Outcome::unknown
                                     : works ? Outcome::done
                                             : Outcome::refused,
                                     now * 4 - before, now * 4 + after));
            if (works) state = next;
            ++next;
        }
        EXPECT_TRUE(check_register(operations).linearizable) << "seed " << seed;
        operations[200] = read(999'999, 800, 801);
        EXPECT_FALSE(check_register(operations).linearizable) << "seed " << seed;
    }
}

}  // namespace
}  // namespace drover::sim
