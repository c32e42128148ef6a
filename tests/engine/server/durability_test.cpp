// What survives: restarts from disk, snapshots, followers that fell far behind, newcomers, copies.
#include <gtest/gtest.h>

#include <set>

#include "engine/schema/job.pb.h"
#include "engine/schema/server.pb.h"
#include "engine/server/wire.hpp"
#include "engine/state/features.hpp"
#include "tests/engine/server/cluster.hpp"
#include "tests/engine/server/requests.hpp"

namespace drover::server {
namespace {

using namespace std::chrono_literals;

void snapshot_often(Config& config) {
    config.snapshot_threshold_entries = 20;
    config.snapshot_trailing_entries = 5;
}

void write_jobs(Cluster& cluster, int count) {
    for (int i = 0; i < count; ++i) {
        const std::size_t leader = cluster.elect();
        cluster.call(leader, register_job(service_job("job-" + std::to_string(i % 7), 1 + i)));
    }
}

TEST(Durability, a_restart_of_all_servers_brings_everything_back) {
    for (const bool snapshots : {false, true}) {
        Cluster cluster{{3, [&](Config& config) {
                             if (snapshots) snapshot_often(config);
                         }}};
        cluster.elect();
        write_jobs(cluster, 40);
        cluster.run_for(1s);
        ASSERT_TRUE(cluster.digests_equal());
        const auto index = cluster.server(0).view().table_index(state::Table::jobs);
        const auto jobs = cluster.server(0).view().digest(state::Table::jobs);
        for (std::size_t i = 0; i < 3; ++i) cluster.crash(i);
        for (std::size_t i = 0; i < 3; ++i) cluster.restart(i);
        cluster.elect();
        cluster.run_for(2s);
        EXPECT_TRUE(cluster.digests_equal()) << snapshots;
        EXPECT_EQ(cluster.server(0).view().digest(state::Table::jobs), jobs) << snapshots;
        EXPECT_EQ(cluster.server(0).view().table_index(state::Table::jobs), index) << snapshots;
        EXPECT_EQ(cluster.server(0).raft().first_index() > raft::Index{20}, snapshots);
    }
}

TEST(Durability, few_large_entries_make_a_snapshot_too) {
    for (const std::uint64_t bytes : {std::uint64_t{4000}, std::uint64_t{1} << 30}) {
        Cluster cluster{{1, [&](Config& config) {
                             config.snapshot_trailing_entries = 5;
                             config.snapshot_threshold_bytes = bytes;
                         }}};
        cluster.elect();
        write_jobs(cluster, 40);
        cluster.run_for(1s);
        EXPECT_EQ(cluster.server(0).raft().first_index() > raft::Index{1}, bytes == 4000) << bytes;
    }
}

// How often the log's beginning moved while a lone server took 600 writes.
std::size_t compactions(std::uint64_t threshold_bytes, std::uint64_t entries_max) {
    Cluster cluster{{1, [&](Config& config) {
                         snapshot_often(config);
                         config.snapshot_threshold_bytes = threshold_bytes;
                         config.snapshot_entries_max = entries_max;
                     }}};
    cluster.elect();
    std::set<raft::Index> starts;
    for (int i = 0; i < 600; ++i) {
        write_jobs(cluster, 1);
        starts.insert(cluster.server(0).raft().first_index());
    }
    return starts.size();
}

TEST(Durability, a_large_state_is_saved_when_much_was_applied_or_the_start_would_be_long) {
    constexpr std::uint64_t never = std::uint64_t{1} << 40;
    const std::size_t small = compactions(never, never);
    const std::size_t large = compactions(1, never);  // every state is larger than one byte
    const std::size_t large_but_long = compactions(1, 60);
    EXPECT_GE(small, 25U) << "every 20 entries";
    EXPECT_GE(large, 2U) << "whenever the log has grown by as much as the file has";
    EXPECT_LT(large, small) << "a large file is not written anew for every few entries";
    EXPECT_GT(large_but_long, large) << "the number of entries is bounded all the same";
}

TEST(Durability, a_follower_that_missed_more_than_the_log_holds_gets_a_snapshot) {
    Cluster cluster{{3, snapshot_often}};
    cluster.elect();
    const std::size_t lagging = cluster.follower();
    cluster.crash(lagging);
    write_jobs(cluster, 60);
    cluster.restart(lagging);
    cluster.run_for(5s);
    EXPECT_GE(cluster.snapshots_installed(lagging), 1U);
    EXPECT_TRUE(cluster.digests_equal());
    write_jobs(cluster, 3);
    cluster.run_for(1s);
    EXPECT_TRUE(cluster.digests_equal());
    cluster.crash(lagging);
    cluster.restart(lagging);
    cluster.run_for(2s);
    EXPECT_TRUE(cluster.digests_equal()) << "what it installed is durable";
}

TEST(Durability, a_snapshot_waits_for_the_entries_that_were_applied_before_they_were_durable) {
    Cluster cluster{{3, [](Config& config) {
                         snapshot_often(config);
                         config.raft.apply_before_durable = true;
                     }}};
    cluster.elect();
    const std::size_t slow = cluster.follower();
    cluster.run_for(1s);
    cluster.stall_disk(slow);
    write_jobs(cluster, 60);
    cluster.run_for(1s);
    const raft::Raft& raft = cluster.server(slow).raft();
    EXPECT_GT(raft.applied_index(), raft.stable_index()) << "else this shows nothing";
    EXPECT_EQ(raft.first_index(), raft::Index{1});
    cluster.release_disk(slow);
    write_jobs(cluster, 1);
    cluster.run_for(1s);
    EXPECT_GT(raft.first_index(), raft::Index{20});
    EXPECT_TRUE(cluster.digests_equal());
}

TEST(Durability, blocked_readers_of_a_server_that_installs_a_snapshot_are_woken) {
    Cluster cluster{{3, snapshot_often}};
    cluster.elect();
    const std::size_t lagging = cluster.follower();
    const auto absent = cluster.call(lagging, read_job("job-3"));
    const Ticket ticket = cluster.ask(lagging, blocking(read_job("job-3"), absent.index(), 300s));
    cluster.run_for(1s);
    cluster.cut_off(lagging);
    write_jobs(cluster, 60);
    EXPECT_EQ(cluster.answer_to(ticket), nullptr);
    cluster.reconnect();
    cluster.run_for(10s);
    EXPECT_GE(cluster.snapshots_installed(lagging), 1U);
    ASSERT_NE(cluster.answer_to(ticket), nullptr);
    EXPECT_EQ(cluster.answer_to(ticket)->job().id(), "job-3");
}

TEST(Durability, a_copy_is_an_independent_server_in_the_same_situation) {
    Cluster cluster{{1}};
    cluster.elect();
    write_jobs(cluster, 3);
    cluster.run_for(1s);
    Server copy = cluster.server(0);
    const auto before = copy.view().digest();
    write_jobs(cluster, 5);
    EXPECT_EQ(copy.view().digest(), before);
    EXPECT_NE(cluster.server(0).view().digest(), before);
}

TEST(Durability, a_newcomer_that_makes_itself_known_becomes_a_voter) {
    // The fourth starts with nothing and is in nobody's configuration.
    Cluster cluster{{4, [](Config& config) {
                         if (config.self->raft_id() == 4) {
                             config.contacts = config.bootstrap;
                             config.bootstrap.clear();
                         } else {
                             config.bootstrap.pop_back();
                         }
                     }}};
    const std::size_t leader = cluster.elect();
    ASSERT_FALSE(cluster.server(leader).raft().conf().contains(raft::RaftId{4}));
    schema::Request request;
    auto& info = *request.mutable_register_server()->mutable_server();
    info.set_raft_id(4);
    info.set_id(std::string(16, '\4'));
    info.set_name("server-4");
    info.set_address("10.0.0.4:4647");
    info.set_region("global");
    info.set_level_max(state::newest_level);
    EXPECT_EQ(failure_of(cluster.call(leader, request)), std::nullopt);
    cluster.run_for(5s);
    EXPECT_TRUE(cluster.server(leader).raft().conf().votes(raft::RaftId{4}));
    EXPECT_TRUE(cluster.server(3).raft().conf().votes(raft::RaftId{4}));
    EXPECT_TRUE(cluster.digests_equal());
}

TEST(Durability, a_raft_id_that_belongs_to_another_server_is_refused) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    cluster.run_for(2s);
    schema::Request request;
    auto& info = *request.mutable_register_server()->mutable_server();
    info.set_raft_id(2);
    info.set_id(std::string(16, 'x'));
    info.set_address("10.0.0.9:4647");
    EXPECT_EQ(failure_of(cluster.call(leader, request)), Errc::conflict);
}

TEST(Wire, messages_between_servers_survive_the_way) {
    auto request = std::make_shared<schema::Request>(register_job(service_job("a", 1)));
    const auto decoded =
        decode_peer_message(encode_peer_message(ForwardedRequest{Ticket{9}, request}));
    ASSERT_TRUE(decoded);
    const auto& forwarded = std::get<ForwardedRequest>(*decoded);
    EXPECT_EQ(forwarded.ticket, Ticket{9});
    EXPECT_EQ(forwarded.request->SerializeAsString(), request->SerializeAsString());
}

TEST(Wire, what_is_no_message_is_refused) {
    for (const std::string& bytes : {std::string{}, std::string{"\xff\xff\xff"},
                                     std::string(1000, 'x'), std::string{"\x0a\x01z"}}) {
        EXPECT_FALSE(decode_peer_message(bytes));
    }
}

}  // namespace
}  // namespace drover::server
