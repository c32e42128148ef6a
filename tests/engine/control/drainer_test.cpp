// What a drain marks and when it is over: rules by hand, and drains of random fleets, in which no
// service may ever miss more than it allows and every drain comes to its end.
#include "engine/control/drainer.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "tests/engine/scheduler/harness.hpp"

namespace drover::control {
namespace {

using namespace scheduler::testing;

schema::Job service(const std::string& id, int count, int max_parallel) {
    auto job = make_job(id, count);
    set_update(job, 1);
    group_of(job).mutable_migrate()->set_max_parallel(max_parallel);
    return job;
}

// A fleet whose operators and clients do what they are told.
struct Fleet {
    Harness harness;
    std::vector<std::string> jobs;

    explicit Fleet(std::uint32_t nodes, std::uint64_t seed = 1) : harness{seed} {
        harness.add_nodes(nodes);
    }
    void run(schema::Job job) {
        jobs.push_back(job.id());
        harness.run(std::move(job));
        settle();
    }
    void drain(std::uint32_t node, std::int64_t force_deadline, bool ignore_system = false) {
        schema::Entry entry;
        auto& change = *entry.mutable_change_node_drain();
        change.set_node_id(node_id(node).raw());
        change.mutable_strategy()->set_force_deadline(force_deadline);
        change.mutable_strategy()->set_ignore_system_jobs(ignore_system);
        harness.apply(std::move(entry));
    }
    [[nodiscard]] std::set<Uuid> draining() const {
        std::set<Uuid> ids;
        const auto view = harness.view();
        for (const auto& node : view.nodes()) {
            if (node->has_drain_strategy()) ids.insert(state::to_uuid(node->id()));
        }
        return ids;
    }
    [[nodiscard]] DrainRound decide() const {
        return decide_drain(harness.view(), draining(), harness.wall);
    }
    void carry_out(const DrainRound& round) {
        for (const auto& mark : round.marks) {
            harness.transition(mark.allocation, [&](schema::DesiredTransition& transition) {
                transition.set_migrate(true);
                if (!mark.replace) transition.set_migrate_disable_placement(true);
            });
        }
        for (const auto& emptied : round.emptied) {
            schema::Entry entry;
            entry.mutable_change_node_drain()->set_node_id(emptied.node->id());
            entry.mutable_change_node_drain()->set_outcome("complete");
            harness.apply(std::move(entry));
        }
    }
    // What is to run runs and is healthy, except for batch work, which knows no health; what is to
    // stop has stopped.
    void settle() {
        for (const std::string& id : jobs) {
            const auto job = harness.view().job({"default", id});
            for (const auto& row : harness.allocations(id)) {
                if (row->client_terminal()) continue;
                if (row->server_terminal()) {
                    harness.report(row, "complete");
                    continue;
                }
                harness.report(row, "running", [&](schema::Allocation& news) {
                    if (job->type() == "service") {
                        news.mutable_deployment_status()->set_healthy(true);
                    }
                });
            }
        }
    }
    void evaluate() {
        for (const std::string& id : jobs) {
            harness.evaluate(id, harness.view().job({"default", id})->type());
        }
    }
    [[nodiscard]] std::vector<state::AllocationPtr> on(std::uint32_t node) const {
        std::vector<state::AllocationPtr> rows;
        const auto view = harness.view();
        for (const auto& row : view.allocations_on(node_id(node))) {
            if (!row->client_terminal()) rows.push_back(row);
        }
        return rows;
    }
};

TEST(Drainer, marks_no_more_of_a_service_than_it_allows_at_a_time) {
    Fleet fleet{1};
    fleet.run(service("api", 6, 2));
    fleet.drain(1, 0);
    EXPECT_EQ(fleet.decide().marks.size(), 2U);
    fleet.carry_out(fleet.decide());
    EXPECT_TRUE(fleet.decide().marks.empty()) << "until others have proved themselves";
}

TEST(Drainer, lets_batch_work_finish_and_stops_it_for_good_at_the_deadline) {
    Fleet fleet{1};
    fleet.run(make_job("once", 2, "batch"));
    const std::int64_t deadline = fleet.harness.wall.value() + minute.count();
    fleet.drain(1, deadline);
    const DrainRound before = fleet.decide();
    EXPECT_TRUE(before.marks.empty());
    EXPECT_TRUE(before.emptied.empty());
    EXPECT_EQ(before.next_deadline, WallTime{deadline});
    fleet.harness.wall = WallTime{deadline};
    const DrainRound after = fleet.decide();
    ASSERT_EQ(after.marks.size(), 2U);
    EXPECT_FALSE(after.marks[0].replace);
    ASSERT_EQ(after.emptied.size(), 1U);
    EXPECT_TRUE(after.emptied[0].at_deadline);
}

TEST(Drainer, system_jobs_leave_last_or_stay) {
    for (const bool ignore : {false, true}) {
        Fleet fleet{2};
        fleet.run(make_job("shipper", 1, "system"));
        fleet.run(service("api", 4, 4));
        fleet.drain(1, 0, ignore);
        const std::size_t there = fleet.on(1).size();
        const DrainRound first = fleet.decide();
        EXPECT_EQ(first.marks.size(), there - 1) << "all but the system job's";
        EXPECT_EQ(first.emptied.empty(), there > 1);
        fleet.carry_out(first);
        fleet.evaluate();
        fleet.settle();
        if (first.emptied.empty()) {
            const DrainRound last = fleet.decide();
            EXPECT_EQ(last.emptied.size(), 1U);
            EXPECT_EQ(last.marks.size(), ignore ? 0U : 1U);
        }
    }
}

TEST(Drainer, a_forced_drain_marks_everything_at_once) {
    Fleet fleet{2};
    fleet.run(service("api", 6, 1));
    fleet.drain(1, fleet.harness.wall.value());
    const DrainRound round = fleet.decide();
    EXPECT_EQ(round.marks.size(), fleet.on(1).size());
    EXPECT_EQ(round.emptied.size(), 1U);
}

TEST(Drainer, a_job_that_is_stopped_needs_no_marks) {
    Fleet fleet{1};
    fleet.run(service("api", 3, 3));
    fleet.drain(1, 0);
    fleet.harness.deregister("api");
    EXPECT_TRUE(fleet.decide().marks.empty());
    EXPECT_TRUE(fleet.decide().emptied.empty()) << "it has yet to leave";
}

std::int64_t serving(const Fleet& fleet, const std::string& job) {
    const auto rows = fleet.harness.live(job);
    return std::ranges::count_if(rows, [](const auto& row) {
        return row->body.deployment_status().healthy() && !row->body.desired_transition().migrate();
    });
}

RC_GTEST_PROP(Drainer, EmptiesRandomFleetsWithoutEverTakingTooMuch, (std::uint64_t seed)) {
    Prng prng{seed};
    Fleet fleet{3 + static_cast<std::uint32_t>(prng.below(3)), seed};
    struct Service {
        std::string id;
        std::int64_t floor;
    };
    std::vector<Service> services;
    for (std::uint64_t i = 0; i < 1 + prng.below(3); ++i) {
        const int count = 1 + static_cast<int>(prng.below(6));
        const int max_parallel = 1 + static_cast<int>(prng.below(3));
        const std::string id = "service-" + std::to_string(i);
        fleet.run(service(id, count, max_parallel));
        services.push_back({id, count - max_parallel});
    }
    fleet.run(make_job("once", 2, "batch"));
    fleet.run(make_job("everywhere", 1, "system"));
    const std::int64_t deadline = fleet.harness.wall.value() + 60 * second.count();
    const std::uint32_t drained = 1 + static_cast<std::uint32_t>(prng.below(2));
    for (std::uint32_t node = 1; node <= drained; ++node) fleet.drain(node, deadline);
    for (int round = 0; round < 70 && !fleet.draining().empty(); ++round) {
        const bool late = fleet.harness.wall.value() >= deadline;
        fleet.carry_out(fleet.decide());
        for (const Service& one : services) {
            RC_ASSERT(late || serving(fleet, one.id) >= one.floor);
        }
        if (prng.below(3) != 0) fleet.evaluate();
        if (prng.below(3) != 0) fleet.settle();
        fleet.harness.wall = fleet.harness.wall + second;
    }
    RC_ASSERT(fleet.draining().empty());
    for (int turn = 0; turn < 2; ++turn) {
        fleet.evaluate();
        fleet.settle();
    }
    for (std::uint32_t node = 1; node <= drained; ++node) RC_ASSERT(fleet.on(node).empty());
}

}  // namespace
}  // namespace drover::control
