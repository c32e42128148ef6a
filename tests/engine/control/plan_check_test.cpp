// The plan applier: what the cluster has become since the scheduler looked decides, node by node;
// the rest is committed, and the evaluation is planned again.
#include "engine/control/plan_check.hpp"

#include <algorithm>

#include "engine/control/lane.hpp"
#include "engine/schema/placement_batch.hpp"
#include "tests/engine/scheduler/harness.hpp"

namespace drover::control {
namespace {

using namespace scheduler::testing;

std::map<Uuid, int> placed(const schema::Plan& plan) {
    std::map<Uuid, int> counts;
    for (const auto& list : plan.placements()) {
        if (list.allocations_size() > 0)
            counts[state::to_uuid(list.node_id())] += list.allocations_size();
    }
    for (const auto& batch : plan.placement_batches()) {
        for (const auto& one : schema::expand(batch)) ++counts[state::to_uuid(one.node_id())];
    }
    return counts;
}

// Four allocations that spread over two nodes, for none has room for three.
schema::Job wide_job() {
    auto job = make_job("wide", 4);
    group_of(job).mutable_tasks(0)->mutable_resources()->set_cpu(1900);
    return job;
}

// With every placement written whole, and with those that are alike in batches.
class PlanCheck : public ::testing::TestWithParam<bool> {
protected:
    PlanCheck() {
        harness.add_nodes(2);
        harness.batches = GetParam();
    }
    schema::Plan planned(schema::Job job) {
        const std::string id = job.id();
        harness.register_job(std::move(job));
        return harness.dry(harness.make_evaluation(id)).plan();
    }
    Harness harness;
};

TEST_P(PlanCheck, what_still_fits_is_committed_whole) {
    const auto checked = check_plan(harness.view(), planned(wide_job()));
    EXPECT_TRUE(checked.complete());
    EXPECT_EQ(placed(checked.plan), (std::map<Uuid, int>{{node_id(1), 2}, {node_id(2), 2}}));
}

// A plan that only moves the numbers of a deployment was made from a view in which it ran.
TEST_P(PlanCheck, the_status_of_a_deployment_is_not_for_a_plan_to_change) {
    auto job = make_job("agent", 1, "system");
    group_of(job).clear_reschedule_policy();
    set_update(job, 1);
    harness.system_rollouts = true;
    harness.run(job);
    const auto deployment = harness.view().latest_deployment({"default", "agent"});
    harness.add(make_node(3));
    const auto plan = harness.dry(harness.make_evaluation("agent", "system")).plan();
    ASSERT_EQ(plan.deployment().task_groups(0).desired_total(), 3);
    const auto change_to = [&](const char* status) {
        schema::Entry entry;
        auto& update = *entry.mutable_change_deployment()->mutable_status();
        update.set_deployment_id(deployment->id());
        update.set_status(status);
        update.set_description("by an operator");
        harness.apply(std::move(entry));
    };
    change_to("paused");
    const auto paused = check_plan(harness.view(), plan).plan;
    EXPECT_EQ(paused.deployment().status(), "paused");
    EXPECT_EQ(paused.deployment().status_description(), "by an operator");
    EXPECT_EQ(paused.deployment().task_groups(0).desired_total(), 3);
    change_to("failed");
    EXPECT_FALSE(check_plan(harness.view(), plan).plan.has_deployment());
}

TEST_P(PlanCheck, a_node_that_went_down_is_left_out_and_the_others_stay) {
    const auto plan = planned(wide_job());
    harness.set_status(1, "down");
    const auto checked = check_plan(harness.view(), plan);
    EXPECT_EQ(placed(checked.plan), (std::map<Uuid, int>{{node_id(2), 2}}));
    ASSERT_EQ(checked.refusals.size(), 1U);
    EXPECT_EQ(checked.refusals[0].node, node_id(1));
    EXPECT_EQ(checked.refusals[0].reason, "node is down");
}

TEST_P(PlanCheck, room_that_another_plan_took_is_gone) {
    const auto plan = planned(wide_job());
    auto other = make_job("other", 1);
    group_of(other).mutable_tasks(0)->mutable_resources()->set_cpu(1000);
    harness.run(other);
    const auto checked = check_plan(harness.view(), plan);
    EXPECT_EQ(checked.refusals.size(), 1U);
    EXPECT_EQ(placed(checked.plan).size(), 1U);
    EXPECT_EQ(checked.refusals[0].reason, "cpu");
}

TEST_P(PlanCheck, all_at_once_is_all_or_nothing) {
    auto plan = planned(wide_job());
    plan.set_all_at_once(true);
    harness.set_status(1, "down");
    const auto checked = check_plan(harness.view(), plan);
    EXPECT_FALSE(checked.complete());
    EXPECT_TRUE(changes_nothing(checked.plan));
}

// The lane between broker and log, with everything that it proposes applied at once.
class PlanApplier : public PlanCheck {
protected:
    PlanWanted take_up() {
        auto wanted = lane.take_up(broker, harness.view(), {Instant{}, harness.wall}, prng);
        EXPECT_TRUE(wanted.has_value());
        return wanted.value_or(PlanWanted{});
    }
    std::vector<EntryPtr> answer(const PlanWanted& wanted) {
        scheduler::PlanInputs inputs;
        inputs.wall = wanted.wall;
        inputs.seed = wanted.seed;
        inputs.batches = GetParam();
        const auto output = scheduler::plan(wanted.view, *wanted.evaluation, inputs);
        meanwhile();
        return lane.plan_computed(wanted.work, output, harness.view(), {harness.wall, prng});
    }
    void enqueue(const std::string& job) {
        schema::Entry entry;
        *entry.mutable_upsert_evaluations()->add_evaluations() = harness.make_evaluation(job);
        const Uuid id = state::to_uuid(entry.upsert_evaluations().evaluations(0).id());
        harness.apply(std::move(entry));
        broker.enqueue(harness.view().evaluation(id), Instant{}, harness.wall);
    }

