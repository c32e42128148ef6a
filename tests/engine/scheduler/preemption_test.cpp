// Who gives way to whom: few, of low priority, and never more than must.
#include "engine/scheduler/preemption.hpp"

#include <gtest/gtest.h>

#include "engine/schema/job.pb.h"
#include "tests/engine/scheduler/harness.hpp"

namespace drover::scheduler::testing {
namespace {

state::Usage usage(std::int64_t cpu, std::int64_t memory = 0) { return {cpu, memory, 0, 0, 1}; }
state::Usage room(std::int64_t cpu, std::int64_t memory = 0) { return {cpu, memory, 0, 0, 100}; }

bool suffices(state::Usage free, const state::Usage& ask,
              const std::vector<PreemptionCandidate>& candidates, std::uint32_t chosen) {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        if ((chosen >> i & 1U) != 0) free += candidates[i].usage;
    }
    return free.cpu_mhz >= ask.cpu_mhz && free.memory_mb >= ask.memory_mb &&
           free.disk_mb >= ask.disk_mb && free.allocations >= ask.allocations;
}

TEST(LeastVictims, prefers_low_priority_and_what_comes_nearest) {
    const std::vector<PreemptionCandidate> candidates{
        {30, usage(1000), 0, 0}, {20, usage(3000), 0, 0}, {20, usage(1100), 0, 0}};
    EXPECT_EQ(least_victims(room(0), usage(1000), candidates), (std::vector<std::size_t>{2}));
}

TEST(LeastVictims, spares_those_whose_group_has_lost_as_many_as_it_may) {
    const std::vector<PreemptionCandidate> candidates{{20, usage(1000), 1, 1},
                                                      {20, usage(2000), 0, 0}};
    EXPECT_EQ(least_victims(room(0), usage(1000), candidates), (std::vector<std::size_t>{1}));
}

TEST(LeastVictims, lets_go_whom_a_later_choice_has_made_superfluous) {
    // The small one comes first by its priority; the large one is needed, and enough by itself.
    const std::vector<PreemptionCandidate> candidates{{10, usage(500), 0, 0},
                                                      {20, usage(4000), 0, 0}};
    EXPECT_EQ(least_victims(room(0), usage(4000), candidates), (std::vector<std::size_t>{1}));
}

// The slow twin asks every subset whether it would do.
TEST(LeastVictims, of_any_small_node_is_enough_and_none_of_them_could_stay) {
    for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
        Prng prng{seed};
        std::vector<PreemptionCandidate> candidates(prng.below(8));
        for (auto& one : candidates) {
            one.priority = static_cast<std::int32_t>(10 * prng.between(1, 4));
            one.usage = {static_cast<std::int64_t>(100 * prng.between(1, 9)),
                         static_cast<std::int64_t>(64 * prng.between(1, 9)), 0,
                         static_cast<std::int64_t>(prng.below(300)), 1};
            one.max_parallel = static_cast<std::int64_t>(prng.below(3));
            one.taken = static_cast<std::int64_t>(prng.below(3));
        }
        const state::Usage ask{static_cast<std::int64_t>(100 * prng.between(1, 20)),
                               static_cast<std::int64_t>(64 * prng.between(1, 20)), 0,
                               static_cast<std::int64_t>(prng.below(600)), 1};
        const state::Usage free{static_cast<std::int64_t>(100 * prng.below(6)),
                                static_cast<std::int64_t>(64 * prng.below(6)), 0,
                                static_cast<std::int64_t>(prng.below(300)),
                                static_cast<std::int64_t>(prng.below(3))};
        std::uint32_t chosen = 0;
        for (const std::size_t one : least_victims(free, ask, candidates)) chosen |= 1U << one;
        bool possible = false;
        for (std::uint32_t subset = 0; subset < 1U << candidates.size(); ++subset) {
            possible = possible || suffices(free, ask, candidates, subset);
        }
        ASSERT_EQ(suffices(free, ask, candidates, chosen), possible) << "seed " << seed;
        for (std::size_t one = 0; one < candidates.size(); ++one) {
            if (!possible || (chosen >> one & 1U) == 0) continue;
            ASSERT_FALSE(suffices(free, ask, candidates, chosen & ~(1U << one)))
                << "seed " << seed << ": " << one << " could have stayed";
        }
    }
}

