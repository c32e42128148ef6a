// Rollouts of system jobs: by health instead of by time, first on a share of the nodes, and never
// further than the deployment lets them.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "engine/scheduler/deployment.hpp"
#include "engine/scheduler/fit.hpp"
#include "engine/schema/job.pb.h"
#include "tests/engine/scheduler/harness.hpp"

namespace drover::scheduler::testing {
namespace {

schema::Job agent_job(int max_parallel, int canary = 0) {
    auto job = make_job("agent", 1, "system");
    group_of(job).clear_reschedule_policy();
    set_update(job, max_parallel, canary);
    return job;
}

// A world in which system jobs have deployments.
struct World : Harness {
    explicit World(std::uint32_t nodes) {
        system_rollouts = true;
        add_nodes(nodes);
    }
    schema::SchedulerOutput look() { return evaluate("agent", "system"); }
    void settle() {
        run_all("agent");
        make_healthy("agent");
        look();
    }
    // The first version, healthy everywhere.
    void install(const schema::Job& job) {
        run(job);
        settle();
    }
    schema::SchedulerOutput change(schema::Job job, int cpu = 600) {
        group_of(job).mutable_tasks(0)->mutable_resources()->set_cpu(cpu);
        return run(std::move(job));
    }
    [[nodiscard]] state::DeploymentPtr deployment() const {
        return view().latest_deployment({"default", "agent"});
    }
    [[nodiscard]] const schema::DeploymentState& state() const {
        return deployment()->task_groups(0);
    }
    [[nodiscard]] std::size_t of_version(std::uint64_t version) const {
        const auto rows = live("agent");
        return static_cast<std::size_t>(
            std::count_if(rows.begin(), rows.end(),
                          [&](const auto& row) { return row->body.job_version() == version; }));
    }
    void change_deployment(const std::string& status) {
        schema::Entry entry;
        auto& update = *entry.mutable_change_deployment()->mutable_status();
        update.set_deployment_id(deployment()->id());
        update.set_status(status);
        update.set_description(status);
        apply(std::move(entry));
    }
};

TEST(SystemRollout, a_first_version_is_a_deployment_that_waits_for_every_node) {
    World world{3};
    world.run(agent_job(1));
    EXPECT_EQ(world.of_version(0), 3U) << "nothing is replaced: nothing has to wait";
    EXPECT_EQ(world.deployment()->status(), "running");
    EXPECT_EQ(world.state().desired_total(), 3);
    EXPECT_EQ(world.state().placed_allocs(), 3);
    world.look();
    EXPECT_EQ(world.deployment()->status(), "running");
    world.settle();
    EXPECT_EQ(world.deployment()->status(), "successful");
    EXPECT_EQ(world.deployment()->status_description(), "Deployment completed successfully");
    EXPECT_TRUE(world.view().job({"default", "agent"})->stable());
    EXPECT_EQ(count_stops(world.look()), 0);
}

TEST(SystemRollout, without_an_update_block_there_is_none) {
    World world{2};
    world.run(agent_job(0));
    EXPECT_EQ(world.deployment(), nullptr);
    world.change(agent_job(0));
    EXPECT_EQ(world.of_version(1), 2U);
    EXPECT_EQ(world.deployment(), nullptr);
}

TEST(SystemRollout, below_its_feature_level_there_is_none) {
    World world{2};
    world.system_rollouts = false;
    world.run(agent_job(1));
    EXPECT_EQ(world.deployment(), nullptr);
    const auto output = world.change(agent_job(1));
    EXPECT_EQ(world.of_version(1), 1U);
    EXPECT_EQ(output.created(0).triggered_by(), "rolling-update");
}

TEST(SystemRollout, goes_on_by_health_and_not_by_time) {
    World world{5};
    world.install(agent_job(2));
    const auto first = world.deployment();
    const auto output = world.change(agent_job(2));
    EXPECT_NE(world.deployment()->id(), first->id());
    EXPECT_EQ(output.evaluation().deployment_id(), world.deployment()->id());
    EXPECT_EQ(output.created_size(), 0) << "no stagger";
    EXPECT_EQ(world.state().desired_total(), 5);
    for (const std::size_t changed : {2U, 4U, 5U}) {
        EXPECT_EQ(world.of_version(1), changed);
        world.wall = world.wall + minute;
        world.look();
        EXPECT_EQ(world.of_version(1), changed) << "what was placed has not said a word";
        EXPECT_EQ(world.deployment()->status(), "running");
        world.settle();
    }
    EXPECT_EQ(world.deployment()->status(), "successful");
}

TEST(SystemRollout, stops_at_what_is_unhealthy_and_where_an_operator_pauses_or_fails_it) {
    struct Row {
        const char* why;
        std::function<void(World&)> meanwhile;
    };
    const Row rows[]{
        {"unhealthy", [](World& world) { world.make_healthy("agent", false); }},
        {"paused",
         [](World& world) {
             world.make_healthy("agent");
             world.change_deployment("paused");
         }},
        {"failed",
         [](World& world) {
             world.make_healthy("agent");
             world.change_deployment("failed");
         }},
    };
    for (const auto& row : rows) {
        World world{4};
        world.install(agent_job(1));
        world.change(agent_job(1));
        row.meanwhile(world);
        const auto output = world.look();
        EXPECT_EQ(world.of_version(1), 1U) << row.why;
        EXPECT_EQ(output.created_size(), 0) << row.why;
        EXPECT_EQ(world.live("agent").size(), 4U) << row.why;
    }
}

TEST(SystemRollout, canaries_are_a_share_of_the_nodes_rounded_up_and_no_more_than_max_parallel) {
    struct Row {
        int max_parallel, canary;
        std::uint32_t nodes;
        std::size_t canaries;
    };
    for (const Row& row : {Row{10, 25, 4, 1}, Row{10, 26, 4, 2}, Row{10, 100, 4, 4},
                           Row{2, 100, 4, 2}, Row{1, 1, 3, 1}}) {
        World world{row.nodes};
        world.install(agent_job(row.max_parallel, row.canary));
        EXPECT_EQ(world.state().desired_canaries(), 0) << "the first version is no trial";
        const auto output = world.change(agent_job(row.max_parallel, row.canary));
        EXPECT_EQ(world.of_version(1), row.canaries);
        EXPECT_EQ(desired(output).canary(), row.canaries);
        EXPECT_EQ(static_cast<std::size_t>(world.state().desired_canaries()), row.canaries);
        EXPECT_EQ(static_cast<std::size_t>(world.state().placed_canaries_size()), row.canaries);
        EXPECT_EQ(world.deployment()->status_description(),
                  "Deployment is running but requires manual promotion");
        world.settle();
        EXPECT_EQ(world.of_version(1), row.canaries) << "nobody has promoted them";
        EXPECT_EQ(world.deployment()->status(), "running");
    }
}

TEST(SystemRollout, after_the_promotion_the_others_follow) {
    World world{4};
    world.install(agent_job(2, 25));
    world.change(agent_job(2, 25));
    world.settle();
    world.promote("agent");
    world.look();
    EXPECT_EQ(world.of_version(1), 3U) << "one canary, and two more";
    world.settle();
    world.settle();
    EXPECT_EQ(world.of_version(1), 4U);
    EXPECT_EQ(world.deployment()->status(), "successful");
}

TEST(SystemRollout, a_node_without_any_gets_the_version_before_while_the_new_one_is_on_trial) {
    World world{3};
    world.install(agent_job(2, 30));
    world.change(agent_job(2, 30));
    world.settle();
    world.add(make_node(4));
    world.look();
    EXPECT_EQ(world.of_version(0), 3U);
    EXPECT_EQ(world.of_version(1), 1U);
    EXPECT_EQ(world.state().desired_total(), 3) << "it is not of this rollout yet";
    world.settle();
    EXPECT_EQ(world.state().desired_total(), 4);
    world.promote("agent");
    for (int i = 0; i < 3; ++i) world.settle();
    EXPECT_EQ(world.of_version(1), 4U);
    EXPECT_EQ(world.deployment()->status(), "successful");
}

TEST(SystemRollout, a_canary_that_is_lost_with_its_node_is_tried_elsewhere) {
    World world{3};
    world.install(agent_job(2, 30));
    world.change(agent_job(2, 30));
    world.settle();
    for (const auto& row : world.live("agent")) {
        if (row->body.job_version() != 1) continue;
        for (std::uint32_t node = 1; node <= 3; ++node) {
            if (node_id(node) == row->node_id) world.set_status(node, "down");
        }
    }
    world.look();
    EXPECT_EQ(world.of_version(1), 1U);
    EXPECT_EQ(world.of_version(0), 1U);
    EXPECT_EQ(world.state().desired_canaries(), 1);
    EXPECT_EQ(world.state().desired_total(), 2);
    world.settle();
    world.promote("agent");
    for (int i = 0; i < 2; ++i) world.settle();
    EXPECT_EQ(world.deployment()->status(), "successful");
}

TEST(SystemRollout, does_not_wait_for_nodes_that_have_left_or_have_no_room) {
    World world{4};
    world.install(agent_job(1));
    auto big = make_job("big", 1);
    group_of(big).mutable_tasks(0)->mutable_resources()->set_cpu(3300);
    add_constraint(big, "${node.unique.id}", "=", node_id(1).text());
    world.run(big);
    world.change(agent_job(1), 1000);
    world.set_status(2, "down");
    for (int i = 0; i < 4; ++i) world.settle();
    EXPECT_EQ(world.of_version(1), 2U);
    EXPECT_EQ(world.of_version(0), 1U) << "what has no replacement stays";
    EXPECT_EQ(world.state().desired_total(), 2);
    EXPECT_EQ(world.deployment()->status(), "successful");
}

TEST(SystemRollout, what_is_told_in_place_tells_its_health_anew) {
    World world{2};
    auto job = agent_job(1);
    world.install(job);
    job.set_priority(70);
    const auto output = world.run(job);
    EXPECT_EQ(desired(output).in_place_update(), 2U);
    for (const auto& row : world.live("agent")) {
        EXPECT_EQ(row->body.deployment_id(), world.deployment()->id());
        EXPECT_FALSE(row->body.deployment_status().has_healthy());
    }
    world.settle();
    EXPECT_EQ(world.deployment()->status(), "successful");
}

TEST(SystemRollout, is_called_off_by_a_newer_version_and_by_the_end_of_the_job) {
    World world{3};
    world.install(agent_job(1));
    world.change(agent_job(1), 600);
    const auto second = state::to_uuid(world.deployment()->id());
    world.change(agent_job(1), 700);
    const auto third = state::to_uuid(world.deployment()->id());
    EXPECT_EQ(world.view().deployment(second)->status_description(),
              "Cancelled due to newer version of job");
    EXPECT_EQ(world.of_version(2), 1U);
    world.deregister("agent");
    world.look();
    EXPECT_EQ(world.view().deployment(third)->status_description(),
              "Cancelled because job is stopped");
    EXPECT_TRUE(world.live("agent").empty());
}

TEST(SystemRollout, a_version_that_was_rolled_out_has_no_second_deployment) {
    World world{2};
    world.install(agent_job(1));
    const auto first = world.deployment()->id();
    world.add(make_node(3));
    world.look();
    EXPECT_EQ(world.live("agent").size(), 3U);
    EXPECT_EQ(world.deployment()->id(), first);
    EXPECT_EQ(world.deployment()->status(), "successful");
}

// One random history of nodes, versions, reports and operators.
class History {
public:
    explicit History(std::uint64_t seed) : prng_{seed}, world_{node_count} { world_.run(job()); }
    void step() {
        world_.wall = world_.wall + static_cast<std::int64_t>(prng_.below(90)) * second;
        change_the_world();
        look();
    }
    // Everything is well again, and operators want the newest version everywhere.
    void end_well() {
        for (std::uint32_t node = 1; node <= node_count; ++node) world_.set_status(node, "ready");
        if (prng_.chance(1, 2)) world_.register_job(job());
        for (int i = 0; i < 3 * static_cast<int>(node_count); ++i) {
            const auto deployment = world_.deployment();
            if (deployment && deployment->status() == "failed") world_.register_job(job());
            if (deployment && deployment->status() == "paused") resume();
            world_.wall = world_.wall + minute;
            world_.settle();
            if (may_promote()) world_.promote("agent");
        }
        const auto version = world_.view().job({"default", "agent"})->version();
        EXPECT_EQ(world_.of_version(version), node_count);
        EXPECT_EQ(world_.live("agent").size(), node_count);
        EXPECT_EQ(world_.deployment()->status(), "successful");
    }

private:
    static constexpr std::uint32_t node_count = 6;
    static constexpr int max_parallel = 2;

