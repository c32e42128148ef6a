// System and sysbatch jobs: once on every node that can hold them, and what changes that.
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "tests/engine/scheduler/harness.hpp"

namespace drover::scheduler::testing {
namespace {

schema::Job system_job(const std::string& type = "system") {
    schema::Job job = make_job("agent", 1, type);
    group_of(job).clear_reschedule_policy();
    return job;
}

std::size_t live_on(const Harness& harness, std::uint32_t node) {
    std::size_t count = 0;
    for (const auto& row : harness.live("agent")) count += row->node_id == node_id(node) ? 1U : 0U;
    return count;
}

const schema::DesiredUpdates& desired(const schema::SchedulerOutput& output) {
    return output.annotations().desired_tg_updates(0);
}

TEST(System, every_eligible_node_runs_it_once_and_a_new_node_gets_it_too) {
    Harness harness;
    harness.add_nodes(4);
    harness.set_eligibility(3, "ineligible");
    const auto output = harness.run(system_job());
    EXPECT_EQ(output.evaluation().status(), "complete");
    EXPECT_TRUE(output.evaluation().failed_tg_allocs().empty());
    EXPECT_EQ(harness.live("agent").size(), 3U);
    EXPECT_EQ(live_on(harness, 3), 0U);
    for (const auto& row : harness.live("agent")) EXPECT_EQ(row->body.name(), "agent.web[0]");

    harness.add(make_node(5));
    harness.set_eligibility(3, "eligible");
    harness.evaluate("agent", "system");
    EXPECT_EQ(harness.live("agent").size(), 5U);
    EXPECT_EQ(live_on(harness, 5), 1U);
    const auto again = harness.evaluate("agent", "system");
    EXPECT_EQ(desired(again).ignore(), 5U);
    EXPECT_TRUE(again.plan().placements().empty());
}

TEST(System, an_ineligible_node_keeps_what_it_has_until_the_job_changes) {
    Harness harness;
    harness.add_nodes(2);
    harness.run(system_job());
    harness.set_eligibility(1, "ineligible");
    harness.evaluate("agent", "system");
    EXPECT_EQ(live_on(harness, 1), 1U);
    auto changed = system_job();
    changed.mutable_task_groups(0)->mutable_tasks(0)->mutable_resources()->set_cpu(600);
    harness.run(std::move(changed));
    EXPECT_EQ(live_on(harness, 1), 0U);
    EXPECT_EQ(live_on(harness, 2), 1U);
}

TEST(System, what_ran_on_a_down_node_is_lost_and_comes_back_with_the_node) {
    Harness harness;
    harness.add_nodes(2);
    harness.run(system_job());
    harness.run_all("agent");
    harness.set_status(1, "down");
    harness.evaluate("agent", "system");
    EXPECT_EQ(harness.live("agent").size(), 1U);
    for (const auto& row : harness.allocations("agent")) {
        if (row->node_id != node_id(1)) continue;
        EXPECT_EQ(row->body.client_status(), "lost");
    }
    harness.set_status(1, "ready");
    harness.evaluate("agent", "system");
    EXPECT_EQ(live_on(harness, 1), 1U);
}

TEST(System, nodes_ruled_out_by_constraints_are_no_failure_unless_none_is_left) {
    Harness harness;
    harness.add_nodes(2);
    auto other = make_node(3);
    other.set_node_class("edge");
    harness.add(other);
    auto job = system_job();
    add_constraint(job, "${node.class}", "=", "edge");
    const auto some = harness.run(job);
    EXPECT_TRUE(some.evaluation().failed_tg_allocs().empty());
    EXPECT_TRUE(some.created().empty());
    EXPECT_EQ(harness.live("agent").size(), 1U);
    const auto again = harness.evaluate("agent", "system");
    EXPECT_TRUE(again.evaluation().failed_tg_allocs().empty());

    job.mutable_constraints(0)->set_r_target("moon");
    job.set_id("nowhere");
    const auto none = harness.run(job);
    ASSERT_EQ(none.evaluation().failed_tg_allocs_size(), 1);
    EXPECT_EQ(none.evaluation().failed_tg_allocs(0).value().nodes_filtered(), 3);
}

TEST(System, a_node_without_room_is_waited_for_by_an_evaluation_of_its_own) {
    Harness harness;
    harness.add_nodes(2);
    auto big = make_job("big", 2);
    big.mutable_task_groups(0)->mutable_tasks(0)->mutable_resources()->set_cpu(3800);
    harness.run(big);
    const auto output = harness.run(system_job());
    EXPECT_EQ(output.evaluation().status(), "complete");
    ASSERT_EQ(output.created_size(), 2);
    std::set<std::string> nodes;
    for (const auto& blocked : output.created()) {
        EXPECT_EQ(blocked.status(), "blocked");
        nodes.insert(blocked.node_id());
    }
    EXPECT_EQ(nodes, (std::set{node_id(1).raw(), node_id(2).raw()}));
    ASSERT_EQ(output.evaluation().failed_tg_allocs_size(), 1);
    EXPECT_EQ(output.evaluation().failed_tg_allocs(0).value().nodes_exhausted(), 2);
    EXPECT_EQ(harness.evaluate("agent", "system").created_size(), 0) << "both wait already";

    harness.deregister("big");
    harness.evaluate("big");
    auto waiting = output.created(0);
    harness.commit(waiting);
    EXPECT_EQ(harness.live("agent").size(), 2U);
}

TEST(System, a_new_version_rolls_over_the_nodes_with_the_stagger_between) {
    Harness harness;
    harness.add_nodes(3);
    auto job = system_job();
    set_update(job, 1);
    group_of(job).mutable_update()->set_stagger(second.count() * 30);
    harness.run(job);
    group_of(job).mutable_tasks(0)->mutable_resources()->set_cpu(600);
    auto output = harness.run(job);
    for (int left = 2; left >= 0; --left) {
        EXPECT_EQ(desired(output).destructive_update(), 1U);
        EXPECT_EQ(harness.live("agent").size(), 3U);
        std::size_t old = 0;
        for (const auto& row : harness.live("agent")) old += row->body.job_version() == 0 ? 1U : 0U;
        EXPECT_EQ(old, static_cast<std::size_t>(left));
        ASSERT_EQ(output.created_size(), left > 0 ? 1 : 0);
        if (left == 0) break;
        EXPECT_EQ(output.created(0).triggered_by(), "rolling-update");
        EXPECT_EQ(output.created(0).wait_until(), harness.wall.value() + second.count() * 30);
        harness.wall = harness.wall + second * 30;
        output = harness.commit(output.created(0));
    }
}

std::size_t of_version(const Harness& harness, std::uint64_t version) {
    std::size_t count = 0;
    for (const auto& row : harness.live("agent")) {
        count += row->body.job_version() == version ? 1U : 0U;
    }
    return count;
}

TEST(System, evaluations_in_between_do_not_make_a_stagger_shorter) {
    Harness harness;
    harness.add_nodes(4);
    auto job = system_job();
    set_update(job, 1);
    group_of(job).mutable_update()->set_stagger(second.count() * 30);
    harness.run(job);
    group_of(job).mutable_tasks(0)->mutable_resources()->set_cpu(600);
    harness.wall = harness.wall + second * 60;
    const auto first = harness.run(job);
    ASSERT_EQ(first.created_size(), 1);
    harness.wall = harness.wall + second * 10;
    const auto between = harness.evaluate("agent", "system");
    EXPECT_EQ(of_version(harness, 1), 1U);
    EXPECT_EQ(between.created_size(), 0) << "one evaluation at the end of the stagger is enough";
    harness.wall = harness.wall + second * 20;
    harness.commit(first.created(0));
    EXPECT_EQ(of_version(harness, 1), 2U);
}

TEST(System, a_node_without_room_for_its_replacement_does_not_halt_the_others) {
    Harness harness;
    harness.add_nodes(3);
    auto job = system_job();
    set_update(job, 1);
    group_of(job).mutable_update()->set_stagger(second.count());
    harness.run(job);
    auto big = make_job("big", 1);
    big.mutable_task_groups(0)->mutable_tasks(0)->mutable_resources()->set_cpu(3300);
    add_constraint(big, "${node.unique.id}", "=", node_id(1).text());
    ASSERT_TRUE(harness.run(big).evaluation().failed_tg_allocs().empty());
    group_of(job).mutable_tasks(0)->mutable_resources()->set_cpu(1000);
    harness.wall = harness.wall + second * 60;
    const auto output = harness.run(job);
    EXPECT_EQ(harness.live("agent").size(), 3U) << "what has no replacement stays";
    EXPECT_EQ(of_version(harness, 1), 1U);
    EXPECT_EQ(desired(output).destructive_update(), 1U);
    harness.wall = harness.wall + second;
    harness.evaluate("agent", "system");
    EXPECT_EQ(of_version(harness, 1), 2U);
}

TEST(System, what_only_servers_look_at_is_told_in_place) {
    Harness harness;
    harness.add_nodes(2);
    auto job = system_job();
    harness.run(job);
    const auto before = harness.live("agent");
    job.set_priority(70);
    const auto output = harness.run(job);
    EXPECT_EQ(desired(output).in_place_update(), 2U);
    const auto after = harness.live("agent");
    ASSERT_EQ(after.size(), 2U);
    EXPECT_EQ(after[0]->id, before[0]->id);
    EXPECT_EQ(after[0]->body.job_version(), 1U);
}

TEST(System, a_stopped_job_leaves_every_node) {
    Harness harness;
    harness.add_nodes(3);
    harness.run(system_job());
    harness.deregister("agent");
    harness.evaluate("agent", "system");
    EXPECT_TRUE(harness.live("agent").empty());
}

TEST(System, an_allocation_that_is_asked_to_migrate_leaves_a_node_that_drains) {
    Harness harness;
    harness.add_nodes(2);
    harness.run(system_job());
    harness.set_eligibility(1, "ineligible");
    for (const auto& row : harness.live("agent")) {
        if (row->node_id != node_id(1)) continue;
        harness.transition(row, [](schema::DesiredTransition& to) { to.set_migrate(true); });
    }
    harness.evaluate("agent", "system");
    EXPECT_EQ(live_on(harness, 1), 0U);
    EXPECT_EQ(live_on(harness, 2), 1U);
}

TEST(Sysbatch, what_has_ended_on_a_node_is_not_run_again_there) {
    Harness harness;
    harness.add_nodes(2);
    harness.run(system_job("sysbatch"));
    const auto rows = harness.live("agent");
    ASSERT_EQ(rows.size(), 2U);
    harness.report(rows[0], "complete");
    harness.report(rows[1], "failed");
    const auto again = harness.evaluate("agent", "sysbatch");
    EXPECT_TRUE(again.plan().placements().empty());
    EXPECT_EQ(desired(again).ignore(), 2U);

    harness.add(make_node(3));
    harness.evaluate("agent", "sysbatch");
    ASSERT_EQ(harness.live("agent").size(), 1U);
    EXPECT_EQ(live_on(harness, 3), 1U);

    auto changed = system_job("sysbatch");
    group_of(changed).mutable_tasks(0)->mutable_resources()->set_cpu(600);
    harness.run(changed);
    EXPECT_EQ(harness.live("agent").size(), 3U) << "a new version is new work";
}

}  // namespace
}  // namespace drover::scheduler::testing
