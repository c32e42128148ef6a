// The leader's work in a real cluster: jobs get placed, lost nodes are noticed, deployments roll
// on, and all of it survives a change of leader.
#include <gtest/gtest.h>

#include "engine/control/leader.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "tests/engine/server/cluster.hpp"
#include "tests/engine/server/requests.hpp"

namespace drover::server {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t second = 1'000'000'000;

void quicken(Config& config) {
    config.control.heartbeat_ttl_min = 2s;
    config.control.heartbeat_grace = 1s;
    config.control.heartbeat_failover_ttl = 5s;
}

// A cluster with nodes that heartbeat and tasks that run as soon as they are placed.
struct Fleet {
    Cluster cluster;
    std::set<std::uint8_t> alive;
    bool run_tasks = true;

    explicit Fleet(std::size_t servers = 3) : cluster{{servers, quicken}} { cluster.elect(); }

    void add_node(std::uint8_t number, int cpu = 1000) {
        auto joined = cluster.call(cluster.elect(), register_node(number, cpu));
        ASSERT_EQ(failure_of(joined), std::nullopt) << joined.failure().message();
        alive.insert(number);
        beat();
    }
    void beat() {
        for (const std::uint8_t number : alive) {
            cluster.ask(cluster.elect(), node_status(number, "ready"));
        }
    }
    std::vector<state::AllocationPtr> allocations(const std::string& job) {
        std::vector<state::AllocationPtr> rows;
        const auto& view = cluster.server(cluster.elect()).view();
        for (const auto& row : view.allocations_of({"default", job})) rows.push_back(row);
        return rows;
    }
    int running(const std::string& job) {
        int count = 0;
        for (const auto& row : allocations(job)) {
            count += !row->terminal() && row->client_status == state::ClientStatus::running;
        }
        return count;
    }
    void report_tasks() {
        const auto view = cluster.server(cluster.elect()).view();
        for (const auto& row : view.allocations()) {
            const bool here = std::any_of(alive.begin(), alive.end(), [&](std::uint8_t number) {
                return node_id(number) == row->node_id;
            });
            if (!here || row->client_terminal()) continue;
            if (row->server_terminal()) {
                cluster.ask(cluster.elect(), report(row->body.unpack(), "complete"));
            } else if (row->client_status == state::ClientStatus::pending) {
                cluster.ask(cluster.elect(), report(row->body.unpack(), "running"));
            }
        }
    }
    void live(Duration time) {
        for (Duration passed{}; passed < time; passed += 1s) {
            beat();
            if (run_tasks) report_tasks();
            cluster.run_for(1s);
        }
    }
    std::string node_status_of(std::uint8_t number) {
        return cluster.server(cluster.elect()).view().node(node_id(number))->status();
    }
};

TEST(LeaderWork, a_registered_job_is_placed_and_runs) {
    Fleet fleet;
    fleet.add_node(1);
    fleet.add_node(2);
    const auto written =
        fleet.cluster.call(fleet.cluster.follower(), register_job(service_job("web", 4)));
    fleet.live(4s);
    EXPECT_EQ(fleet.running("web"), 4);
    const auto evaluation =
        fleet.cluster.call(0, read_evaluation(written.job_written().evaluation_id()));
    EXPECT_EQ(evaluation.evaluation().status(), "complete");
    EXPECT_TRUE(fleet.cluster.digests_equal());
}

// Which devices a node has is no part of its class: who waits is woken all the same.
TEST(LeaderWork, what_waits_for_a_device_is_placed_when_one_is_well_again) {
    Fleet fleet;
    auto node = register_node(1, 1000);
    auto& devices =
        *node.mutable_register_node()->mutable_node()->mutable_node_resources()->add_devices();
    devices.set_vendor("acme");
    devices.set_type("gpu");
    devices.set_name("x");
    for (const char* id : {"a", "b"}) devices.add_instances()->set_id(id);
    devices.mutable_instances(0)->set_healthy(true);
    fleet.cluster.call(fleet.cluster.elect(), node);
    fleet.alive.insert(1);
    fleet.live(2s);
    auto job = service_job("web", 2);
    job.mutable_task_groups(0)->mutable_tasks(0)->mutable_resources()->add_devices()->set_name(
        "gpu");
    fleet.cluster.call(0, register_job(job));
    fleet.live(3s);
    EXPECT_EQ(fleet.running("web"), 1);
    devices.mutable_instances(1)->set_healthy(true);
    fleet.cluster.call(fleet.cluster.elect(), node);
    fleet.live(3s);
    EXPECT_EQ(fleet.running("web"), 2);
    EXPECT_TRUE(fleet.cluster.digests_equal());
}

TEST(LeaderWork, what_does_not_fit_is_placed_when_a_node_joins) {
    Fleet fleet;
    fleet.add_node(1, 1000);
    fleet.cluster.call(0, register_job(service_job("web", 4, 400)));
    fleet.live(3s);
    EXPECT_EQ(fleet.running("web"), 2);
    EXPECT_EQ(fleet.cluster.server(fleet.cluster.elect()).leader_work()->blocked().count(), 1U);
    fleet.add_node(2, 1000);
    fleet.live(3s);
    EXPECT_EQ(fleet.running("web"), 4);
    EXPECT_EQ(fleet.cluster.server(fleet.cluster.elect()).leader_work()->blocked().count(), 0U);
}

TEST(LeaderWork, what_does_not_fit_is_placed_when_another_job_stops) {
    Fleet fleet;
    fleet.add_node(1, 1000);
    fleet.cluster.call(0, register_job(service_job("first", 2, 400)));
    fleet.live(3s);
    fleet.cluster.call(0, register_job(service_job("second", 2, 400)));
    fleet.live(3s);
    EXPECT_EQ(fleet.running("second"), 0);
    fleet.cluster.call(0, deregister_job("first", false));
    fleet.live(4s);
    EXPECT_EQ(fleet.running("second"), 2);
}

TEST(LeaderWork, a_silent_node_goes_down_and_its_allocations_are_replaced) {
    Fleet fleet;
    fleet.add_node(1);
    fleet.add_node(2);
    fleet.cluster.call(0, register_job(service_job("web", 4)));
    fleet.live(4s);
    fleet.alive.erase(1);
    fleet.live(12s);
    EXPECT_EQ(fleet.node_status_of(1), "down");
    EXPECT_EQ(fleet.running("web"), 4);
    for (const auto& row : fleet.allocations("web")) {
        EXPECT_TRUE(row->terminal() || row->node_id == node_id(2));
        if (row->node_id == node_id(1)) {
            EXPECT_EQ(row->client_status, state::ClientStatus::lost);
        }
    }
    fleet.alive.insert(1);
    fleet.live(4s);
    EXPECT_EQ(fleet.node_status_of(1), "ready") << "a node that speaks again is used again";
}

TEST(LeaderWork, a_new_leader_takes_the_work_up_from_the_state) {
    Fleet fleet;
    fleet.add_node(1, 1000);
    fleet.cluster.call(0, register_job(service_job("web", 4, 400)));
    fleet.live(3s);
    const std::size_t old_leader = fleet.cluster.elect();
    fleet.cluster.crash(old_leader);
    const std::size_t leader = fleet.cluster.elect();
    ASSERT_NE(leader, old_leader);
    EXPECT_EQ(fleet.cluster.server(leader).leader_work()->blocked().count(), 1U);
    EXPECT_TRUE(fleet.cluster.server(leader).leader_work()->heartbeats().watches(node_id(1)));
    fleet.add_node(2, 1000);
    fleet.live(3s);
    EXPECT_EQ(fleet.running("web"), 4);
}

TEST(LeaderWork, a_silent_node_is_noticed_by_a_new_leader_too) {
    Fleet fleet;
    fleet.add_node(1);
    fleet.live(2s);
    fleet.alive.clear();
    fleet.cluster.crash(fleet.cluster.elect());
    fleet.cluster.elect();
    fleet.live(8s);
    EXPECT_EQ(fleet.node_status_of(1), "down");
}

TEST(LeaderWork, a_rolling_update_goes_on_as_allocations_become_healthy) {
    Fleet fleet;
    fleet.add_node(1);
    fleet.add_node(2);
    fleet.cluster.call(0, register_job(service_job("web", 3)));
    fleet.live(6s);
    schema::Job changed = service_job("web", 3, 150);
    fleet.cluster.call(0, register_job(changed));
    fleet.live(20s);
    EXPECT_EQ(fleet.running("web"), 3);
    for (const auto& row : fleet.allocations("web")) {
        EXPECT_TRUE(row->terminal() || row->job->version() == 1U);
    }
    const auto& view = fleet.cluster.server(fleet.cluster.elect()).view();
    EXPECT_EQ(view.latest_deployment({"default", "web"})->status(), "successful");
    EXPECT_TRUE(view.job({"default", "web"})->stable());
}

TEST(LeaderWork, a_rollout_that_gets_nowhere_fails_and_goes_back) {
    Fleet fleet;
    fleet.add_node(1);
    schema::Job job = service_job("web", 2);
    job.mutable_update()->set_auto_revert(true);
    job.mutable_update()->set_progress_deadline(30 * second);
    job.mutable_update()->set_healthy_deadline(20 * second);
    job.mutable_update()->set_min_healthy_time(second);
    fleet.cluster.call(0, register_job(job));
    fleet.live(6s);
    fleet.run_tasks = false;
    schema::Job bad = job;
    bad.mutable_task_groups(0)->mutable_tasks(0)->mutable_resources()->set_cpu(150);
    fleet.cluster.call(0, register_job(bad));
    fleet.live(40s);
    fleet.run_tasks = true;
    fleet.live(10s);
    const auto& view = fleet.cluster.server(fleet.cluster.elect()).view();
    const auto current = view.job({"default", "web"});
    EXPECT_EQ(current->version(), 2U);
    EXPECT_EQ(current->task_groups(0).tasks(0).resources().cpu(), 100);
    bool told = false;
    for (const auto& deployment : view.deployments_of({"default", "web"})) {
        told = told || deployment->status_description() ==
                           "Failed due to progress deadline - rolling back to job version 0";
    }
    EXPECT_TRUE(told);
}

TEST(LeaderWork, job_plan_says_what_would_happen_and_changes_nothing) {
    Fleet fleet;
    fleet.add_node(1);
    schema::Request request;
    *request.mutable_plan_job()->mutable_job() = service_job("web", 3);
    const auto& view = fleet.cluster.server(fleet.cluster.elect()).view();
    const auto before = view.digest();
    const auto planned = fleet.cluster.call(fleet.cluster.follower(), request);
    ASSERT_EQ(failure_of(planned), std::nullopt) << planned.failure().message();
    ASSERT_EQ(planned.job_planned().annotations().desired_tg_updates_size(), 1);
    EXPECT_EQ(planned.job_planned().annotations().desired_tg_updates(0).place(), 3U);
    EXPECT_EQ(planned.job_planned().job_modify_index(), 0U);
    EXPECT_EQ(fleet.cluster.server(fleet.cluster.elect()).view().digest(), before);
}

TEST(LeaderWork, an_idle_cluster_writes_nothing) {
    Fleet fleet;
    fleet.add_node(1);
    fleet.cluster.call(0, register_job(service_job("web", 2)));
    fleet.live(10s);
    const auto before = fleet.cluster.server(fleet.cluster.elect()).raft().last_index();
    fleet.live(30s);
    EXPECT_EQ(fleet.cluster.server(fleet.cluster.elect()).raft().last_index(), before);
}

}  // namespace
}  // namespace drover::server
