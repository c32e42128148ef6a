// Stories of servers that are away, disks that fail, agents that die and news that comes twice.
#include <gtest/gtest.h>

#include "tests/engine/client/scripted_host.hpp"

namespace drover::client {
namespace {

TEST(AgentAdversity, tasks_run_on_without_servers_and_the_latest_news_arrives_afterwards) {
    ScriptedHost host;
    JobSpec spec;
    spec.delay = seconds{1};
    host.place_and_run(1, spec);
    host.reachable = false;
    host.publish();
    host.advance(minutes{20});
    EXPECT_TRUE(host.runs(1, "web"));
    host.exit(1, "web", {.exit_code = 1});
    host.advance(minutes{2});
    EXPECT_TRUE(host.runs(1, "web")) << "the policy is followed without servers";
    EXPECT_EQ(host.reports.at(id_of(1)).task_states(0).restarts(), 0U);
    host.reachable = true;
    host.advance(minutes{1});
    EXPECT_EQ(host.reported(1), "running");
    EXPECT_EQ(host.reports.at(id_of(1)).task_states(0).restarts(), 1U);
    EXPECT_EQ(host.registrations, 1);
}

TEST(AgentAdversity, requests_to_servers_that_are_away_grow_rare) {
    ScriptedHost host;
    host.reachable = false;
    host.advance(minutes{10});
    EXPECT_GT(host.count<SendRequest>(), 20);
    EXPECT_LT(host.count<SendRequest>(), 60);
    host.reachable = true;
    host.advance(seconds{20});
    EXPECT_TRUE(host.client->registered());
}

TEST(AgentAdversity, servers_that_do_not_wait_are_not_asked_in_circles) {
    ScriptedHost host;
    host.answers_pulls_at_once = true;
    host.place_and_run(1, {});
    host.advance(seconds{60});
    EXPECT_GT(host.count<SendRequest>(), 60);
    EXPECT_LT(host.count<SendRequest>(), 300);
}

TEST(AgentAdversity, an_allocation_is_let_go_even_where_its_removal_lowers_the_index) {
    ScriptedHost host;
    host.place_and_run(1, {});
    host.want_stopped(1);
    host.publish();
    host.advance(seconds{5});
    host.placed.erase(id_of(1));
    host.index -= 2;
    host.advance(minutes{1});  // nobody is woken by it: the next pull tells
    EXPECT_TRUE(host.client->allocations().empty());
    EXPECT_TRUE(host.directories.empty());
}

TEST(AgentAdversity, an_allocation_that_has_ended_elsewhere_is_not_begun_here) {
    ScriptedHost host;
    host.settle();
    host.place(1, {}).set_client_status("complete");
    host.place(2, {}).set_desired_status("stop");
    host.publish();
    host.advance(seconds{5});
    EXPECT_EQ(host.count<BuildAllocationDirectory>(), 0);
    EXPECT_EQ(host.reported(1), "");
    EXPECT_EQ(host.reported(2), "complete") << "servers wait to hear that it has ended";
}

TEST(AgentAdversity, a_node_that_servers_no_longer_know_registers_again) {
    ScriptedHost host;
    host.place_and_run(1, {});
    host.knows_node = false;
    host.advance(seconds{30});
    EXPECT_EQ(host.registrations, 2);
    EXPECT_TRUE(host.runs(1, "web"));
    EXPECT_EQ(host.count<StartTask>(), 1);
}

TEST(AgentAdversity, a_group_that_must_not_run_alone_is_stopped_when_servers_stay_away) {
    JobSpec spec;
    spec.stop_on_client_after = minutes{1};
    ScriptedHost host;
    host.place_and_run(1, spec);
    host.place_and_run(2, {});
    host.advance(minutes{3});
    EXPECT_TRUE(host.runs(1, "web"));
    host.reachable = false;
    host.publish();
    host.advance(minutes{2});
    EXPECT_FALSE(host.runs(1, "web"));
    EXPECT_TRUE(host.runs(2, "web"));
}

TEST(AgentAdversity, a_status_that_servers_believe_wrongly_is_told_again) {
    ScriptedHost host;
    host.place_and_run(1, {});
    const int batches = host.report_batches;
    host.touch(1).set_client_status("unknown");
    host.publish();
    host.advance(seconds{2});
    EXPECT_GT(host.report_batches, batches);
    EXPECT_EQ(host.placed.at(id_of(1)).client_status(), "running");
}

// ---- the disk

TEST(AgentDisk, no_task_starts_before_its_announcement_is_on_disk) {
    ScriptedHost host;
    host.settle();
    host.place(1, {});
    host.disk = ScriptedHost::Disk::holds;
    host.publish();
    host.advance(minutes{1});
    EXPECT_EQ(host.count<BuildAllocationDirectory>(), 0);
    host.finish_write(true);  // the allocation
    host.settle();
    EXPECT_EQ(host.count<BuildAllocationDirectory>(), 1);
    EXPECT_EQ(host.count<StartTask>(), 0);
    for (int writes = 0; writes < 3 && !host.runs(1, "web"); ++writes) {
        EXPECT_EQ(host.count<StartTask>(), 0);
        host.finish_write(true);
        host.settle();
    }
    EXPECT_TRUE(host.runs(1, "web"));
}

TEST(AgentDisk, an_agent_that_cannot_store_its_state_starts_nothing_and_says_so) {
    JobSpec spec;
    spec.delay = seconds{1};
    ScriptedHost host;
    host.place_and_run(1, spec);
    host.place_and_run(2, spec);
    host.disk = ScriptedHost::Disk::fails;
    host.exit(1, "web", {.exit_code = 1});
    host.advance(seconds{5});
    EXPECT_TRUE(host.client->refuses_starts());
    EXPECT_FALSE(host.runs(1, "web"));
    EXPECT_EQ(host.reported(1), "failed");
    EXPECT_EQ(host.event_types(1, "web").back(), "Setup Failure");
    EXPECT_TRUE(host.runs(2, "web")) << "what runs keeps running";
    const int writes = host.count<WriteState>();
    host.place(3, spec);
    host.publish();
    host.advance(minutes{1});
    EXPECT_EQ(host.reported(3), "failed");
    EXPECT_EQ(host.reported(2), "running");
    EXPECT_EQ(host.count<WriteState>(), writes) << "nothing is known about the disk any more";
    int errors = 0;
    for (const auto& effect : host.log) {
        const auto* report = std::get_if<Report>(&effect);
        errors += report != nullptr && report->severity == Severity::error &&
                  report->text.find("disk full") != std::string::npos;
    }
    EXPECT_GE(errors, 1);
}

// ---- restarts of the agent

TEST(AgentRestart, running_tasks_are_attached_to_and_not_started_again) {
    ScriptedHost host;
    host.place_and_run(1, {});
    const int batches = host.report_batches;
    host.restart_agent();
    host.advance(seconds{5});
    EXPECT_EQ(host.count<StartTask>(), 1);
    EXPECT_EQ(host.count<RecoverTask>(), 1);
    EXPECT_EQ(host.summary(1).client_status, "running");
    EXPECT_EQ(host.report_batches, batches) << "servers know all of it already";
    host.exit(1, "web", {.exit_code = 1});
    host.advance(seconds{20});
    EXPECT_EQ(host.last<StartTask>().key.attempt, 2U);
    EXPECT_EQ(host.task_state(1, "web").restarts(), 1U);
}

TEST(AgentRestart, a_node_held_for_lost_tells_how_all_stands_and_is_ready_again) {
    ScriptedHost host;
    host.place_and_run(1, {});
    const int batches = host.report_batches;
    host.holds_node_for_lost = true;
    host.restart_agent();
    host.settle();
    EXPECT_EQ(host.report_batches, batches + 1) << "though servers know all of it already";
    EXPECT_FALSE(host.holds_node_for_lost);
    const int heartbeats = host.heartbeats;
    EXPECT_EQ(heartbeats, 3) << "one at first, one after each report that made it ready";
    host.advance(seconds{15});
    EXPECT_EQ(host.heartbeats, heartbeats) << "and no more than that";
}

TEST(AgentRestart, an_exit_that_nobody_watched_is_told_afterwards) {
    JobSpec spec;
    spec.type = "batch";
    ScriptedHost host;
    host.place_and_run(1, spec);
    host.exit(1, "web", {});
    host.restart_agent();  // before the exit was delivered
    host.advance(seconds{5});
    EXPECT_EQ(host.reported(1), "complete");
    EXPECT_EQ(host.count<StartTask>(), 1);
}

TEST(AgentRestart, a_start_of_unknown_fate_is_asked_for_again_with_the_same_attempt) {
    for (const bool had_started : {false, true}) {
        SCOPED_TRACE(had_started);
        ScriptedHost host;
        host.driver = ScriptedHost::Driver::holds;
        host.place_and_run(1, {});
        ASSERT_EQ(host.count<StartTask>(), 1);
        if (had_started) host.finish_start(host.last<StartTask>().key);
        host.driver = ScriptedHost::Driver::starts;
        host.restart_agent();
        host.advance(seconds{5});
        EXPECT_TRUE(host.runs(1, "web"));
        EXPECT_EQ(host.last<StartTask>().key.attempt, 1U);
        EXPECT_EQ(host.reported(1), "running");
    }
}

TEST(AgentRestart, a_start_of_unknown_fate_that_is_no_longer_wanted_is_attached_to_and_stopped) {
    ScriptedHost host;
    host.driver = ScriptedHost::Driver::holds;
    host.place_and_run(1, {});
    host.finish_start(host.last<StartTask>().key);
    host.happened.clear();  // nobody learns of it
    host.want_stopped(1);
    host.publish();
    host.settle();
    host.driver = ScriptedHost::Driver::starts;
    host.restart_agent();
    host.advance(seconds{5});
    EXPECT_FALSE(host.runs(1, "web"));
    EXPECT_EQ(host.count<StopTask>(), 1);
    EXPECT_EQ(host.reported(1), "complete");
}

TEST(AgentRestart, a_lost_task_waits_for_the_servers_and_follows_its_policy) {
    ScriptedHost host;
    host.place_and_run(1, {});
    host.reachable = false;
    host.restart_machine();
    host.advance(minutes{5});
    EXPECT_FALSE(host.runs(1, "web")) << "servers may have replaced it long ago";
    host.reachable = true;
    host.advance(minutes{1});
    EXPECT_TRUE(host.runs(1, "web"));
    EXPECT_EQ(host.last<StartTask>().key.attempt, 2U);
}

TEST(AgentRestart, a_lost_task_that_servers_hold_for_ended_stays_down) {
    ScriptedHost host;
    host.place_and_run(1, {});
    host.restart_machine();
    host.touch(1).set_client_status("lost");
    host.want_stopped(1);
    host.advance(minutes{5});
    EXPECT_FALSE(host.runs(1, "web"));
    EXPECT_EQ(host.count<StartTask>(), 1);
    EXPECT_EQ(host.reported(1), "complete");
}

TEST(AgentRestart, a_lost_task_is_not_begun_again_where_servers_know_its_end) {
    JobSpec spec;
    spec.type = "batch";
    ScriptedHost host;
    host.place_and_run(1, spec);
    host.restart_machine();
    host.placed.at(id_of(1)).set_client_status("complete");  // wanted as before
    host.advance(minutes{5});
    EXPECT_FALSE(host.runs(1, "web"));
    EXPECT_EQ(host.count<StartTask>(), 1);
}

TEST(AgentRestart, a_dead_allocation_stays_dead) {
    JobSpec spec;
    spec.type = "batch";
    ScriptedHost host;
    host.place_and_run(1, spec);
    host.exit(1, "web");
    host.advance(seconds{5});
    const int batches = host.report_batches;
    host.restart_machine();
    host.advance(minutes{1});
    EXPECT_EQ(host.count<StartTask>(), 1);
    EXPECT_EQ(host.report_batches, batches);
    EXPECT_EQ(host.summary(1).client_status, "complete");
}

TEST(AgentRestart, state_that_cannot_be_used_is_refused_with_a_remedy) {
    ScriptedHost host;
    host.place_and_run(1, {});
    const auto& durable = host.durable;
    const std::string allocation = records::allocation_key(id_of(1));
    schema::ClientAgentRecord other_node, later;
    other_node.set_format(1);
    other_node.set_node_id(id_of(99).raw());
    later.set_format(2);
    later.set_node_id(id_of(200).raw());
    struct Row {
        const char* why;
        std::string key;
        std::string value;
        const char* says;
    };
    const Row rows[]{
        {"a damaged allocation", allocation, "\xff\xff", "damaged"},
        {"a damaged task", allocation + "/task/web", "\x08", "damaged"},
        {"a key of nobody", "allotment/1", "", "unknown key"},
        {"no id in the key", "allocation/one", "", "no allocation id"},
        {"the state of another node", "agent", other_node.SerializeAsString(), "belongs to node"},
        {"a later release wrote it", "agent", later.SerializeAsString(), "format 2"},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.why);
        auto changed = durable;
        changed[row.key] = row.value;
        const auto made =
            Client::restore(host.config, {changed.begin(), changed.end()}, host.now, Prng{1});
        ASSERT_FALSE(made);
        EXPECT_NE(made.error().message.find(row.says), std::string::npos) << made.error().message;
    }
}

// ---- late and repeated news

TEST(AgentNews, an_exit_of_an_earlier_attempt_changes_nothing) {
    JobSpec spec;
    spec.delay = seconds{1};
    ScriptedHost host;
    host.place_and_run(1, spec);
    const TaskKey first = host.last<StartTask>().key;
    host.exit(1, "web", {.exit_code = 1});
    host.settle();
    host.happened.emplace_back(TaskExited{first, {.exit_code = 1}});  // twice, while backing off
    host.advance(seconds{5});
    ASSERT_TRUE(host.runs(1, "web"));
    EXPECT_EQ(host.task_state(1, "web").restarts(), 1U);
    host.happened.emplace_back(TaskExited{first, {.exit_code = 1}});  // late
    host.happened.emplace_back(TaskStarted{first, {"mock", "web#1"}});
    host.happened.emplace_back(TaskRecoveryFailed{first, "gone"});
    host.advance(seconds{5});
    EXPECT_EQ(host.task_state(1, "web").state(), "running");
    EXPECT_EQ(host.task_state(1, "web").restarts(), 1U);
}

TEST(AgentNews, a_start_of_an_earlier_attempt_is_not_taken_for_the_latest) {
    JobSpec spec;
    spec.delay = seconds{1};
    ScriptedHost host;
    host.place_and_run(1, spec);
    const TaskKey first = host.last<StartTask>().key;
    host.driver = ScriptedHost::Driver::holds;
    host.exit(1, "web", {.exit_code = 1});
    host.advance(seconds{5});
    ASSERT_EQ(host.count<StartTask>(), 2);
    host.happened.emplace_back(TaskStarted{first, {"mock", "web#1"}});
    host.happened.emplace_back(TaskStartFailed{first, "late", false});
    host.advance(seconds{5});
    EXPECT_EQ(host.task_state(1, "web").state(), "pending");
    host.finish_start(host.last<StartTask>().key);
    host.settle();
    EXPECT_EQ(host.task_state(1, "web").state(), "running");
}

TEST(AgentNews, an_exit_that_overtakes_its_start_counts_after_it) {
    JobSpec spec;
    spec.type = "batch";
    ScriptedHost host;
    host.driver = ScriptedHost::Driver::holds;
    host.place_and_run(1, spec);
    const TaskKey key = host.last<StartTask>().key;
    host.happened.emplace_back(TaskExited{key, {}});
    host.happened.emplace_back(TaskStarted{key, {"mock", "web#1"}});
    host.advance(seconds{5});
    EXPECT_EQ(host.reported(1), "complete");
}

TEST(AgentNews, news_of_nobody_and_answers_to_nothing_are_ignored) {
    ScriptedHost host;
    host.settle();
    host.happened.emplace_back(TaskExited{{id_of(9), "ghost", 3}, {}});
    host.happened.emplace_back(AllocationDirectoryBuilt{id_of(9)});
    host.happened.emplace_back(StateWritten{StateWriteId{77}});
    host.happened.emplace_back(StateWriteFailed{StateWriteId{78}, "no"});
    host.happened.emplace_back(RequestFailed{Ticket{999}, "no"});
    host.happened.emplace_back(
        ResponseReceived{Ticket{998}, std::make_shared<const schema::Response>()});
    host.settle();
    EXPECT_FALSE(host.client->refuses_starts());
    EXPECT_TRUE(host.client->registered());
}

TEST(AgentNews, what_did_not_change_is_not_told_again) {
    ScriptedHost host;
    host.place_and_run(1, {});
    host.place_and_run(2, {});
    host.advance(std::chrono::minutes{5});
    EXPECT_EQ(host.told_whole, 2);
    EXPECT_TRUE(host.runs(1, "web"));
    host.want_stopped(1);
    host.publish();
    host.advance(seconds{5});
    EXPECT_EQ(host.told_whole, 3);
    EXPECT_FALSE(host.runs(1, "web"));
    EXPECT_TRUE(host.runs(2, "web"));
    host.restart_agent();
    host.advance(seconds{5});
    EXPECT_EQ(host.told_whole, 5) << "a new agent asks for everything";
    EXPECT_EQ(host.reported(2), "running");
}

TEST(AgentNews, what_is_counted_but_was_never_told_is_asked_for) {
    ScriptedHost host;
    host.place_and_run(1, {});
    // Servers that were set back count their indexes once more.
    host.place(2, {}).set_alloc_modify_index(1);
    host.publish();
    host.advance(seconds{2});
    EXPECT_TRUE(host.runs(2, "web"));
}

TEST(AgentNews, after_a_failed_pull_everything_is_told_again) {
    ScriptedHost host;
    host.place_and_run(1, {});
    const int before = host.told_whole;
    host.reachable = false;
    host.advance(std::chrono::minutes{1});
    host.reachable = true;
    host.advance(std::chrono::minutes{2});
    EXPECT_GT(host.told_whole, before);
    EXPECT_TRUE(host.runs(1, "web"));
}

TEST(AgentNews, what_was_over_before_it_came_is_not_asked_for_again_and_again) {
    ScriptedHost host;
    host.place(1, {}).set_client_status("complete");
    host.publish();
    host.advance(std::chrono::minutes{5});
    EXPECT_EQ(host.told_whole, 1);
}

TEST(AgentNews, an_answer_without_a_list_ends_no_task) {
    ScriptedHost host;
    host.place_and_run(1, {});
    const auto ticket = host.blocked.begin()->first;
    host.happened.emplace_back(
        ResponseReceived{Ticket{ticket}, std::make_shared<const schema::Response>()});
    host.advance(seconds{5});
    EXPECT_TRUE(host.runs(1, "web"));
}

TEST(AgentNews, a_copy_of_an_agent_is_another_agent) {
    ScriptedHost host;
    host.place_and_run(1, {});
    Client copy = *host.client;
    std::vector<Effect> effects;
    copy.step(host.now, host.wall, {TaskExited{{id_of(1), "web", 1}, {.exit_code = 1}}}, effects);
    EXPECT_EQ(copy.allocations()[0].tasks[0].state->state(), "pending");
    EXPECT_EQ(host.task_state(1, "web").state(), "running");
}

}  // namespace
}  // namespace drover::client
