// Reads: never older than they may be, and blocking ones woken by what they wait for alone.
#include <gtest/gtest.h>

#include "engine/schema/job.pb.h"
#include "tests/engine/server/cluster.hpp"
#include "tests/engine/server/requests.hpp"

namespace drover::server {
namespace {

using namespace std::chrono_literals;

TEST(Reads, a_cut_off_leader_answers_stale_reads_and_no_others) {
    Cluster cluster;
    const std::size_t old_leader = cluster.elect();
    cluster.call(old_leader, register_job(service_job("a", 1)));
    cluster.cut_off(old_leader);
    const Ticket fresh = cluster.ask(old_leader, read_job("a"));
    const Ticket stale_one = cluster.ask(old_leader, stale(read_job("a")));
    cluster.run_for(20ms);
    EXPECT_EQ(cluster.answer_to(fresh), nullptr);
    ASSERT_NE(cluster.answer_to(stale_one), nullptr);
    EXPECT_EQ(cluster.answer_to(stale_one)->job().id(), "a");
    cluster.run_for(40s);
    ASSERT_NE(cluster.answer_to(fresh), nullptr);
    EXPECT_TRUE(cluster.answer_to(fresh)->has_failure());
}

TEST(Reads, a_follower_that_is_behind_waits_until_it_has_caught_up) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    const std::size_t follower = cluster.follower();
    cluster.stall_disk(follower);
    cluster.call(leader, register_job(service_job("a", 1)));
    const Ticket ticket = cluster.ask(follower, read_job("a"));
    cluster.run_for(500ms);
    EXPECT_EQ(cluster.answer_to(ticket), nullptr) << "it does not hold the job yet";
    cluster.release_disk(follower);
    cluster.run_for(500ms);
    ASSERT_NE(cluster.answer_to(ticket), nullptr);
    EXPECT_EQ(cluster.answer_to(ticket)->job().id(), "a");
}

TEST(Reads, a_blocking_read_wakes_for_its_job_and_for_no_other) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    const std::size_t follower = cluster.follower();
    const auto written = cluster.call(leader, register_job(service_job("a", 1)));
    cluster.run_for(1s);
    const std::uint64_t index = cluster.call(follower, read_job("a")).index();
    ASSERT_GE(index, written.job_written().job_modify_index());
    const Ticket ticket = cluster.ask(follower, blocking(read_job("a"), index, 60s));
    cluster.run_for(1s);
    EXPECT_EQ(cluster.answer_to(ticket), nullptr);
    cluster.call(leader, register_job(service_job("b", 1)));
    cluster.run_for(1s);
    EXPECT_EQ(cluster.answer_to(ticket), nullptr);
    const auto again = cluster.call(leader, register_job(service_job("a", 2)));
    cluster.run_for(1s);
    ASSERT_NE(cluster.answer_to(ticket), nullptr);
    EXPECT_EQ(cluster.answer_to(ticket)->job().task_groups(0).count(), 2);
    EXPECT_GE(cluster.answer_to(ticket)->index(), again.job_written().job_modify_index());
}

TEST(Reads, a_blocking_read_can_wait_for_a_job_to_appear) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    const auto absent = cluster.call(leader, read_job("a"));
    EXPECT_EQ(failure_of(absent), Errc::not_found);
    const Ticket ticket = cluster.ask(leader, blocking(read_job("a"), absent.index(), 60s));
    cluster.run_for(1s);
    EXPECT_EQ(cluster.answer_to(ticket), nullptr);
    cluster.call(leader, register_job(service_job("a", 1)));
    cluster.run_for(1s);
    ASSERT_NE(cluster.answer_to(ticket), nullptr);
    EXPECT_EQ(cluster.answer_to(ticket)->job().id(), "a");
}

TEST(Reads, a_blocking_read_ends_after_its_wait_with_what_there_is) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    cluster.call(leader, register_job(service_job("a", 1)));
    cluster.run_for(1s);
    const auto now = cluster.call(leader, read_job("a"));
    const Ticket ticket = cluster.ask(leader, blocking(read_job("a"), now.index(), 16s));
    cluster.run_for(15s);
    EXPECT_EQ(cluster.answer_to(ticket), nullptr);
    cluster.run_for(3s);
    ASSERT_NE(cluster.answer_to(ticket), nullptr) << "the wait plus a sixteenth at most";
    EXPECT_EQ(cluster.answer_to(ticket)->index(), now.index());
}

TEST(Reads, a_read_that_was_abandoned_is_forgotten) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    const auto absent = cluster.call(leader, read_job("a"));
    const Ticket ticket = cluster.ask(leader, blocking(read_job("a"), absent.index(), 60s));
    cluster.run_for(1s);
    cluster.abandon(leader, ticket);
    cluster.call(leader, register_job(service_job("a", 1)));
    cluster.run_for(70s);
    EXPECT_EQ(cluster.answer_to(ticket), nullptr);
}

TEST(Reads, blocking_reads_are_limited_in_number) {
    Cluster cluster{{1, [](Config& config) { config.blocked_queries_max = 3; }}};
    const std::size_t leader = cluster.elect();
    const auto absent = cluster.call(leader, read_job("a"));
    int refused = 0;
    for (int i = 0; i < 5; ++i) {
        const Ticket ticket = cluster.ask(leader, blocking(read_job("a"), absent.index(), 60s));
        cluster.run_for(100ms);
        const auto answer = cluster.answer_to(ticket);
        if (answer && failure_of(*answer) == Errc::overloaded) ++refused;
    }
    EXPECT_EQ(refused, 2);
}

TEST(Reads, every_server_knows_the_leader_and_the_configuration) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    cluster.run_for(2s);
    for (std::size_t i = 0; i < 3; ++i) {
        schema::Request who;
        who.mutable_query()->mutable_leader();
        EXPECT_EQ(cluster.call(i, who).leader().raft_id(), leader + 1);
        schema::Request peers;
        peers.mutable_query()->mutable_raft_configuration();
        const auto configuration = cluster.call(i, peers).raft_configuration();
        ASSERT_EQ(configuration.servers_size(), 3);
        for (const auto& peer : configuration.servers()) {
            EXPECT_EQ(peer.leader(), peer.raft_id() == leader + 1);
            EXPECT_TRUE(peer.voter());
            EXPECT_FALSE(peer.address().empty());
        }
        schema::Request members;
        members.mutable_query()->mutable_list_servers();
        EXPECT_EQ(cluster.call(i, members).servers().servers_size(), 3)
            << "each server has made itself known";
        schema::Request state;
        state.mutable_query()->mutable_raft_state();
        const auto raft_state = cluster.call(i, state).raft_state();
        EXPECT_EQ(raft_state.role(), i == leader ? "leader" : "follower");
        EXPECT_EQ(raft_state.digest().size(), 32U);
    }
}

}  // namespace
}  // namespace drover::server
