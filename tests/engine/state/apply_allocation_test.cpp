// Allocations in the state: plans, reports, the counters that hang on them, and node usage.
#include <gtest/gtest.h>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "tests/engine/state/fixture.hpp"

namespace drover::state {
namespace {

using namespace testing;

struct Cluster : World {
    Cluster() {
        register_node(1);
        register_node(2);
        register_job(make_job("a", 2), 1);
    }
    schema::TaskGroupSummary summary() {
        return state.view().job_summary(job_key("a"))->summary(0);
    }
    AllocationPtr allocation(std::uint32_t number) {
        return state.view().allocation(allocation_id(number));
    }
};

TEST(ApplyPlan, ANewAllocationSharesTheRecordOfItsJob) {
    Cluster world;
    world.place(make_allocation(1, "a"));
    world.place(make_allocation(2, "a", 2));
    AllocationPtr one = world.allocation(1);
    ASSERT_TRUE(one);
    EXPECT_EQ(one->body.client_status(), "pending");
    EXPECT_EQ(one->body.desired_status(), "run");
    EXPECT_EQ(one->body.create_index(), 13U);
    EXPECT_EQ(one->body.alloc_modify_index(), 13U);
    EXPECT_EQ(one->job, world.allocation(2)->job);
    EXPECT_EQ(one->job->version(), 0U);
    EXPECT_EQ(world.summary().starting(), 2);
}

TEST(ApplyPlan, NodeUsageCountsOnlyWhatIsNotTerminal) {
    Cluster world;
    world.place(make_allocation(1, "a"));
    world.place(make_allocation(2, "a"));
    EXPECT_EQ(world.state.view().usage(node_id(1)),
              (Usage{.cpu_mhz = 200, .memory_mb = 128, .memory_max_mb = 128, .allocations = 2}));
    world.stop(1);
    EXPECT_EQ(world.state.view().usage(node_id(1)).allocations, 1);
    world.report(2, "failed");
    EXPECT_EQ(world.state.view().usage(node_id(1)), Usage{});
}

TEST(ApplyPlan, AnAllocationForAStoppedJobIsDroppedSilently) {
    Cluster world;
    schema::Entry stop;
    stop.mutable_deregister_job()->set_namespace_("default");
    stop.mutable_deregister_job()->set_job_id("a");
    world.must(stop);
    world.place(make_allocation(1, "a"));
    EXPECT_FALSE(world.allocation(1));
}

TEST(ApplyPlan, AnInPlaceUpdateKeepsWhatTheClientReportedAndMovesToTheNewVersion) {
    Cluster world;
    world.place(make_allocation(1, "a"));
    world.report(1, "running");
    world.register_job(make_job("a", 3));
    world.place(make_allocation(1, "a"));
    AllocationPtr row = world.allocation(1);
    EXPECT_EQ(row->body.client_status(), "running");
    EXPECT_EQ(row->body.create_index(), 13U);
    EXPECT_EQ(row->job->version(), 1U);
    EXPECT_EQ(world.state.view().tables().allocation_jobs.size(), 1U)
        << "nobody refers to the old version any more";
}

TEST(ApplyPlan, AReplacementIsLinkedFromTheOneItReplaces) {
    Cluster world;
    world.place(make_allocation(1, "a"));
    schema::Allocation next = make_allocation(2, "a", 2);
    next.set_previous_allocation(allocation_id(1).raw());
    world.place(next);
    EXPECT_EQ(world.allocation(1)->body.next_allocation(), allocation_id(2).raw());
}

TEST(ApplyPlan, AStopChangesTheWishAndLeavesTheReportToTheClient) {
    Cluster world;
    world.place(make_allocation(1, "a"));
    world.report(1, "running");
    world.stop(1);
    EXPECT_EQ(world.allocation(1)->body.desired_status(), "stop");
    EXPECT_EQ(world.allocation(1)->body.client_status(), "running");
    EXPECT_EQ(world.summary().running(), 1);
    world.report(1, "complete");
    EXPECT_EQ(world.summary().running(), 0);
    EXPECT_EQ(world.summary().complete(), 1);
}

TEST(ApplyPlan, ALostAllocationIsMarkedByThePlanAndItsStateNoted) {
    Cluster world;
    world.place(make_allocation(1, "a"));
    world.stop(1, "lost");
    AllocationPtr row = world.allocation(1);
    EXPECT_EQ(row->client_status, ClientStatus::lost);
    ASSERT_EQ(row->body.alloc_states().size(), 1U);
    EXPECT_EQ(row->body.alloc_states()[0].value(), "lost");
    EXPECT_EQ(world.summary().lost(), 1);
    EXPECT_EQ(world.summary().starting(), 0);
}

TEST(ApplyReport, AClientsOwnReportDoesNotMakeItPullAgain) {
    Cluster world;
    world.place(make_allocation(1, "a"));
    world.report(1, "running");
    AllocationPtr row = world.allocation(1);
    EXPECT_EQ(row->body.modify_index(), 14U);
    EXPECT_EQ(row->body.alloc_modify_index(), 13U);
}

TEST(ApplyReport, OnlyWhatAClientOwnsIsTakenFromIt) {
    Cluster world;
    world.place(make_allocation(1, "a"));
    schema::Entry entry;
    schema::Allocation& report = *entry.mutable_update_allocations()->add_allocations();
    report.set_id(allocation_id(1).raw());
    report.set_client_status("running");
    report.set_desired_status("stop");
    report.set_node_id(node_id(2).raw());
    world.must(entry);
    EXPECT_EQ(world.allocation(1)->desired_status, DesiredStatus::run);
    EXPECT_EQ(world.allocation(1)->node_id, node_id(1));
}

TEST(ApplyReport, FailedAndCompleteAreCumulative) {
    Cluster world;
    world.place(make_allocation(1, "a"));
    world.report(1, "failed");
    world.report(1, "running");
    EXPECT_EQ(world.summary().failed(), 1);
    EXPECT_EQ(world.summary().running(), 1);
}

TEST(ApplyTransition, OnlyMembersThatAreSetOverwrite) {
    Cluster world;
    world.place(make_allocation(1, "a"));
    auto move = [&world](void (*set)(schema::DesiredTransition&)) {
        schema::Entry entry;
        auto& one = *entry.mutable_transition_allocations()->add_transitions();
        one.set_allocation_id(allocation_id(1).raw());
        set(*one.mutable_transition());
        world.must(entry);
    };
    move([](schema::DesiredTransition& it) { it.set_migrate(true); });
    move([](schema::DesiredTransition& it) { it.set_no_shutdown_delay(false); });
    const schema::DesiredTransition now = world.allocation(1)->body.desired_transition();
    EXPECT_TRUE(now.migrate());
    EXPECT_TRUE(now.has_no_shutdown_delay());
    EXPECT_FALSE(now.has_reschedule());
}

TEST(ApplyReap, AReapedAllocationTakesItsJobRecordWithIt) {
    Cluster world;
    world.place(make_allocation(1, "a"));
    world.report(1, "complete");
    schema::Entry entry;
    entry.mutable_reap()->add_allocation_ids(allocation_id(1).raw());
    entry.mutable_reap()->add_evaluation_ids(evaluation_id(1).raw());
    world.must(entry);
    EXPECT_FALSE(world.allocation(1));
    EXPECT_TRUE(world.state.view().tables().allocation_jobs.empty());
    EXPECT_EQ(world.state.view().job(job_key("a"))->status(), "dead");
}

// ---- deployments

struct Rollout : Cluster {
    Rollout() {
        deployment.set_id(deployment_id(1).raw());
        deployment.set_namespace_("default");
        deployment.set_job_id("a");
        deployment.set_status("running");
        schema::DeploymentState& group = *deployment.add_task_groups();
        group.set_group("web");
        group.set_desired_total(2);
        group.set_desired_canaries(1);
        group.set_progress_deadline(600'000'000'000);
    }
    schema::Deployment deployment;
    void roll(std::uint32_t number, bool canary) {
        schema::Allocation allocation = make_allocation(number, "a");
        allocation.set_deployment_id(deployment_id(1).raw());
        if (canary) allocation.mutable_deployment_status()->set_canary(true);
        place(allocation, &deployment);
    }
    void health(std::uint32_t number, bool healthy) {
        schema::Entry entry;
        schema::Allocation& report = *entry.mutable_update_allocations()->add_allocations();
        report.set_id(allocation_id(number).raw());
        report.set_client_status("running");
        report.mutable_deployment_status()->set_healthy(healthy);
        report.mutable_deployment_status()->set_timestamp(wall_ns);
        must(entry);
    }
    schema::DeploymentState group() {
        return state.view().deployment(deployment_id(1))->task_groups(0);
    }
};

TEST(ApplyDeployment, CountersFollowPlacementAndHealth) {
    Rollout world;
    world.roll(1, true);
    EXPECT_EQ(world.group().placed_allocs(), 1);
    EXPECT_EQ(world.group().placed_canaries_size(), 1);
    std::int64_t first_deadline = world.group().require_progress_by();
    EXPECT_EQ(first_deadline, world.wall_ns + 600'000'000'000);
    world.health(1, true);
    EXPECT_EQ(world.group().healthy_allocs(), 1);
    EXPECT_GE(world.group().require_progress_by(), first_deadline);
    world.health(1, false);
    EXPECT_EQ(world.group().healthy_allocs(), 0);
    EXPECT_EQ(world.group().unhealthy_allocs(), 1);
    world.health(1, true);
    EXPECT_EQ(world.group().healthy_allocs(), 0) << "a way back is not counted";
    EXPECT_TRUE(world.allocation(1)->body.deployment_status().canary());
}

TEST(ApplyDeployment, PromotionNeedsItsHealthyCanaries) {
    Rollout world;
    world.roll(1, true);
    schema::Entry promote;
    promote.mutable_change_deployment()->set_deployment_id(deployment_id(1).raw());
    promote.mutable_change_deployment()->set_promote_all(true);
    Digest before = world.state.digest();
    ApplyResult refused = world.apply(promote);
    EXPECT_EQ(refused.outcome, Applied::refused);
    EXPECT_EQ(refused.error.message, "Task group \"web\" has 0/1 healthy allocations");
    EXPECT_EQ(world.state.digest(), before);
    world.health(1, true);
    world.must(promote);
    EXPECT_TRUE(world.group().promoted());
    EXPECT_FALSE(world.allocation(1)->body.deployment_status().canary());
    EXPECT_EQ(world.allocation(1)->body.alloc_modify_index(), world.state.applied_index());
}

TEST(ApplyDeployment, PromotionAndHealthWithoutADeploymentAreRefused) {
    Rollout world;
    world.roll(1, true);
    schema::Entry promote;
    promote.mutable_change_deployment()->set_promote_all(true);
    EXPECT_EQ(world.apply(promote).error.code, Errc::invalid_argument);
    schema::Entry health;
    health.mutable_change_deployment()->add_healthy_allocation_ids(allocation_id(9).raw());
    EXPECT_EQ(world.apply(health).error.code, Errc::invalid_argument);
    health.mutable_change_deployment()->set_deployment_id(deployment_id(1).raw());
    EXPECT_EQ(world.apply(health).error.code, Errc::not_found);
}

TEST(ApplyDeployment, SuccessMarksTheJobVersionStableAndIsFinal) {
    Rollout world;
    world.roll(1, false);
    schema::Entry entry;
    auto& status = *entry.mutable_change_deployment()->mutable_status();
    status.set_deployment_id(deployment_id(1).raw());
    status.set_status("successful");
    world.must(entry);
    EXPECT_TRUE(world.state.view().job(job_key("a"))->stable());
    EXPECT_TRUE(world.state.view().job_version(job_key("a"), 0)->stable());
    ApplyResult again = world.apply(entry);
    EXPECT_EQ(again.outcome, Applied::refused);
}

TEST(ApplyDeployment, APlanFromAnOldViewDoesNotUndoWhatHasHappenedSince) {
    Rollout world;
    world.roll(1, true);
    world.health(1, true);
    world.roll(2, false);  // carries the deployment as it was before any allocation
    EXPECT_EQ(world.group().placed_allocs(), 2);
    EXPECT_EQ(world.group().healthy_allocs(), 1);
    EXPECT_EQ(world.group().placed_canaries_size(), 1);
}

// ---- evaluations

TEST(ApplyEvaluation, ACompleteOneCancelsWhatWaitedForTheSameJob) {
    Cluster world;
    world.evaluate(make_evaluation(2, "a", "blocked"));
    world.evaluate(make_evaluation(1, "a", "complete"));
    EvaluationPtr blocked = world.state.view().evaluation(evaluation_id(2));
    EXPECT_EQ(blocked->status(), "canceled");
    EXPECT_EQ(blocked->status_description(),
              "evaluation " + evaluation_id(1).text() + " successful");
}

TEST(ApplyEvaluation, QueuedCountsOverwriteTheSummary) {
    Cluster world;
    schema::Evaluation evaluation = make_evaluation(1, "a", "pending");
    schema::IntPair& queued = *evaluation.add_queued_allocations();
    queued.set_key("web");
    queued.set_value(2);
    world.evaluate(evaluation);
    EXPECT_EQ(world.summary().queued(), 2);
    world.place(make_allocation(1, "a"));
    EXPECT_EQ(world.summary().queued(), 1);
}

TEST(ReconcileSummaries, CountsAnewWhatIsThere) {
    World world;
    world.register_node(1);
    world.register_job(make_job("a", 3), 1);
    for (std::uint32_t number = 1; number <= 3; ++number) {
        world.place(make_allocation(number, "a"));
        world.report(number, number == 1 ? "failed" : "running");
    }
    schema::Entry reap;
    reap.mutable_reap()->add_allocation_ids(allocation_id(1).raw());
    world.must(reap);
    const auto group = [&] { return world.state.view().job_summary(job_key("a"))->summary(0); };
    EXPECT_EQ(group().failed(), 1) << "it counts what has happened";
    EXPECT_EQ(group().running(), 2);
    schema::Entry reconcile;
    reconcile.mutable_reconcile_summaries();
    world.must(reconcile);
    EXPECT_EQ(group().failed(), 0);
    EXPECT_EQ(group().running(), 2);
    EXPECT_EQ(group().starting(), 0);
}

}  // namespace
}  // namespace drover::state
