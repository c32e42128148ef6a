// Counts, updates, failures and losses: what becomes of a job's allocations over its life.
#include <gtest/gtest.h>

#include <set>

#include "tests/engine/scheduler/harness.hpp"

namespace drover::scheduler::testing {
namespace {

constexpr Duration hour = std::chrono::hours{1};

std::set<std::string> names(const std::vector<state::AllocationPtr>& rows) {
    std::set<std::string> all;
    for (const auto& row : rows) all.emplace(row->body.name());
    return all;
}

std::set<Uuid> ids(const std::vector<state::AllocationPtr>& rows) {
    std::set<Uuid> all;
    for (const auto& row : rows) all.insert(row->id);
    return all;
}

schema::Job with_image(schema::Job job, const std::string& image) {
    auto& config = *group_of(job).mutable_tasks(0)->add_config();
    config.set_key("image");
    config.mutable_value()->set_text(image);
    return job;
}

TEST(Count, goes_up_and_down_and_the_highest_names_leave_first) {
    Harness harness;
    harness.add_nodes(3);
    harness.run(make_job("api", 2));
    const auto kept = ids(harness.live("api"));
    const auto up = harness.run(make_job("api", 4));
    EXPECT_EQ(desired(up).place(), 2U);
    EXPECT_EQ(desired(up).in_place_update(), 2U);
    EXPECT_EQ(names(harness.live("api")).size(), 4U);
    const auto down = harness.run(make_job("api", 1));
    EXPECT_EQ(desired(down).stop(), 3U);
    EXPECT_EQ(names(harness.live("api")), (std::set<std::string>{"api.web[0]"}));
    EXPECT_TRUE(kept.contains(harness.live("api")[0]->id));
}

TEST(Count, zero_stops_everything_and_is_not_one) {
    Harness harness;
    harness.add_nodes(1);
    harness.run(make_job("api", 2));
    harness.run(make_job("api", 0));
    EXPECT_TRUE(harness.live("api").empty());
}

TEST(Count, a_group_that_is_gone_is_stopped) {
    Harness harness;
    harness.add_nodes(1);
    auto job = make_job("api", 1);
    auto other = job.task_groups(0);
    other.set_name("worker");
    *job.add_task_groups() = other;
    harness.run(job);
    EXPECT_EQ(harness.live("api").size(), 2U);
    const auto output = harness.run(make_job("api", 1));
    EXPECT_EQ(desired(output, "worker").stop(), 1U);
    EXPECT_EQ(names(harness.live("api")), (std::set<std::string>{"api.web[0]"}));
}

TEST(Stop, a_stopped_or_purged_job_leaves_nothing_running) {
    for (const bool purge : {false, true}) {
        Harness harness;
        harness.add_nodes(2);
        harness.run(make_job("api", 3));
        harness.deregister("api", purge);
        const auto output =
            harness.commit(harness.make_evaluation("api", "service", "job-deregister"));
        EXPECT_EQ(count_stops(output), 3);
        EXPECT_EQ(output.plan().placements_size(), 0);
        EXPECT_EQ(output.evaluation().status(), "complete");
        EXPECT_EQ(output.plan().has_job(), !purge);
        EXPECT_TRUE(harness.live("api").empty());
    }
}

TEST(Update, only_what_a_task_is_started_from_needs_a_new_allocation) {
    struct Row {
        const char* why;
        std::function<void(schema::Job&)> change;
        bool destructive;
    };
    const auto task = [](schema::Job& job) -> schema::Task& {
        return *group_of(job).mutable_tasks(0);
    };
    const Row rows[]{
        {"another driver setting", [](schema::Job& job) { job = with_image(job, "v2"); }, true},
        {"more memory",
         [&](schema::Job& job) { task(job).mutable_resources()->set_memory_mb(300); }, true},
        {"an environment variable",
         [&](schema::Job& job) { task(job).add_env()->set_key("DEBUG"); }, true},
        {"meta of the job, which tasks see", [](schema::Job& job) { job.add_meta()->set_key("a"); },
         true},
        {"another user", [&](schema::Job& job) { task(job).set_user("nobody"); }, true},
        {"another task",
         [](schema::Job& job) {
             auto sidecar = job.task_groups(0).tasks(0);
             sidecar.set_name("sidecar");
             *group_of(job).add_tasks() = sidecar;
         },
         true},
        {"a larger disk",
         [](schema::Job& job) { group_of(job).mutable_ephemeral_disk()->set_size_mb(200); }, true},
        {"a port",
         [](schema::Job& job) {
             group_of(job).add_networks()->add_dynamic_ports()->set_label("http");
         },
         true},
        {"a constraint that still holds",
         [](schema::Job& job) { add_constraint(job, "${node.datacenter}", "=", "dc1"); }, false},
        {"a constraint that does not",
         [](schema::Job& job) { add_constraint(job, "${node.datacenter}", "=", "dc2"); }, true},
        {"the priority", [](schema::Job& job) { job.set_priority(70); }, false},
        {"the kill timeout", [&](schema::Job& job) { task(job).set_kill_timeout(second.count()); },
         false},
        {"a service", [](schema::Job& job) { group_of(job).add_services()->set_name("web"); },
         false},
    };
    for (const auto& row : rows) {
        Harness harness;
        harness.add_nodes(2);
        harness.run(make_job("api", 1));
        const auto before = harness.live("api").at(0);
        auto job = make_job("api", 1);
        row.change(job);
        harness.register_job(job);
        const auto output = harness.dry(harness.make_evaluation("api"));
        EXPECT_EQ(desired(output).destructive_update(), row.destructive ? 1U : 0U) << row.why;
        EXPECT_EQ(desired(output).in_place_update(), row.destructive ? 0U : 1U) << row.why;
        if (row.destructive) continue;
        const auto told = placements(output).at(0);
        EXPECT_EQ(told.id(), before->body.id()) << row.why;
        EXPECT_EQ(told.job_version(), 1U) << row.why;
    }
}

TEST(Update, a_replacement_may_use_the_room_of_what_it_replaces) {
    Harness harness;
    harness.add_nodes(1);
    auto job = make_job("api", 2);
    group_of(job).mutable_tasks(0)->mutable_resources()->set_cpu(2000);
    harness.run(job);
    const auto before = ids(harness.live("api"));
    const auto output = harness.run(with_image(job, "v2"));
    EXPECT_EQ(desired(output).destructive_update(), 2U);
    EXPECT_EQ(output.evaluation().failed_tg_allocs_size(), 0);
    EXPECT_EQ(harness.live("api").size(), 2U);
    for (const auto& row : harness.live("api")) EXPECT_FALSE(before.contains(row->id));
}

TEST(Update, what_cannot_be_replaced_keeps_running) {
    Harness harness;
    harness.add_nodes(1);
    harness.run(make_job("api", 1));
    auto job = make_job("api", 1);
    group_of(job).mutable_tasks(0)->mutable_resources()->set_cpu(99999);
    const auto output = harness.run(job);
    EXPECT_EQ(output.evaluation().failed_tg_allocs_size(), 1);
    EXPECT_EQ(count_stops(output), 0);
    EXPECT_EQ(harness.live("api").size(), 1U);
}

TEST(Update, an_unchanged_registration_replaces_nothing) {
    Harness harness;
    harness.add_nodes(2);
    harness.run(make_job("api", 2));
    const auto output = harness.run(make_job("api", 2));
    EXPECT_EQ(count_stops(output), 0);
    EXPECT_EQ(desired(output).destructive_update(), 0U);
}

TEST(Failure, a_failed_service_allocation_is_replaced_after_its_delay) {
    Harness harness;
    harness.add_nodes(2);
    harness.run(make_job("api", 1));
    harness.run_all("api");
    const auto failed = harness.live("api").at(0);
    harness.report(failed, "failed");
    const auto waiting = harness.evaluate("api");
    ASSERT_EQ(waiting.created_size(), 1);
    const auto& follow_up = waiting.created(0);
    EXPECT_EQ(follow_up.triggered_by(), "alloc-reschedule");
    EXPECT_EQ(follow_up.status(), "pending");
    EXPECT_EQ(follow_up.wait_until(), (harness.wall + 30 * second).value());
    EXPECT_EQ(waiting.evaluation().next_eval(), follow_up.id());
    EXPECT_EQ(placements(waiting).at(0).followup_eval_id(), follow_up.id());
    EXPECT_EQ(harness.evaluate("api").created_size(), 0) << "one follow-up is enough";

    harness.wall = harness.wall + 30 * second;
    const auto output = harness.commit(follow_up);
    const auto placed = harness.live("api").at(0);
    EXPECT_EQ(placed->body.name(), failed->body.name());
    EXPECT_EQ(placed->body.previous_allocation(), failed->body.id());
    EXPECT_NE(placed->node_id, failed->node_id) << "the node where it failed is avoided";
    const auto tracker = placed->body.reschedule_tracker();
    ASSERT_EQ(tracker.events_size(), 1);
    EXPECT_EQ(tracker.events(0).prev_alloc_id(), failed->body.id());
    EXPECT_EQ(Duration{tracker.events(0).delay()}, 30 * second);
    EXPECT_EQ(count_stops(output), 1);
    EXPECT_EQ(desired(output).reschedule_now(), 1U);
}

TEST(Failure, delays_grow_with_each_failure_in_a_row) {
    Harness harness;
    harness.add_nodes(2);
    harness.run(make_job("api", 1));
    for (const int delay : {30, 60, 120, 240}) {
        harness.report(harness.live("api").at(0), "failed");
        const auto waiting = harness.evaluate("api");
        ASSERT_EQ(waiting.created_size(), 1);
        EXPECT_EQ(waiting.created(0).wait_until(), (harness.wall + delay * second).value());
        harness.wall = harness.wall + delay * second;
        harness.commit(waiting.created(0));
        ASSERT_EQ(harness.live("api").size(), 1U);
    }
}

TEST(Failure, a_rescheduling_that_finds_no_place_is_tried_again) {
    Harness harness;
    harness.add_nodes(1);
    harness.run(make_job("api", 1));
    harness.report(harness.live("api").at(0), "failed");
    harness.set_eligibility(1, "ineligible");
    harness.wall = harness.wall + minute;
    const auto refused = harness.evaluate("api");
    ASSERT_EQ(refused.created_size(), 1);
    EXPECT_EQ(refused.created(0).status(), "blocked");
    EXPECT_EQ(count_stops(refused), 0);
    EXPECT_EQ(placements(refused).at(0).reschedule_tracker().last_reschedule(), "no placement");
    EXPECT_EQ(harness.commit(refused.created(0)).plan().placements_size(), 0);
    harness.set_eligibility(1, "eligible");
    harness.commit(refused.created(0));
    ASSERT_EQ(harness.live("api").size(), 1U);
    EXPECT_EQ(harness.live("api").at(0)->body.reschedule_tracker().last_reschedule(), "ok");
}

TEST(Failure, a_completed_service_allocation_is_placed_anew_at_once) {
    Harness harness;
    harness.add_nodes(1);
    harness.run(make_job("api", 1));
    harness.report(harness.live("api").at(0), "complete");
    harness.evaluate("api");
    EXPECT_EQ(harness.live("api").size(), 1U);
}

TEST(Batch, what_has_completed_is_not_run_again) {
    Harness harness;
    harness.add_nodes(2);
    harness.run(make_job("sum", 2, "batch"));
    for (const auto& row : harness.live("sum")) harness.report(row, "complete");
    const auto output = harness.evaluate("sum", "batch");
    EXPECT_EQ(output.plan().placements_size(), 0);
    EXPECT_EQ(desired(output).ignore(), 2U);
    harness.set_status(1, "down");
    harness.set_status(2, "down");
    EXPECT_EQ(harness.evaluate("sum", "batch").plan().placements_size(), 0);
}

TEST(Batch, a_new_version_runs_again) {
    Harness harness;
    harness.add_nodes(1);
    harness.run(make_job("sum", 1, "batch"));
    harness.report(harness.live("sum").at(0), "complete");
    harness.run(with_image(make_job("sum", 1, "batch"), "v2"));
    EXPECT_EQ(harness.live("sum").size(), 1U);
}

TEST(Batch, fails_for_good_when_its_attempts_are_used) {
    Harness harness;
    harness.add_nodes(1);
    harness.run(make_job("sum", 1, "batch"));
    harness.report(harness.live("sum").at(0), "failed");
    harness.wall = harness.wall + 6 * second;
    harness.evaluate("sum", "batch");
    ASSERT_EQ(harness.live("sum").size(), 1U);
    harness.report(harness.live("sum").at(0), "failed");
    harness.wall = harness.wall + hour;
    const auto output = harness.evaluate("sum", "batch");
    EXPECT_EQ(output.plan().placements_size(), 0);
    EXPECT_EQ(output.created_size(), 0);
    EXPECT_TRUE(harness.live("sum").empty());
}

TEST(Lost, allocations_of_a_node_that_is_down_or_gone_are_replaced) {
    Harness harness;
    harness.add_nodes(2);
    harness.run(make_job("api", 4));
    harness.run_all("api");
    harness.set_status(1, "down");
    const auto output = harness.evaluate("api");
    EXPECT_EQ(count_stops(output), 2);
    for (const auto& row : harness.allocations("api")) {
        EXPECT_EQ(row->body.client_status() == "lost", row->node_id == node_id(1));
    }
    const auto live = harness.live("api");
    EXPECT_EQ(names(live).size(), 4U);
    for (const auto& row : live) EXPECT_EQ(row->node_id, node_id(2));
}

TEST(Lost, a_stopped_allocation_on_a_dead_node_is_told_lost_too) {
    Harness harness;
    harness.add_nodes(1);
    harness.run(make_job("api", 1));
    harness.run_all("api");
    harness.run(make_job("api", 0));
    harness.set_status(1, "down");
    harness.evaluate("api");
    EXPECT_EQ(harness.allocations("api").at(0)->body.client_status(), "lost");
}

TEST(Migration, happens_when_the_drainer_asks_and_not_before) {
    Harness harness;
    harness.add_nodes(2);
    harness.run(make_job("api", 2));
    const auto before = harness.live("api").at(0);
    harness.set_eligibility(before->node_id == node_id(1) ? 1 : 2, "ineligible");
    EXPECT_EQ(harness.evaluate("api").plan().placements_size(), 0);
    harness.transition(before, [](schema::DesiredTransition& one) { one.set_migrate(true); });
    const auto output = harness.evaluate("api");
    EXPECT_EQ(desired(output).migrate(), 1U);
    const auto moved = harness.named("api", before->body.name());
    ASSERT_NE(moved, nullptr);
    EXPECT_NE(moved->id, before->id);
    EXPECT_NE(moved->node_id, before->node_id);
    EXPECT_EQ(moved->body.previous_allocation(), before->body.id());
}

TEST(Disconnect, an_unreachable_allocation_is_unknown_and_the_winner_stays) {
    Harness harness;
    harness.add_nodes(2);
    auto job = make_job("api", 1);
    group_of(job).mutable_disconnect()->set_lost_after(hour.count());
    group_of(job).mutable_disconnect()->set_reconcile("keep_original");
    group_of(job).mutable_reschedule_policy()->set_delay(0);
    harness.run(job);
    harness.run_all("api");
    const auto original = harness.live("api").at(0);
    const std::uint32_t node = original->node_id == node_id(1) ? 1 : 2;
    harness.set_status(node, "disconnected");
    const auto output = harness.evaluate("api");
    ASSERT_EQ(output.created_size(), 1);
    EXPECT_EQ(output.created(0).triggered_by(), "max-disconnect-timeout");
    EXPECT_EQ(output.created(0).wait_until(), (harness.wall + hour).value());
    EXPECT_EQ(harness.live("api").size(), 2U) << "the unknown one and its replacement";
    EXPECT_EQ(harness.named("api", original->body.name()) != nullptr, true);
    EXPECT_EQ(harness.evaluate("api").plan().placements_size(), 0) << "nothing more to do";

    harness.set_status(node, "ready");
    const auto back = harness.view().allocation(original->id);
    EXPECT_EQ(back->body.client_status(), "unknown");
    harness.report(back, "running");
    harness.evaluate("api");
    ASSERT_EQ(harness.live("api").size(), 1U);
    EXPECT_EQ(harness.live("api").at(0)->id, original->id);
    EXPECT_EQ(harness.evaluate("api").plan().placements_size(), 0);
}

TEST(Disconnect, after_its_time_it_is_lost) {
    Harness harness;
    harness.add_nodes(1);
    auto job = make_job("api", 1);
    group_of(job).mutable_disconnect()->set_lost_after(hour.count());
    harness.run(job);
    harness.run_all("api");
    harness.set_status(1, "disconnected");
    const auto output = harness.evaluate("api");
    harness.wall = harness.wall + hour;
    harness.add(make_node(2));
    harness.commit(output.created(0));
    ASSERT_EQ(harness.live("api").size(), 1U);
    EXPECT_EQ(harness.live("api").at(0)->node_id, node_id(2));
}

TEST(Disconnect, an_update_stops_what_is_cut_off_in_the_same_plan) {
    Harness harness;
    harness.add_nodes(1);
    auto job = make_job("api", 1);
    group_of(job).mutable_disconnect()->set_lost_after(hour.count());
    harness.run(job);
    harness.run_all("api");
    const auto original = harness.live("api").at(0);
    harness.add(make_node(2));
    harness.set_status(1, "disconnected");
    group_of(job).mutable_tasks(0)->set_user("another");
    const auto output = harness.run(job);
    EXPECT_EQ(count_stops(output), 1);
    for (const auto& placed : placements(output)) EXPECT_NE(placed.id(), original->body.id());
    const auto stopped = harness.view().allocation(original->id);
    EXPECT_EQ(stopped->body.desired_status(), "stop");
    EXPECT_EQ(stopped->body.client_status(), "unknown");
    const auto states = stopped->body.alloc_states();
    ASSERT_FALSE(states.empty());
    EXPECT_EQ(states.rbegin()->value(), "unknown");
    EXPECT_EQ(harness.named("api", original->body.name())->node_id, node_id(2));
}

TEST(Annotations, say_what_happens_to_each_group) {
    Harness harness;
    harness.add_nodes(2);
    auto job = make_job("api", 2);
    const auto output = harness.run(job);
    ASSERT_EQ(output.annotations().desired_tg_updates_size(), 1);
    EXPECT_EQ(desired(output).place(), 2U);
    auto evaluation = harness.make_evaluation("api");
    PlanInputs inputs;
    inputs.wall = harness.wall;
    EXPECT_FALSE(plan(harness.view(), evaluation, inputs).has_annotations());
}

}  // namespace
}  // namespace drover::scheduler::testing
