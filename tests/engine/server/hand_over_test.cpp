// Handing over leadership: to whom is asked for, or to whoever can; and never halfway.
#include <gtest/gtest.h>

#include "engine/schema/job.pb.h"
#include "tests/engine/server/cluster.hpp"
#include "tests/engine/server/requests.hpp"

namespace drover::server {
namespace {

using namespace std::chrono_literals;

schema::Request transfer_to(std::uint64_t raft_id) {
    schema::Request request;
    request.mutable_transfer_leadership()->set_raft_id(raft_id);
    return request;
}

schema::Request step_aside() { return transfer_to(0); }

std::uint64_t id_of(Cluster& cluster, std::size_t server) {
    return cluster.server(server).raft().id().value();
}

std::size_t other_than(std::size_t one, std::size_t other) { return 3 - one - other; }

TEST(HandOver, leadership_goes_to_the_named_server_whoever_is_asked) {
    for (const bool ask_the_leader : {true, false}) {
        Cluster cluster;
        const std::size_t leader = cluster.elect();
        const std::size_t next = (leader + 1) % 3;
        const std::uint64_t term = cluster.server(leader).raft().term().value();
        const std::size_t asked = ask_the_leader ? leader : other_than(leader, next);
        const auto response = cluster.call(asked, transfer_to(id_of(cluster, next)));
        EXPECT_EQ(failure_of(response), std::nullopt) << response.failure().message();
        EXPECT_EQ(response.leader().raft_id(), id_of(cluster, next));
        EXPECT_EQ(cluster.leader(), next);
        EXPECT_EQ(cluster.server(next).raft().term().value(), term + 1) << "one election, won";
    }
}

TEST(HandOver, asked_twice_it_is_done_once) {
    Cluster cluster;
    const std::size_t next = (cluster.elect() + 1) % 3;
    (void)cluster.call(0, transfer_to(id_of(cluster, next)));
    const auto term = cluster.server(next).raft().term();
    EXPECT_EQ(cluster.call(0, transfer_to(id_of(cluster, next))).leader().raft_id(),
              id_of(cluster, next));
    EXPECT_EQ(cluster.server(next).raft().term(), term);
}

TEST(HandOver, a_leader_that_steps_aside_chooses_and_a_follower_has_nothing_to_give) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    cluster.cut_off((leader + 1) % 3);
    cluster.run_for(2s);
    ASSERT_EQ(cluster.leader(), leader);
    EXPECT_EQ(failure_of(cluster.call(leader, step_aside())), std::nullopt);
    EXPECT_EQ(cluster.leader(), (leader + 2) % 3) << "the other one is out of reach";
    EXPECT_EQ(failure_of(cluster.call(leader, step_aside())), std::nullopt);
    EXPECT_EQ(cluster.leader(), (leader + 2) % 3);
}

// Also in the moment after the leader has begun to count anew who answers it.
TEST(HandOver, an_idle_leader_finds_somebody_at_any_time) {
    for (auto later = 0ms; later < 1100ms; later += 10ms) {
        SCOPED_TRACE(later.count());
        Cluster cluster;
        const std::size_t leader = cluster.elect();
        cluster.run_for(1s + later);
        for (std::size_t server = 0; server < 3; ++server) cluster.cut_off(server);
        cluster.run_for(10ms);
        cluster.reconnect();
        ASSERT_EQ(cluster.leader(), leader);
        const auto response = cluster.call(leader, step_aside());
        ASSERT_EQ(failure_of(response), std::nullopt) << response.failure().message();
        EXPECT_NE(cluster.leader(), leader);
    }
}

TEST(HandOver, writes_that_come_meanwhile_are_carried_out_by_the_next_leader) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    (void)cluster.ask(leader, step_aside());
    const auto response = cluster.call(leader, register_job(service_job("web", 0)));
    EXPECT_EQ(failure_of(response), std::nullopt) << response.failure().message();
    EXPECT_NE(cluster.leader(), leader);
}

TEST(HandOver, is_refused_where_it_cannot_be) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    EXPECT_EQ(failure_of(cluster.call(leader, transfer_to(12345))), Errc::invalid_argument);
    Cluster alone{{.servers = 1}};
    EXPECT_EQ(failure_of(alone.call(alone.elect(), step_aside())), Errc::conflict);
    EXPECT_EQ(alone.leader(), 0U);
}

TEST(HandOver, a_server_out_of_reach_does_not_take_over_and_the_leader_works_on) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    const std::size_t gone = (leader + 1) % 3;
    cluster.cut_off(gone);
    const auto response = cluster.call(leader, transfer_to(id_of(cluster, gone)));
    EXPECT_EQ(failure_of(response), Errc::timed_out) << response.leader().raft_id();
    EXPECT_EQ(cluster.leader(), leader);
    EXPECT_EQ(failure_of(cluster.call(leader, register_job(service_job("web", 0)))), std::nullopt);
}

}  // namespace
}  // namespace drover::server