    std::function<void()> meanwhile = [] {};
    Config config;
    Broker broker{config};
    Lane lane{config};
    Prng prng{7};
};

TEST_P(PlanApplier, commits_what_fits_and_plans_the_rest_again_on_a_newer_view) {
    harness.register_job(wide_job());
    enqueue("wide");
    meanwhile = [&] { harness.set_status(1, "down"); };
    const auto entries = answer(take_up());
    ASSERT_EQ(entries.size(), 1U);
    const schema::PlanResult& result = entries[0]->apply_plan();
    EXPECT_EQ(placed(result.plan()), (std::map<Uuid, int>{{node_id(2), 2}}));
    EXPECT_EQ(result.refresh_index(), harness.view().applied_index());
    EXPECT_TRUE(result.evaluations().empty()) << "it is not finished";
    harness.apply(*entries[0]);

    meanwhile = [] {};
    const PlanWanted again = take_up();
    EXPECT_EQ(again.view.applied_index(), harness.view().applied_index());
    const auto last = answer(again);
    ASSERT_EQ(last.size(), 1U);
    harness.apply(*last[0]);
    EXPECT_EQ(harness.live("wide").size(), 2U) << "two found no room and wait";
    const auto evaluations = harness.view().evaluations_of({"default", "wide"});
    EXPECT_EQ(std::count_if(evaluations.begin(), evaluations.end(),
                            [](const auto& row) { return row->status() == "blocked"; }),
              1);
}

TEST_P(PlanApplier, gives_up_after_so_many_refusals_and_waits_blocked) {
    harness.register_job(wide_job());
    enqueue("wide");
    std::vector<EntryPtr> entries;
    // The nodes are there whenever the scheduler looks, and gone when its plan arrives.
    for (std::uint32_t attempt = 0; attempt < config.service_plan_attempts; ++attempt) {
        harness.set_status(1, "ready");
        harness.set_status(2, "ready");
        meanwhile = [&] {
            harness.set_status(1, "down");
            harness.set_status(2, "down");
        };
        entries = answer(take_up());
        const bool last = attempt + 1 == config.service_plan_attempts;
        EXPECT_EQ(entries.size(), last ? 1U : 0U) << "attempt " << attempt;
    }
    ASSERT_EQ(entries.size(), 1U);
    harness.apply(*entries[0]);
    EXPECT_TRUE(harness.live("wide").empty());
    int failed = 0, blocked = 0;
    for (const auto& row : harness.view().evaluations_of({"default", "wide"})) {
        failed += row->status() == "failed" ? 1 : 0;
        blocked += row->status() == "blocked" ? 1 : 0;
    }
    EXPECT_EQ(failed, 1);
    EXPECT_EQ(blocked, 1);
}

std::string how_written(const ::testing::TestParamInfo<bool>& batches) {
    return batches.param ? "in_batches" : "whole";
}
INSTANTIATE_TEST_SUITE_P(Written, PlanCheck, ::testing::Bool(), how_written);
INSTANTIATE_TEST_SUITE_P(Written, PlanApplier, ::testing::Bool(), how_written);

}  // namespace
}  // namespace drover::control
