// The thread that owns an engine: batches, bounds, deadlines, and nobody else at the engine.
#include <gtest/gtest.h>

#include <atomic>

#include "io/engine_thread.hpp"
#include "io/worker_pool.hpp"
#include "tests/io/waiting.hpp"

namespace drover::io {
namespace {

// Sums what it is told; asks to be woken once, and says so when it is.
struct Adder {
    void step(Instant now, WallTime, std::vector<int> inputs, std::vector<int>& effects) {
        ++steps;
        for (const int input : inputs) sum += input;
        if (!inputs.empty()) effects.push_back(sum);
        if (alarm && now >= *alarm) {
            alarm.reset();
            effects.push_back(-1);
        }
    }
    [[nodiscard]] std::optional<Instant> next_deadline() const { return alarm; }

    int sum = 0;
    int steps = 0;
    std::optional<Instant> alarm{};
};
using AdderThread = EngineThread<Adder, int, int>;

TEST(EngineThread, hands_over_everything_in_order_and_tells_the_effects) {
    Collected<int> sums;
    const auto perform = [&](Adder&, std::vector<int>& effects) {
        for (const int sum : effects) sums.add(sum);
    };
    AdderThread thread{Adder{}, perform};
    thread.start();
    for (int i = 1; i <= 1000; ++i) ASSERT_TRUE(thread.offer(i, 4));
    ASSERT_TRUE(sums.wait_until(
        [](const std::vector<int>& all) { return !all.empty() && all.back() == 500'500; }));
    EXPECT_EQ(thread.queued_bytes(), 0u);
}

TEST(EngineThread, what_arrives_during_a_step_becomes_one_batch) {
    std::mutex gate;
    std::unique_lock closed{gate};
    Collected<int> sums;
    const auto perform = [&](Adder& engine, std::vector<int>& effects) {
        if (engine.steps == 1) {
            sums.add(0);
            const std::lock_guard wait{gate};
        }
        for (const int sum : effects) sums.add(sum);
    };
    AdderThread thread{Adder{}, perform};
    thread.start();
    ASSERT_TRUE(thread.offer(1, 1));
    ASSERT_TRUE(sums.wait_for_count(1));
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(thread.offer(1, 1));
    closed.unlock();
    ASSERT_TRUE(sums.wait_for_count(3));
    EXPECT_EQ(sums.values(), (std::vector<int>{0, 1, 11}));
}

TEST(EngineThread, a_full_queue_refuses_offers_but_always_takes_completions) {
    Collected<int> sums;
    EngineThreadOptions options;
    options.queue_bytes_max = 1000;
    AdderThread thread{Adder{},
                       [&](Adder&, std::vector<int>& effects) {
                           for (const int sum : effects) sums.add(sum);
                       },
                       options};
    int taken = 0;  // not started yet: nothing leaves the queue
    while (thread.offer(1, 100)) ++taken;
    EXPECT_GT(taken, 1);
    EXPECT_LE(thread.queued_bytes(), 1000u);
    thread.deliver(1'000'000, 500);
    thread.start();
    ASSERT_TRUE(sums.wait_for_count(1));
    EXPECT_EQ(sums.values()[0], 1'000'000 + taken);
    EXPECT_TRUE(thread.offer(1, 100));
}

TEST(EngineThread, wakes_at_the_deadline_and_not_without_reason) {
    Collected<int> effects_seen;
    std::atomic<int> steps = 0;
    Adder engine;
    engine.alarm = now() + std::chrono::milliseconds{5};
    const auto perform = [&](Adder& stepped, std::vector<int>& effects) {
        steps = stepped.steps;
        for (const int effect : effects) effects_seen.add(effect);
    };
    AdderThread thread{engine, perform};
    thread.start();
    ASSERT_TRUE(effects_seen.wait_for_count(1));
    EXPECT_EQ(effects_seen.values()[0], -1);
    EXPECT_LE(steps, 2);
}

TEST(EngineThread, a_visit_sees_the_engine_between_steps_and_stopping_refuses_everything) {
    Collected<int> seen;
    AdderThread thread{Adder{}, [](Adder&, std::vector<int>&) {}};
    thread.start();
    ASSERT_TRUE(thread.offer(7, 1));
    thread.visit([&](Adder& engine) { seen.add(engine.sum); });
    thread.visit([&](Adder& engine) { seen.add(engine.sum); });
    ASSERT_TRUE(seen.wait_for_count(2));
    EXPECT_EQ(seen.values()[1], 7);
    thread.stop();
    EXPECT_FALSE(thread.offer(1, 1));
}

TEST(WorkerPool, works_in_parallel_within_its_bound) {
    Collected<int> done;
    std::mutex gate;
    std::unique_lock closed{gate};
    WorkerPool pool{{2, 4096}};
    ASSERT_TRUE(pool.offer(
        [&] {
            done.add(1);
            const std::lock_guard wait{gate};
        },
        0));
    ASSERT_TRUE(pool.offer([&] { done.add(2); }, 0)) << "the second thread is free";
    ASSERT_TRUE(done.wait_for_count(2));
    EXPECT_FALSE(pool.offer([] {}, 4096)) << "beyond the bound";
    pool.deliver([&] { done.add(3); });
    ASSERT_TRUE(done.wait_for_count(3));
    closed.unlock();
}

TEST(WorkerPool, stopping_finishes_what_has_begun_and_drops_the_rest) {
    Collected<int> done;
    {
        WorkerPool pool{{1, 1 << 20}};
        Collected<int> begun;
        ASSERT_TRUE(pool.offer(
            [&] {
                begun.add(1);
                done.add(1);
            },
            0));
        ASSERT_TRUE(begun.wait_for_count(1));
    }
    EXPECT_EQ(done.values().size(), 1u);
}

TEST(Clock, goes_forward_and_seeds_differ) {
    const Instant before = now();
    EXPECT_LE(before, now());
    EXPECT_GT(wall_now().value(), std::int64_t{1'700'000'000'000'000'000});
    EXPECT_NE(*entropy_seed(), *entropy_seed());
}

}  // namespace
}  // namespace drover::io