TEST(PreemptionScore, falls_with_the_victims_priority_and_number) {
    const Score low = preemption_score({10}), middle = preemption_score({80});
    EXPECT_GT(low, middle);
    EXPECT_GT(middle, preemption_score(std::vector<std::int32_t>(500, 80)));
    EXPECT_NEAR(to_double(low), 0.999943, 1e-5);  // 1 / (1 + e^(0.0048 (11 - 2048)))
    EXPECT_NEAR(to_double(preemption_score(std::vector<std::int32_t>(2000, 48))), 0.5, 1e-4);
}

class Preempts : public ::testing::Test {
protected:
    Preempts() { harness.preemption = true; }

    static schema::Job job(const std::string& id, int priority, int count, int cpu,
                           const std::string& type = "service") {
        auto made = make_job(id, count, type);
        made.set_priority(priority);
        group_of(made).mutable_tasks(0)->mutable_resources()->set_cpu(cpu);
        return made;
    }
    static std::vector<schema::Allocation> preemptions(const schema::SchedulerOutput& output) {
        std::vector<schema::Allocation> all;
        for (const auto& list : output.plan().preemptions()) {
            all.insert(all.end(), list.allocations().begin(), list.allocations().end());
        }
        return all;
    }

    Harness harness;
};

TEST_F(Preempts, an_important_job_takes_the_room_of_a_lesser_one_and_both_say_so) {
    harness.add_nodes(1);
    harness.run(job("lesser", 20, 2, 2000));
    const auto output = harness.run(job("greater", 70, 1, 1500));
    const auto evicted = preemptions(output);
    ASSERT_EQ(evicted.size(), 1U);
    const auto placed = harness.live("greater");
    ASSERT_EQ(placed.size(), 1U);
    const auto body = placed[0]->body.unpack();
    ASSERT_EQ(body.preempted_allocations_size(), 1);
    EXPECT_EQ(body.preempted_allocations(0), evicted[0].id());
    EXPECT_EQ(desired(output).preemptions(), 1U);
    EXPECT_EQ(harness.live("lesser").size(), 1U);
    const auto row = harness.view().allocation(state::to_uuid(evicted[0].id()));
    EXPECT_EQ(row->desired_status, state::DesiredStatus::evict);
    EXPECT_EQ(row->body.unpack().preempted_by_allocation(), body.id());
    bool scored = false;
    for (const auto& meta : body.metrics().score_meta_data()) {
        for (const auto& pair : meta.scores()) scored = scored || pair.key() == "preemption";
    }
    EXPECT_TRUE(scored);
}

TEST_F(Preempts, nobody_within_ten_of_the_priority_nor_where_it_is_switched_off) {
    struct Case {
        int there;
        int comes;
        bool enabled;
        std::size_t evicted;
        const char* why;
    };
    for (const Case& one :
         {Case{50, 59, true, 0, "nine less"}, Case{50, 60, true, 1, "ten less"},
          Case{20, 90, false, 0, "switched off"}, Case{50, 50, true, 0, "equal"}}) {
        Harness fresh;
        fresh.preemption = one.enabled;
        fresh.add_nodes(1);
        fresh.run(job("there", one.there, 1, 4000));
        const auto output = fresh.run(job("comes", one.comes, 1, 1000));
        EXPECT_EQ(preemptions(output).size(), one.evicted) << one.why;
        EXPECT_EQ(output.evaluation().failed_tg_allocs_size(), one.evicted == 0 ? 1 : 0);
    }
}

TEST_F(Preempts, nobody_where_another_node_has_room) {
    harness.add_nodes(1);
    harness.run(job("lesser", 20, 2, 2000));
    harness.add(make_node(2));
    EXPECT_TRUE(preemptions(harness.run(job("greater", 70, 1, 1500))).empty());
}

