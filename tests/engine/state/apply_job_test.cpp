// Jobs in the state: check-and-set, versions, stopping, purging, and the status that follows.
#include <gtest/gtest.h>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/periodic_launch.pb.h"
#include "engine/state/scheduler_configuration.hpp"
#include "tests/engine/state/fixture.hpp"

namespace drover::state {
namespace {

using namespace testing;

schema::Entry registration(schema::Job job, std::uint64_t enforced_index) {
    schema::Entry entry;
    *entry.mutable_register_job()->mutable_job() = std::move(job);
    entry.mutable_register_job()->set_enforce_index(true);
    entry.mutable_register_job()->set_job_modify_index(enforced_index);
    return entry;
}

TEST(ApplyJob, ANewJobStartsAtVersionZeroAndIsPendingUntilSomethingRuns) {
    World world;
    world.register_job(make_job("a"), 1);
    JobPtr job = world.state.view().job(job_key("a"));
    ASSERT_TRUE(job);
    EXPECT_EQ(job->version(), 0U);
    EXPECT_EQ(job->create_index(), 10U);
    EXPECT_EQ(job->job_modify_index(), 10U);
    EXPECT_EQ(job->status(), "pending");
    EXPECT_EQ(world.state.view().evaluation(evaluation_id(1))->job_modify_index(), 10U);
    EXPECT_EQ(world.state.view().job_summary(job_key("a"))->summary(0).group(), "web");
}

TEST(ApplyJob, AChangedSpecificationIsANewVersionAndAnEqualOneIsNot) {
    World world;
    world.register_job(make_job("a", 1));
    world.register_job(make_job("a", 1));
    EXPECT_EQ(world.state.view().job(job_key("a"))->version(), 0U);
    EXPECT_EQ(world.state.view().job(job_key("a"))->job_modify_index(), 10U);
    world.register_job(make_job("a", 2));
    JobPtr job = world.state.view().job(job_key("a"));
    EXPECT_EQ(job->version(), 1U);
    EXPECT_EQ(job->create_index(), 10U);
    EXPECT_EQ(job->job_modify_index(), 12U);
}

TEST(ApplyJob, APeriodicJobRemembersItsLatestLaunchUntilItIsPurged) {
    World world;
    const auto launch = [&world](const char* id, const char* parent, std::int64_t at_ns) {
        schema::Entry entry;
        schema::Job job = make_job(id);
        job.set_parent_id(parent);
        *entry.mutable_register_job()->mutable_job() = job;
        entry.mutable_register_job()->set_periodic_launch_ns(at_ns);
        world.must(entry);
        return world.state.view().periodic_launch(job_key("a"));
    };
    EXPECT_EQ(launch("a", "", 100)->launch(), 100);
    EXPECT_EQ(launch("a/periodic-2", "a", 200)->launch(), 200);
    EXPECT_EQ(launch("a/periodic-1", "a", 150)->launch(), 200) << "launches never move back";
    const auto restored = read_snapshot(write_snapshot(world.state.view()));
    ASSERT_TRUE(restored.has_value());
    EXPECT_EQ(restored->digest(), world.state.digest());
    EXPECT_EQ(restored->view().periodic_launch(job_key("a"))->launch(), 200);
    schema::Entry purge;
    purge.mutable_deregister_job()->set_namespace_("default");
    purge.mutable_deregister_job()->set_job_id("a");
    purge.mutable_deregister_job()->set_purge(true);
    world.must(purge);
    EXPECT_FALSE(world.state.view().periodic_launch(job_key("a")));
}

TEST(ApplySchedulerConfiguration, IsSetAgainstItsIndexAndOutlivesASnapshot) {
    World world;
    EXPECT_EQ(effective_scheduler_configuration(world.state.view()).scheduler_algorithm(),
              "binpack");
    schema::Entry entry;
    auto& change = *entry.mutable_change_scheduler_configuration();
    change.mutable_configuration()->set_scheduler_algorithm("spread");
    change.set_enforce_index(true);
    world.must(entry);
    EXPECT_EQ(world.apply(entry).error.code, Errc::conflict) << "it was index 0 before";
    const auto restored = read_snapshot(write_snapshot(world.state.view()));
    ASSERT_TRUE(restored.has_value());
    EXPECT_EQ(restored->digest(), world.state.digest());
    EXPECT_EQ(effective_scheduler_configuration(restored->view()).scheduler_algorithm(), "spread");
}

TEST(ApplyJob, OfTwoWritersWithTheSameIndexExactlyOneWins) {
    World world;
    world.register_job(make_job("a", 1));
    Digest before = world.state.digest();
    EXPECT_EQ(world.apply(registration(make_job("a", 2), 10)).outcome, Applied::done);
    Digest after_first = world.state.digest();
    EXPECT_NE(before, after_first);
    ApplyResult second = world.apply(registration(make_job("a", 3), 10));
    EXPECT_EQ(second.outcome, Applied::refused);
    EXPECT_EQ(second.error.code, Errc::conflict);
    EXPECT_EQ(second.error.message,
              "Enforcing job modify index 10: job exists with conflicting job modify index: 11");
    EXPECT_EQ(world.state.digest(), after_first);
    EXPECT_EQ(world.state.applied_index(), 12U);
}

TEST(ApplyJob, IndexZeroMeansThatTheJobMustNotExist) {
    World world;
    EXPECT_EQ(world.apply(registration(make_job("a"), 7)).error.message,
              "Enforcing job modify index 7: job does not exist");
    EXPECT_EQ(world.apply(registration(make_job("a"), 0)).outcome, Applied::done);
    EXPECT_EQ(world.apply(registration(make_job("a"), 0)).error.message,
              "Enforcing job modify index 0: job already exists");
}

TEST(ApplyJob, SixVersionsAreKeptAndTheLastStableOneOutlivesThem) {
    World world;
    world.register_job(make_job("a", 1));
    schema::Entry stable;
    stable.mutable_change_job_stability()->set_namespace_("default");
    stable.mutable_change_job_stability()->set_job_id("a");
    stable.mutable_change_job_stability()->set_version(0);
    stable.mutable_change_job_stability()->set_stable(true);
    world.must(stable);
    for (int count = 2; count < 12; ++count) world.register_job(make_job("a", count));
    std::vector<std::uint64_t> versions;
    StateView view = world.state.view();
    for (const JobPtr& job : view.job_versions(job_key("a"))) versions.push_back(job->version());
    EXPECT_EQ(versions, (std::vector<std::uint64_t>{0, 6, 7, 8, 9, 10}));
    EXPECT_TRUE(view.job_version(job_key("a"), 0)->stable());
    EXPECT_FALSE(view.job(job_key("a"))->stable());
}

TEST(ApplyJob, StoppingIsANewVersionAndRegisteringAgainTheNext) {
    World world;
    world.register_job(make_job("a"));
    schema::Entry stop;
    stop.mutable_deregister_job()->set_namespace_("default");
    stop.mutable_deregister_job()->set_job_id("a");
    *stop.mutable_deregister_job()->mutable_evaluation() = make_evaluation(1, "a", "complete");
    world.must(stop);
    JobPtr job = world.state.view().job(job_key("a"));
    EXPECT_TRUE(job->stop());
    EXPECT_EQ(job->version(), 1U);
    EXPECT_EQ(job->status(), "dead");
    world.register_job(make_job("a"), 2);
    job = world.state.view().job(job_key("a"));
    EXPECT_FALSE(job->stop());
    EXPECT_EQ(job->version(), 2U);
    EXPECT_EQ(job->status(), "pending");
}

TEST(ApplyJob, APurgedJobLeavesNothingButWhatItsAllocationsNeed) {
    World world;
    world.register_node(1);
    world.register_job(make_job("a"), 1);
    world.place(make_allocation(1, "a"));
    std::uint64_t created = world.state.view().job(job_key("a"))->create_index();
    schema::Entry purge;
    purge.mutable_deregister_job()->set_namespace_("default");
    purge.mutable_deregister_job()->set_job_id("a");
    purge.mutable_deregister_job()->set_purge(true);
    world.must(purge);
    StateView view = world.state.view();
    EXPECT_FALSE(view.job(job_key("a")));
    EXPECT_FALSE(view.job_summary(job_key("a")));
    EXPECT_TRUE(view.job_versions(job_key("a")).empty());
    AllocationPtr row = view.allocation(allocation_id(1));
    ASSERT_TRUE(row);
    EXPECT_EQ(row->job->id(), "a");
    // Registered again it is another job, although the name and the version are the same.
    world.register_job(make_job("a"));
    EXPECT_EQ(world.state.view().job(job_key("a"))->version(), 0U);
    EXPECT_NE(world.state.view().job(job_key("a"))->create_index(), created);
}

TEST(ApplyJob, StatusFollowsAllocationsThenEvaluations) {
    World world;
    auto status = [&world] { return world.state.view().job(job_key("a"))->status(); };
    world.register_node(1);
    world.register_job(make_job("a"), 1);
    EXPECT_EQ(status(), "pending");
    world.place(make_allocation(1, "a"));
    EXPECT_EQ(status(), "running");
    world.report(1, "complete");
    EXPECT_EQ(status(), "pending") << "its evaluation is still open";
    world.evaluate(make_evaluation(1, "a", "complete"));
    EXPECT_EQ(status(), "dead");
}

TEST(ApplyJob, PreservedCountsComeFromTheStoredJob) {
    World world;
    world.register_job(make_job("a", 7));
    schema::Job changed = make_job("a", 1);
    changed.set_priority(60);
    schema::Entry entry;
    *entry.mutable_register_job()->mutable_job() = changed;
    entry.mutable_register_job()->set_preserve_counts(true);
    world.must(entry);
    EXPECT_EQ(world.state.view().job(job_key("a"))->task_groups(0).count(), 7);
    EXPECT_EQ(world.state.view().job(job_key("a"))->priority(), 60);
}

}  // namespace
}  // namespace drover::state
