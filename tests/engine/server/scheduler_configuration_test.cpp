// What operators decide about scheduling, in a real cluster: it holds on every server, and also
// where the leader changes.
#include <gtest/gtest.h>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/state/scheduler_configuration.hpp"
#include "tests/engine/server/cluster.hpp"
#include "tests/engine/server/requests.hpp"

namespace drover::server {
namespace {

using namespace std::chrono_literals;
using Configuration = schema::SchedulerConfiguration;

schema::Request set(const Configuration& configuration) {
    schema::Request request;
    *request.mutable_set_scheduler_configuration()->mutable_configuration() = configuration;
    return request;
}

std::size_t placed(Cluster& cluster, const std::string& job) {
    const auto view = cluster.server(cluster.elect()).view();
    std::size_t count = 0;
    for (const auto& row : view.allocations_of({"default", job})) count += !row->terminal();
    return count;
}

TEST(SchedulerConfiguration, evaluations_wait_while_they_are_paused_also_under_a_new_leader) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    cluster.call(leader, register_node(1));
    cluster.call(leader, node_status(1, "ready"));
    Configuration paused;
    paused.set_pause_eval_broker(true);
    EXPECT_TRUE(cluster.call(leader, set(paused)).scheduler_configuration_set().updated());
    cluster.call(leader, register_job(service_job("waits", 2)));
    cluster.run_for(2s);
    EXPECT_EQ(placed(cluster, "waits"), 0U);

    cluster.crash(leader);
    const std::size_t next = cluster.elect();
    ASSERT_NE(next, leader);
    cluster.call(next, register_job(service_job("waits-too", 1)));
    cluster.run_for(2s);
    EXPECT_EQ(placed(cluster, "waits") + placed(cluster, "waits-too"), 0U);

    EXPECT_TRUE(cluster.call(next, set({})).scheduler_configuration_set().updated());
    cluster.run_for(2s);
    EXPECT_EQ(placed(cluster, "waits"), 2U);
    EXPECT_EQ(placed(cluster, "waits-too"), 1U);
}

TEST(SchedulerConfiguration, registrations_are_rejected_until_they_are_allowed_again) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    Configuration rejecting;
    rejecting.set_reject_job_registration(true);
    cluster.call(leader, set(rejecting));
    cluster.run_for(1s);
    for (std::size_t server = 0; server < 3; ++server) {
        const auto refused = cluster.call(server, register_job(service_job("a", 1)));
        EXPECT_EQ(failure_of(refused), Errc::permission_denied) << "server " << server;
    }
    cluster.call(leader, set({}));
    EXPECT_EQ(failure_of(cluster.call(leader, register_job(service_job("a", 1)))), std::nullopt);
}

TEST(SchedulerConfiguration, of_two_who_change_what_they_read_one_is_told_that_it_came_late) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    schema::Request change = set({});
    change.mutable_set_scheduler_configuration()->set_enforce_index(true);
    EXPECT_TRUE(cluster.call(leader, change).scheduler_configuration_set().updated());
    const auto late = cluster.call(leader, change);
    EXPECT_EQ(failure_of(late), std::nullopt);
    EXPECT_TRUE(late.has_scheduler_configuration_set());
    EXPECT_FALSE(late.scheduler_configuration_set().updated());
}

TEST(SchedulerConfiguration, memory_may_exceed_what_is_reserved_only_where_that_is_allowed) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    cluster.call(leader, register_node(1));
    cluster.call(leader, node_status(1, "ready"));
    const auto most_memory = [&](const std::string& id) {
        schema::Job job = service_job(id, 1);
        auto& task = *job.mutable_task_groups(0)->mutable_tasks(0);
        task.mutable_resources()->set_memory_max_mb(64 + task.resources().memory_mb());
        cluster.call(leader, register_job(job));
        cluster.run_for(1s);
        const auto view = cluster.server(leader).view();
        std::int64_t most = -1;
        for (const auto& row : view.allocations_of({"default", id})) {
            most = row->body.unpack().allocated_resources().tasks(0).memory().memory_max_mb();
        }
        return most;
    };
    EXPECT_EQ(most_memory("strict"), 0);
    Configuration generous;
    generous.set_memory_oversubscription_enabled(true);
    cluster.call(leader, set(generous));
    EXPECT_GT(most_memory("generous"), 64);
}

}  // namespace
}  // namespace drover::server
