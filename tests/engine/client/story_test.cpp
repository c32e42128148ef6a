// Stories of one agent on one node, from the first contact to the last word about an allocation.
#include <gtest/gtest.h>

#include "tests/engine/client/scripted_host.hpp"

namespace drover::client {
namespace {

using Types = std::vector<std::string>;

TEST(AgentStory, a_node_registers_becomes_ready_and_beats_within_its_time_to_live) {
    ScriptedHost host;
    host.settle();
    EXPECT_EQ(host.registrations, 1);
    EXPECT_EQ(host.heartbeats, 1);  // declares it ready
    EXPECT_TRUE(host.client->registered());
    host.advance(seconds{20});
    EXPECT_EQ(host.heartbeats, 2);
    host.advance(minutes{10});
    EXPECT_GE(host.heartbeats, 31);
    EXPECT_LE(host.heartbeats, 36);
    EXPECT_EQ(host.registrations, 1);
    EXPECT_EQ(host.report_batches, 0) << "there is nothing to say about nothing";
}

TEST(AgentStory, an_allocation_starts_runs_and_is_reported) {
    ScriptedHost host;
    host.settle();
    host.place(1, {});
    host.publish();
    host.settle();
    EXPECT_TRUE(host.runs(1, "web"));
    EXPECT_EQ(host.reported(1), "running") << "a new status leaves at once";
    EXPECT_EQ(host.event_types(1, "web"), (Types{"Received", "Task Setup", "Started"}));
    const auto state = host.task_state(1, "web");
    EXPECT_EQ(state.started_at(), host.wall.value());
    EXPECT_EQ(state.events(2).display_message(), "Task started by client");
    const auto batches = host.report_batches;
    host.advance(minutes{30});
    EXPECT_LE(host.report_batches, batches + 1) << "an idle agent has nothing to report";
}

TEST(AgentStory, a_failed_service_restarts_after_its_delay_and_gives_up_in_the_end) {
    ScriptedHost host;
    host.place_and_run(1, {});
    host.exit(1, "web", {.exit_code = 3});
    host.advance(seconds{14});
    EXPECT_FALSE(host.runs(1, "web"));
    EXPECT_EQ(host.task_state(1, "web").state(), "pending");
    EXPECT_EQ(host.reported(1), "pending");
    host.advance(seconds{6});  // 15 s and at most a quarter more
    EXPECT_TRUE(host.runs(1, "web"));
    EXPECT_EQ(host.task_state(1, "web").restarts(), 1U);
    EXPECT_EQ(host.count<DestroyTask>(), 1) << "the first process is forgotten";
    host.exit(1, "web", {.exit_code = 3});
    host.advance(seconds{20});
    EXPECT_TRUE(host.runs(1, "web"));
    host.exit(1, "web", {.exit_code = 3});
    host.advance(seconds{20});
    EXPECT_FALSE(host.runs(1, "web"));
    EXPECT_EQ(host.reported(1), "failed");
    EXPECT_TRUE(host.task_state(1, "web").failed());
    const auto state = host.task_state(1, "web");
    const auto& last = state.events(state.events_size() - 1);
    EXPECT_EQ(last.type(), "Not Restarting");
    EXPECT_EQ(last.display_message(),
              "Exceeded allowed attempts 2 in interval 30m0s and mode is \"fail\"");
    EXPECT_TRUE(last.fails_task());
}

TEST(AgentStory, mode_delay_waits_for_the_next_interval_instead_of_giving_up) {
    ScriptedHost host;
    JobSpec spec;
    spec.attempts = 1;
    spec.interval = minutes{1};
    spec.delay = seconds{1};
    spec.mode = "delay";
    host.place_and_run(1, spec);
    host.exit(1, "web", {.exit_code = 1});
    host.advance(seconds{2});
    EXPECT_TRUE(host.runs(1, "web"));
    host.exit(1, "web", {.exit_code = 1});
    host.advance(seconds{30});
    EXPECT_FALSE(host.runs(1, "web"));
    host.advance(seconds{40});
    EXPECT_TRUE(host.runs(1, "web"));
}

TEST(AgentStory, a_batch_task_that_ends_well_is_complete_and_never_started_again) {
    ScriptedHost host;
    JobSpec spec;
    spec.type = "batch";
    host.place_and_run(1, spec);
    host.exit(1, "web", {});
    host.advance(minutes{10});
    EXPECT_EQ(host.reported(1), "complete");
    EXPECT_EQ(host.count<StartTask>(), 1);
    EXPECT_EQ(host.count<DestroyTask>(), 1);
    EXPECT_EQ(host.event_types(1, "web").back(), "Terminated");
    EXPECT_FALSE(host.task_state(1, "web").failed());
}

TEST(AgentStory, a_start_that_can_never_work_fails_at_once_and_another_is_tried_again) {
    struct Row {
        const char* why;
        ScriptedHost::Driver driver;
        int starts;
        const char* reason;
    };
    const Row rows[]{
        {"a bad configuration stays bad", ScriptedHost::Driver::fails_for_good, 1,
         "Error was unrecoverable"},
        {"a passing trouble is worth the attempts of the policy", ScriptedHost::Driver::fails, 3,
         "Exceeded allowed attempts 2 in interval 30m0s and mode is \"fail\""},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.why);
        ScriptedHost host;
        host.driver = row.driver;
        host.place_and_run(1, {});
        host.advance(minutes{2});
        EXPECT_EQ(host.count<StartTask>(), row.starts);
        EXPECT_EQ(host.reported(1), "failed");
        const auto state = host.task_state(1, "web");
        EXPECT_EQ(state.events(state.events_size() - 1).restart_reason(), row.reason);
    }
}

TEST(AgentStory, a_stop_carries_signal_and_timeout_and_waits_for_the_exit) {
    ScriptedHost host;
    host.stops_at_once = false;
    JobSpec spec;
    spec.tasks[0].kill_signal = "SIGQUIT";
    spec.tasks[0].kill_timeout = minutes{10};
    host.place_and_run(1, spec);
    host.want_stopped(1);
    host.publish();
    host.settle();
    ASSERT_EQ(host.count<StopTask>(), 1);
    EXPECT_EQ(host.last<StopTask>().signal, "SIGQUIT");
    EXPECT_EQ(host.last<StopTask>().kill_timeout, seconds{30}) << "bounded by the agent";
    EXPECT_EQ(host.reported(1), "running") << "its resources are in use until it has ended";
    host.advance(seconds{59});
    EXPECT_EQ(host.count<StopTask>(), 1);
    host.advance(seconds{2});
    EXPECT_EQ(host.count<StopTask>(), 2) << "nobody answered: asked again";
    host.exit(1, "web", {.exit_code = 137, .signal = 9});
    host.advance(seconds{2});
    EXPECT_EQ(host.reported(1), "complete");
    const auto types = host.event_types(1, "web");
    EXPECT_EQ((Types{types.end() - 3, types.end()}), (Types{"Killing", "Terminated", "Killed"}));
    EXPECT_TRUE(host.directories.contains(id_of(1))) << "its logs stay until servers forget it";
    host.forget_allocation(1);
    host.publish();
    host.settle();
    EXPECT_TRUE(host.directories.empty());
    EXPECT_EQ(host.durable.size(), 1U) << "nothing of it is left on disk";
    EXPECT_TRUE(host.client->allocations().empty());
}

TEST(AgentStory, shutdown_delays_are_waited_for_unless_told_otherwise) {
    JobSpec spec;
    spec.shutdown_delay = seconds{5};
    spec.tasks[0].shutdown_delay = seconds{7};
    ScriptedHost patient;
    patient.place_and_run(1, spec);
    patient.want_stopped(1);
    patient.publish();
    patient.advance(milliseconds{11'900});
    EXPECT_TRUE(patient.runs(1, "web"));
    patient.advance(milliseconds{200});
    EXPECT_FALSE(patient.runs(1, "web"));

    ScriptedHost hurried;
    hurried.place_and_run(1, spec);
    hurried.touch(1).mutable_desired_transition()->set_no_shutdown_delay(true);
    hurried.want_stopped(1);
    hurried.publish();
    hurried.settle();
    EXPECT_FALSE(hurried.runs(1, "web"));
}

TEST(AgentStory, tasks_start_and_end_in_their_order) {
    JobSpec spec;
    spec.type = "batch";
    spec.tasks = {{.name = "main"},
                  {.name = "init", .hook = "prestart"},
                  {.name = "proxy", .hook = "prestart", .sidecar = true},
                  {.name = "warm", .hook = "poststart"},
                  {.name = "clean", .hook = "poststop"}};
    ScriptedHost host;
    host.place_and_run(1, spec);
    EXPECT_TRUE(host.runs(1, "init") && host.runs(1, "proxy"));
    EXPECT_FALSE(host.runs(1, "main"));
    host.exit(1, "init");
    host.settle();
    EXPECT_TRUE(host.runs(1, "main") && host.runs(1, "warm"));
    EXPECT_FALSE(host.runs(1, "clean"));
    host.exit(1, "warm");
    host.exit(1, "main");
    host.settle();
    EXPECT_FALSE(host.runs(1, "proxy")) << "a sidecar does not outlive what it serves";
    EXPECT_TRUE(host.runs(1, "clean"));
    host.exit(1, "clean");
    host.advance(seconds{2});
    EXPECT_EQ(host.reported(1), "complete");
}

TEST(AgentStory, a_failed_task_takes_its_siblings_along) {
    JobSpec spec;
    spec.attempts = 0;
    spec.tasks = {{.name = "api"}, {.name = "db"}};
    ScriptedHost host;
    host.stops_at_once = false;
    host.place_and_run(1, spec);
    host.exit(1, "db", {.exit_code = 1});
    host.advance(seconds{2});
    EXPECT_EQ(host.last<StopTask>().key.task, "api");
    EXPECT_EQ(host.reported(1), "running") << "the end is told when it is one";
    host.exit(1, "api");
    host.advance(seconds{2});
    EXPECT_EQ(host.reported(1), "failed");
    const auto state = host.task_state(1, "api");
    EXPECT_EQ(state.events(3).display_message(), "Task's sibling \"db\" failed");
    EXPECT_FALSE(state.failed()) << "it did nothing wrong";
}

TEST(AgentStory, the_end_of_the_leader_ends_the_others_and_a_stop_takes_the_leader_first) {
    JobSpec spec;
    spec.type = "batch";
    spec.tasks = {{.name = "boss", .leader = true}, {.name = "worker"}};
    ScriptedHost ended;
    ended.place_and_run(1, spec);
    ended.exit(1, "boss");
    ended.advance(seconds{2});
    EXPECT_EQ(ended.reported(1), "complete");
    EXPECT_EQ(ended.task_state(1, "worker").events(3).type(), "Leader Task Dead");

    ScriptedHost stopped;
    stopped.stops_at_once = false;
    stopped.place_and_run(1, spec);
    stopped.want_stopped(1);
    stopped.publish();
    stopped.settle();
    ASSERT_EQ(stopped.count<StopTask>(), 1);
    EXPECT_EQ(stopped.last<StopTask>().key.task, "boss");
    stopped.exit(1, "boss");
    stopped.settle();
    EXPECT_EQ(stopped.last<StopTask>().key.task, "worker");
}

TEST(AgentStory, a_batch_allocation_that_runs_too_long_is_ended) {
    JobSpec spec;
    spec.type = "batch";
    spec.max_run_duration = minutes{5};
    ScriptedHost host;
    host.place_and_run(1, spec);
    host.advance(minutes{4});
    EXPECT_TRUE(host.runs(1, "web"));
    host.advance(minutes{1});
    EXPECT_FALSE(host.runs(1, "web"));
    EXPECT_EQ(host.reported(1), "complete");
    EXPECT_EQ(host.reports.at(id_of(1)).client_description(),
              "The allocation exceeded its max_run_duration of 5m0s");
}

TEST(AgentStory, a_directory_that_cannot_be_built_fails_every_task) {
    ScriptedHost host;
    host.directories_fail = true;
    host.place_and_run(1, {});
    EXPECT_EQ(host.reported(1), "failed");
    EXPECT_EQ(host.event_types(1, "web").back(), "Setup Failure");
    EXPECT_EQ(host.count<StartTask>(), 0);
}

TEST(AgentStory, an_allocation_waits_for_the_one_that_it_replaces_here) {
    ScriptedHost host;
    host.stops_at_once = false;
    host.place_and_run(1, {});
    host.want_stopped(1);
    host.place(2, {}).set_previous_allocation(id_of(1).raw());
    host.publish();
    host.advance(seconds{5});
    EXPECT_FALSE(host.runs(2, "web"));
    host.exit(1, "web");
    host.settle();
    EXPECT_TRUE(host.runs(2, "web"));
}

TEST(AgentStory, an_in_place_update_changes_what_the_next_start_does_and_restarts_nothing) {
    ScriptedHost host;
    host.place_and_run(1, {});
    JobSpec spec;
    spec.attempts = 0;
    *host.touch(1).mutable_job() = job_of(spec);
    host.publish();
    host.settle();
    EXPECT_TRUE(host.runs(1, "web"));
    EXPECT_EQ(host.count<StartTask>(), 1);
    host.exit(1, "web", {.exit_code = 1});
    host.advance(seconds{2});
    EXPECT_EQ(host.reported(1), "failed") << "the new policy allows no restarts";
}

TEST(AgentStory, a_broken_allocation_is_refused_once_and_told_to_have_failed) {
    ScriptedHost host;
    host.place(1, {}).set_task_group("other");
    host.settle();
    host.publish();
    host.advance(seconds{5});
    EXPECT_EQ(host.reported(1), "failed");
    EXPECT_EQ(host.count<BuildAllocationDirectory>(), 0);
    EXPECT_NE(host.reports.at(id_of(1)).client_description().find("no group \"other\""),
              std::string::npos);
}

// ---- deployments

TEST(AgentHealth, a_deployed_allocation_is_healthy_once_it_has_run_undisturbed) {
    ScriptedHost host;
    host.settle();
    host.place(1, {}).set_deployment_id(id_of(50).raw());
    host.publish();
    host.advance(seconds{9});
    EXPECT_FALSE(host.reports.at(id_of(1)).deployment_status().has_healthy());
    host.advance(seconds{2});
    EXPECT_TRUE(host.reports.at(id_of(1)).deployment_status().healthy());
    EXPECT_NE(host.reports.at(id_of(1)).deployment_status().timestamp(), 0);
}

TEST(AgentHealth, restarts_put_it_off_and_the_deadline_ends_the_patience) {
    JobSpec spec;
    spec.attempts = 1000;
    spec.delay = seconds{1};
    ScriptedHost host;
    host.settle();
    host.place(1, spec).set_deployment_id(id_of(50).raw());
    host.publish();
    for (int round = 0; round < 59; ++round) {
        host.advance(seconds{5});
        ASSERT_TRUE(host.runs(1, "web"));
        host.exit(1, "web", {.exit_code = 1});
        EXPECT_FALSE(host.reports.at(id_of(1)).deployment_status().has_healthy());
    }
    host.advance(seconds{6});
    const auto& status = host.reports.at(id_of(1)).deployment_status();
    EXPECT_TRUE(status.has_healthy());
    EXPECT_FALSE(status.healthy());
    const auto types = host.event_types(1, "web");
    EXPECT_NE(std::find(types.begin(), types.end(), "Alloc Unhealthy"), types.end());
}

TEST(AgentHealth, a_failed_allocation_is_unhealthy_at_once_and_a_new_deployment_judges_anew) {
    JobSpec spec;
    spec.attempts = 0;
    ScriptedHost host;
    host.settle();
    host.place(1, spec).set_deployment_id(id_of(50).raw());
    host.place(2, spec).set_deployment_id(id_of(50).raw());
    host.publish();
    host.advance(seconds{2});
    host.exit(1, "web", {.exit_code = 1});
    host.advance(seconds{2});
    EXPECT_FALSE(host.reports.at(id_of(1)).deployment_status().healthy());
    host.advance(seconds{12});
    EXPECT_TRUE(host.reports.at(id_of(2)).deployment_status().healthy());
    host.touch(2).set_deployment_id(id_of(51).raw());
    host.placed.at(id_of(2)).clear_deployment_status();
    host.publish();
    host.advance(seconds{5});
    EXPECT_FALSE(host.reports.at(id_of(2)).deployment_status().has_healthy());
    host.advance(seconds{10});
    EXPECT_TRUE(host.reports.at(id_of(2)).deployment_status().healthy());
}

// ---- pulls

int pulls(const ScriptedHost& host) {
    int count = 0;
    for (const auto& effect : host.log) {
        const auto* sent = std::get_if<SendRequest>(&effect);
        if (sent != nullptr && sent->request->query().has_node_work()) ++count;
    }
    return count;
}

TEST(AgentPulls, news_after_a_quiet_time_is_acted_on_at_once) {
    ScriptedHost host;
    host.advance(seconds{2});
    host.place(1, {});
    host.publish();
    host.settle();
    EXPECT_TRUE(host.runs(1, "web")) << "in the same instant";
}

TEST(AgentPulls, a_stream_of_allocations_is_pulled_in_a_few_gulps) {
    ScriptedHost host;
    host.advance(seconds{2});
    const int before = pulls(host);
    for (int number = 1; number <= 100; ++number) {
        host.place(number, {});
        host.publish();
        host.advance(milliseconds{10});
    }
    EXPECT_LE(pulls(host) - before, 7) << "a second of news, five pulls a second, and the first";
    EXPECT_GE(pulls(host) - before, 5);
    host.advance(host.config.pull_interval);
    for (int number = 1; number <= 100; ++number) EXPECT_TRUE(host.runs(number, "web")) << number;
    EXPECT_LE(host.told_whole, 101) << "each of them was told once";
}

}  // namespace
}  // namespace drover::client
