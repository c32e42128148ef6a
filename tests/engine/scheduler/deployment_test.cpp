// Rolling updates, canaries and the deployments that watch them.
#include <gtest/gtest.h>

#include "tests/engine/scheduler/harness.hpp"

namespace drover::scheduler::testing {
namespace {

schema::Job version(int number, int count, int max_parallel, int canary = 0) {
    auto job = make_job("api", count);
    set_update(job, max_parallel, canary);
    group_of(job).mutable_tasks(0)->set_user("user-" + std::to_string(number));
    return job;
}

state::DeploymentPtr latest(const Harness& harness) {
    return harness.view().latest_deployment({"default", "api"});
}

std::size_t of_version(const Harness& harness, std::uint64_t version) {
    const auto live = harness.live("api");
    return static_cast<std::size_t>(std::count_if(live.begin(), live.end(), [&](const auto& row) {
        return row->body.job_version() == version;
    }));
}

TEST(Deployment, is_created_with_the_first_version_and_ends_when_all_are_healthy) {
    Harness harness;
    harness.add_nodes(2);
    const auto output = harness.run(version(1, 3, 1));
    ASSERT_TRUE(output.plan().has_deployment());
    const auto& created = output.plan().deployment();
    EXPECT_EQ(created.status(), "running");
    ASSERT_EQ(created.task_groups_size(), 1);
    EXPECT_EQ(created.task_groups(0).desired_total(), 3);
    EXPECT_EQ(output.evaluation().deployment_id(), created.id());
    for (const auto& row : harness.live("api")) EXPECT_EQ(row->body.deployment_id(), created.id());
    EXPECT_EQ(latest(harness)->task_groups(0).placed_allocs(), 3);

    EXPECT_EQ(harness.evaluate("api").plan().deployment_updates_size(), 0);
    harness.make_healthy("api");
    const auto done = harness.evaluate("api");
    ASSERT_EQ(done.plan().deployment_updates_size(), 1);
    EXPECT_EQ(latest(harness)->status(), "successful");
    EXPECT_EQ(harness.evaluate("api").plan().deployment_updates_size(), 0);
}

TEST(Deployment, jobs_without_an_update_block_and_batch_jobs_have_none) {
    Harness harness;
    harness.add_nodes(1);
    EXPECT_FALSE(harness.run(make_job("api", 1)).plan().has_deployment());
    auto batch = make_job("sum", 1, "batch");
    set_update(batch, 1);
    EXPECT_FALSE(harness.run(batch).plan().has_deployment());
}

TEST(Deployment, replaces_no_more_at_once_than_it_may) {
    Harness harness;
    harness.add_nodes(4);
    harness.run(version(1, 4, 2));
    harness.make_healthy("api");
    harness.evaluate("api");
    const auto first = harness.run(version(2, 4, 2));
    EXPECT_EQ(desired(first).destructive_update(), 2U);
    EXPECT_EQ(desired(first).ignore(), 2U);
    EXPECT_EQ(of_version(harness, 1), 2U);
    EXPECT_EQ(harness.evaluate("api").plan().placements_size(), 0) << "none of them is healthy yet";
    harness.make_healthy("api");
    harness.evaluate("api");
    EXPECT_EQ(of_version(harness, 1), 4U);
    harness.make_healthy("api");
    harness.evaluate("api");
    EXPECT_EQ(latest(harness)->status(), "successful");
}

TEST(Deployment, an_unhealthy_allocation_halts_the_update) {
    Harness harness;
    harness.add_nodes(3);
    harness.run(version(1, 3, 1));
    harness.make_healthy("api");
    harness.evaluate("api");
    harness.run(version(2, 3, 1));
    for (const auto& row : harness.live("api")) {
        if (row->body.job_version() != 1) continue;
        harness.report(row, "running", [](schema::Allocation& news) {
            news.mutable_deployment_status()->set_healthy(false);
        });
    }
    EXPECT_EQ(desired(harness.evaluate("api")).destructive_update(), 0U);
    EXPECT_EQ(of_version(harness, 1), 1U);
}

TEST(Deployment, is_cancelled_by_a_newer_version_and_by_stopping_the_job) {
    Harness harness;
    harness.add_nodes(2);
    const auto first = harness.run(version(1, 2, 1)).plan().deployment().id();
    harness.run(version(2, 2, 1));
    EXPECT_EQ(harness.view().deployment(state::to_uuid(first))->status(), "cancelled");
    const auto second = latest(harness);
    EXPECT_EQ(second->status(), "running");
    harness.deregister("api");
    harness.evaluate("api");
    EXPECT_EQ(latest(harness)->status(), "cancelled");
    EXPECT_EQ(latest(harness)->status_description(), "Cancelled because job is stopped");
}

TEST(Deployment, a_halted_one_still_makes_good_what_was_lost) {
    Harness harness;
    harness.add_nodes(3);
    harness.run(version(1, 3, 1));
    schema::Entry entry;
    auto& status = *entry.mutable_change_deployment()->mutable_status();
    status.set_deployment_id(latest(harness)->id());
    status.set_status("paused");
    harness.apply(std::move(entry));
    harness.set_status(1, "down");
    harness.evaluate("api");
    EXPECT_EQ(harness.live("api").size(), 3U);
}

TEST(Canary, is_placed_beside_what_runs_and_nothing_is_replaced_before_its_promotion) {
    Harness harness;
    harness.add_nodes(4);
    harness.run(version(1, 3, 1));
    harness.make_healthy("api");
    harness.evaluate("api");
    const auto output = harness.run(version(2, 3, 1, 1));
    EXPECT_EQ(desired(output).canary(), 1U);
    EXPECT_EQ(desired(output).destructive_update(), 0U);
    EXPECT_EQ(output.plan().deployment().status_description(),
              "Deployment is running but requires manual promotion");
    EXPECT_EQ(of_version(harness, 0), 3U);
    EXPECT_EQ(of_version(harness, 1), 1U);
    EXPECT_EQ(latest(harness)->task_groups(0).placed_canaries_size(), 1);
    EXPECT_EQ(latest(harness)->task_groups(0).desired_canaries(), 1);
    EXPECT_EQ(harness.evaluate("api").plan().placements_size(), 0);
    for (const auto& row : harness.live("api")) {
        EXPECT_EQ(row->body.deployment_status().canary(), row->body.job_version() == 1);
    }
}

TEST(Canary, that_must_leave_its_node_is_placed_anew_even_while_everything_older_leaves) {
    Harness harness;
    harness.add_nodes(4);
    harness.run(version(1, 3, 1));
    harness.make_healthy("api");
    harness.evaluate("api");
    harness.run(version(2, 3, 1, 1));
    for (const auto& row : harness.live("api")) {
        harness.transition(row, [](auto& one) { one.set_migrate(true); });
    }
    const auto output = harness.evaluate("api");
    EXPECT_EQ(desired(output).canary(), 1U);
    EXPECT_EQ(of_version(harness, 1), 1U);
}

TEST(Canary, after_its_promotion_takes_the_place_of_its_namesake) {
    Harness harness;
    harness.add_nodes(4);
    harness.run(version(1, 3, 1));
    harness.make_healthy("api");
    harness.evaluate("api");
    harness.run(version(2, 3, 1, 1));
    harness.make_healthy("api");
    harness.promote("api");
    for (int round = 0; round < 5; ++round) {
        harness.evaluate("api");
        EXPECT_LE(harness.live("api").size(), 4U);
        harness.make_healthy("api");
    }
    EXPECT_EQ(of_version(harness, 1), 3U);
    EXPECT_EQ(harness.live("api").size(), 3U);
    EXPECT_EQ(latest(harness)->status(), "successful");
}

TEST(Canary, as_many_as_the_count_take_over_all_at_once) {
    Harness harness;
    harness.add_nodes(4);
    harness.run(version(1, 3, 3));
    harness.make_healthy("api");
    harness.evaluate("api");
    harness.run(version(2, 3, 3, 3));
    harness.make_healthy("api");
    EXPECT_EQ(harness.live("api").size(), 6U);
    harness.promote("api");
    const auto output = harness.evaluate("api");
    EXPECT_EQ(output.plan().placements_size(), 0);
    EXPECT_FALSE(output.plan().has_deployment()) << "the rollout is over: none follows it";
    EXPECT_EQ(of_version(harness, 0), 0U);
    EXPECT_EQ(of_version(harness, 1), 3U);
    EXPECT_EQ(latest(harness)->status(), "successful");
}

TEST(Canary, is_stopped_when_a_newer_version_comes) {
    Harness harness;
    harness.add_nodes(4);
    harness.run(version(1, 2, 1));
    harness.make_healthy("api");
    harness.evaluate("api");
    harness.run(version(2, 2, 1, 1));
    harness.run(version(3, 2, 1, 1));
    EXPECT_EQ(of_version(harness, 0), 2U);
    EXPECT_EQ(of_version(harness, 1), 0U);
    EXPECT_EQ(of_version(harness, 2), 1U);
}

TEST(Canary, what_is_lost_meanwhile_is_placed_in_the_proven_version) {
    Harness harness;
    harness.add_nodes(4);
    harness.run(version(1, 3, 1));
    harness.make_healthy("api");
    harness.evaluate("api");
    harness.run(version(2, 3, 1, 1));
    const auto victims = harness.live("api");
    for (const auto& row : victims) {
        if (row->body.job_version() != 0) continue;
        harness.set_status(row->node_id == node_id(1)   ? 1
                           : row->node_id == node_id(2) ? 2
                           : row->node_id == node_id(3) ? 3
                                                        : 4,
                           "down");
        break;
    }
    const auto output = harness.evaluate("api");
    EXPECT_EQ(of_version(harness, 0), 3U);
    EXPECT_LE(of_version(harness, 1), 1U);
}

}  // namespace
}  // namespace drover::scheduler::testing