TEST_F(Preempts, the_node_where_the_least_important_gives_way) {
    harness.add_nodes(2);
    harness.run(job("middle", 50, 1, 4000));
    harness.run(job("least", 10, 1, 4000));
    const auto evicted = preemptions(harness.run(job("greater", 90, 1, 4000)));
    ASSERT_EQ(evicted.size(), 1U);
    EXPECT_EQ(evicted[0].job_id(), "least");
}

TEST_F(Preempts, who_holds_the_port_that_is_asked_for_and_nobody_else) {
    harness.add_nodes(1);
    const auto with_port = [](schema::Job made, int number) {
        auto& port = *group_of(made).add_networks()->add_reserved_ports();
        port.set_label("http");
        port.set_value(number);
        return made;
    };
    harness.run(with_port(job("other", 20, 1, 100), 9000));
    harness.run(with_port(job("holder", 30, 1, 100), 8080));
    harness.run(job("bystander", 10, 2, 100));
    const auto evicted = preemptions(harness.run(with_port(job("greater", 70, 1, 100), 8080)));
    ASSERT_EQ(evicted.size(), 1U);
    EXPECT_EQ(evicted[0].job_id(), "holder");
}

TEST_F(Preempts, a_system_job_takes_room_on_every_node) {
    harness.add_nodes(2);
    harness.run(job("lesser", 20, 4, 2000));
    const auto output = harness.run(job("guard", 80, 1, 500, "system"));
    EXPECT_EQ(preemptions(output).size(), 2U);
    EXPECT_EQ(harness.live("guard").size(), 2U);
    EXPECT_EQ(desired(output).preemptions(), 2U);
}

// Random fleets: what is evicted makes the room, and is never a peer, nor one too many.
TEST_F(Preempts, on_random_fleets_no_more_than_must_and_no_one_too_important) {
    std::size_t evictions = 0;
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        Prng prng{seed};
        Harness fleet{seed};
        fleet.preemption = true;
        fleet.add_nodes(static_cast<std::uint32_t>(prng.between(1, 3)));
        for (int step = 0; step < 8; ++step) {
            auto made = job("job-" + std::to_string(step), static_cast<int>(prng.between(1, 100)),
                            static_cast<int>(prng.between(1, 3)),
                            static_cast<int>(100 * prng.between(2, 20)));
            if (prng.chance(1, 4)) {
                auto& port = *group_of(made).add_networks()->add_reserved_ports();
                port.set_label("p");
                port.set_value(8080);
            }
            if (prng.chance(1, 3)) group_of(made).mutable_migrate()->set_max_parallel(1);
            const int priority = made.priority();
            const auto before = fleet.view();
            const auto output = fleet.run(made);
            EXPECT_TRUE(refusals(before, output.plan()).empty()) << "seed " << seed;
            for (const auto& victim : preemptions(output)) {
                ++evictions;
                const auto row = before.allocation(state::to_uuid(victim.id()));
                ASSERT_NE(row, nullptr);
                EXPECT_LE(row->job->priority(), priority - 10) << "seed " << seed;
                EXPECT_NE(victim.job_id(), made.id());
                // Without this one the node would not have held what was placed there.
                auto spared = output.plan();
                for (auto& list : *spared.mutable_preemptions()) {
                    auto& kept = *list.mutable_allocations();
                    kept.erase(
                        std::remove_if(kept.begin(), kept.end(),
                                       [&](const auto& one) { return one.id() == victim.id(); }),
                        kept.end());
                }
                if (placements(output).size() == 1) {
                    EXPECT_FALSE(refusals(before, spared).empty())
                        << "seed " << seed << ": " << victim.name() << " could have stayed";
                }
            }
        }
    }
    EXPECT_GT(evictions, 100U) << "or the test shows nothing";
}

}  // namespace
}  // namespace drover::scheduler::testing
