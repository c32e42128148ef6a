// The thread that owns an engine: batches, bounds, deadlines, and nobody else at the engine.
#include <gtest/gtest.h>

#include <atomic>

#include "io/engine_thread.hpp"
#include "io/idle_poll.hpp"
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

// The effects with the thread on which each was told.
struct Told {
    int effect;
    std::thread::id on;
};

TEST(EngineThread, who_brings_an_input_to_an_idle_engine_can_step_it) {
    Collected<Told> told;
    AdderThread thread{Adder{}, [&](Adder&, std::vector<int>& effects) {
                           for (const int effect : effects)
                               told.add({effect, std::this_thread::get_id()});
                       }};
    thread.start();
    const auto stepped_here = [&](Wake wake, int inputs) {
        const std::size_t before = told.values().size();
        for (int i = 0; i < inputs; ++i) thread.deliver(1, 0, wake);
        if (wake == Wake::later) thread.step_or_wake();
        EXPECT_TRUE(told.wait_for_count(before + 1));
        return told.values().back().on == std::this_thread::get_id();
    };
    EXPECT_FALSE(stepped_here(Wake::now, 1)) << "only where it is asked";
    int tries = 1;  // its own thread may still be at the step before
    while (!stepped_here(Wake::later, 2) && tries < 1000) ++tries;
    EXPECT_LT(tries, 1000);
    EXPECT_FALSE(stepped_here(Wake::later, 100)) << "many are worth waking it";
}

TEST(EngineThread, what_arrives_during_a_step_of_another_thread_is_left_to_its_own) {
    AdderThread* self = nullptr;
    Collected<Told> told;
    AdderThread thread{Adder{}, [&](Adder&, std::vector<int>& effects) {
                           for (const int effect : effects) {
                               told.add({effect, std::this_thread::get_id()});
                               if (effect == 1) self->deliver(10, 0, Wake::later);
                               self->step_or_wake();
                           }
                       }};
    self = &thread;
    thread.start();
    thread.deliver(1, 0, Wake::later);
    thread.step_or_wake();
    ASSERT_TRUE(told.wait_for_count(2));
    EXPECT_EQ(told.values()[1].effect, 11);
    EXPECT_NE(told.values()[1].on, std::this_thread::get_id());
}

// Sets itself an alarm for every input.
struct Sleeper : Adder {
    void step(Instant now, WallTime wall, std::vector<int> inputs, std::vector<int>& effects) {
        if (!inputs.empty()) alarm = now + std::chrono::milliseconds{5};
        Adder::step(now, wall, std::move(inputs), effects);
    }
};

TEST(EngineThread, a_deadline_that_a_step_elsewhere_set_is_kept) {
    Collected<int> effects_seen;
    EngineThread<Sleeper, int, int> thread{Sleeper{}, [&](Sleeper&, std::vector<int>& effects) {
                                               for (const int one : effects) effects_seen.add(one);
                                           }};
    thread.start();
    for (std::size_t i = 1; i <= 10; ++i) {
        thread.deliver(1, 0, Wake::later);
        thread.step_or_wake();
        ASSERT_TRUE(effects_seen.wait_for_count(2 * i)) << "the alarm did not ring";
        EXPECT_EQ(effects_seen.values().back(), -1);
    }
}

TEST(EngineThread, many_who_bring_and_step_lose_nothing_and_never_step_together) {
    std::atomic<int> inside = 0;
    std::atomic<bool> together = false;
    Collected<int> sums;
    AdderThread thread{Adder{}, [&](Adder&, std::vector<int>& effects) {
                           if (inside.fetch_add(1) != 0) together = true;
                           for (const int sum : effects) sums.add(sum);
                           inside.fetch_sub(1);
                       }};
    thread.start();
    std::vector<std::thread> bringers;
    for (int i = 0; i < 4; ++i) {
        bringers.emplace_back([&] {
            for (int k = 0; k < 2000; ++k) {
                thread.deliver(1, 0, Wake::later);
                thread.step_or_wake();
            }
        });
    }
    for (auto& bringer : bringers) bringer.join();
    EXPECT_TRUE(sums.wait_until(
        [](const std::vector<int>& all) { return !all.empty() && all.back() == 8000; }));
    EXPECT_FALSE(together);
}

TEST(PollWindow, opens_when_work_comes_soon_and_closes_when_it_does_not) {
    PollWindow window;
    EXPECT_EQ(window.length(), PollWindow::Time::zero()) << "nothing is known yet";
    window.waited(PollWindow::longest);
    EXPECT_EQ(window.length(), PollWindow::longest);
    for (int i = 0; i < 64; ++i) window.waited(2 * PollWindow::longest);
    EXPECT_EQ(window.length(), PollWindow::Time::zero());
}

TEST(PollWindow, stays_closed_for_a_while_where_others_need_the_core) {
    PollWindow window;
    window.waited(PollWindow::longest);
    window.looked(PollWindow::crowded_after - PollWindow::Time{1});
    EXPECT_EQ(window.length(), PollWindow::longest);
    window.looked(PollWindow::crowded_after);
    for (std::uint32_t i = 0; i < PollWindow::waits_when_crowded; ++i) {
        EXPECT_EQ(window.length(), PollWindow::Time::zero()) << i;
        window.waited(PollWindow::Time{1});
    }
    window.waited(PollWindow::Time{1});
    EXPECT_EQ(window.length(), PollWindow::longest);
}

TEST(IdlePoll, looks_instead_of_sleeping_once_waits_are_short) {
    IdlePoll poll;
    int slept = 0;
    poll.wait([] { return true; }, [&] { ++slept; });
    EXPECT_EQ(slept, 1) << "nothing is known yet";
    poll.wait([] { return true; }, [&] { ++slept; });
    EXPECT_EQ(slept, 1);
    poll.wait([] { return false; }, [&] { ++slept; });
    EXPECT_EQ(slept, 2) << "what does not come is not waited for awake";
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