    schema::Job job() {
        auto job = agent_job(max_parallel, prng_.chance(1, 2) ? 30 : 0);
        job.set_priority(static_cast<std::int32_t>(40 + prng_.below(20)));
        group_of(job).mutable_tasks(0)->mutable_resources()->set_cpu(
            static_cast<std::int32_t>(400 + prng_.below(5) * 100));
        return job;
    }
    [[nodiscard]] bool is_active() const {
        return world_.deployment() != nullptr && scheduler::is_active(*world_.deployment());
    }
    void resume() { world_.change_deployment("running"); }
    [[nodiscard]] bool may_promote() const {
        if (!is_active() || !awaits_promotion(world_.state())) return false;
        std::int32_t healthy = 0;
        for (const auto& id : world_.state().placed_canaries()) {
            const auto row = world_.view().allocation(state::to_uuid(id));
            if (!row->terminal() && row->body.deployment_status().healthy()) ++healthy;
        }
        return healthy >= world_.state().desired_canaries();
    }
    void report() {
        for (const auto& row : world_.live("agent")) {
            if (!prng_.chance(1, 2)) continue;
            const bool fails = prng_.chance(1, 12);
            world_.report(row, fails ? "failed" : "running", [&](schema::Allocation& news) {
                if (news.deployment_id().empty()) return;
                news.mutable_deployment_status()->set_healthy(!fails);
            });
        }
    }
    void change_the_world() {
        switch (prng_.below(8)) {
            case 0:
                return world_.register_job(job());
            case 1:
                return world_.set_status(static_cast<std::uint32_t>(prng_.between(1, node_count)),
                                         prng_.chance(1, 3) ? "down" : "ready");
            case 2:
                if (may_promote()) world_.promote("agent");
                return;
            case 3:
                if (!is_active()) return;
                return world_.change_deployment(prng_.chance(1, 3)   ? "failed"
                                                : prng_.chance(1, 2) ? "paused"
                                                                     : "running");
            default:
                return report();
        }
    }
    // Those of the deployment that stay and have not said how they are, beside its canaries.
    [[nodiscard]] std::size_t unsettled(const state::StateView& view,
                                        const std::set<std::string>& leaving) const {
        const auto deployment = view.latest_deployment({"default", "agent"});
        std::size_t count = 0;
        for (const auto& row : view.allocations_of({"default", "agent"})) {
            const auto status = row->body.deployment_status();
            const bool member =
                deployment != nullptr && row->body.deployment_id() == deployment->id();
            count += !row->terminal() && member && !leaving.contains(row->id.raw()) &&
                     !status.has_healthy() && !status.canary();
        }
        return count;
    }
    void look() {
        const auto before = world_.view();
        const auto output = world_.look();
        EXPECT_TRUE(refusals(before, output.plan()).empty());
        std::set<std::pair<Uuid, std::string>> slots;
        for (const auto& row : world_.live("agent")) {
            EXPECT_TRUE(slots.emplace(row->node_id, std::string{row->body.name()}).second);
        }
        std::size_t replaced = 0;
        std::set<std::string> leaving;
        for (const auto& list : output.plan().stops()) {
            for (const auto& one : list.allocations()) {
                leaving.insert(one.id());
                replaced += one.desired_description() == "alloc is being updated due to job update";
            }
        }
        const auto deployment = world_.deployment();
        const bool trial = is_active() && awaits_promotion(world_.state());
        if (trial) {
            EXPECT_LE(replaced, static_cast<std::size_t>(world_.state().desired_canaries()));
        } else if (is_active() && deployment->status() == "paused") {
            EXPECT_EQ(replaced, 0U);
        } else if (is_active() && replaced > 0 && output.plan().has_deployment() &&
                   before.deployment(state::to_uuid(deployment->id())) != nullptr) {
            EXPECT_LE(unsettled(before, leaving) + replaced,
                      static_cast<std::size_t>(max_parallel));
        }
        const auto again = world_.look();
        EXPECT_EQ(count_stops(again), 0) << "a second run stops something";
        EXPECT_TRUE(placements(again).empty()) << "a second run places something";
    }

    Prng prng_;
    World world_;
};

TEST(SystemRollout, any_history_keeps_the_promises_and_can_end_well) {
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        History history{seed};
        for (int step = 0; step < 40; ++step) {
            SCOPED_TRACE("step " + std::to_string(step));
            history.step();
            if (::testing::Test::HasFailure()) return;
        }
        history.end_well();
        if (::testing::Test::HasFailure()) return;
    }
}

}  // namespace
}  // namespace drover::scheduler::testing
