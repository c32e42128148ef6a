// Members that an operator takes out: dead, alive or leading; named rightly or not; and what
// becomes of those who were taken out.
#include <gtest/gtest.h>

#include "engine/schema/job.pb.h"
#include "engine/schema/server.pb.h"
#include "engine/server/wire.hpp"
#include "engine/state/features.hpp"
#include "tests/engine/server/cluster.hpp"
#include "tests/engine/server/requests.hpp"

namespace drover::server {
namespace {

using namespace std::chrono_literals;

std::string id_text(std::size_t server) {
    Uuid id;
    id.bytes[15] = static_cast<std::uint8_t>(server + 1);
    return id.text();
}

std::string address_of(std::size_t server) {
    return "10.0.0." + std::to_string(server + 1) + ":4647";
}

schema::Request remove_by_id(std::size_t server) {
    schema::Request request;
    request.mutable_remove_peer()->set_id(id_text(server));
    return request;
}

schema::Request remove_by_address(std::size_t server) {
    schema::Request request;
    request.mutable_remove_peer()->set_address(address_of(server));
    return request;
}

schema::Request remove_nobody() {
    schema::Request request;
    request.mutable_remove_peer();
    return request;
}

bool has_member(Cluster& cluster, std::size_t asked, std::size_t member) {
    return cluster.server(asked).raft().conf().contains(raft::RaftId{member + 1});
}

std::string role_of(Cluster& cluster, std::size_t server) {
    return cluster.server(server).raft_state().role();
}

TEST(RemovePeer, a_dead_server_is_removed_and_not_added_again) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    const std::size_t dead = (leader + 1) % 3;
    cluster.crash(dead);
    const auto response = cluster.call((leader + 2) % 3, remove_by_id(dead));
    EXPECT_EQ(failure_of(response), std::nullopt) << response.failure().message();
    cluster.run_for(10s);
    EXPECT_FALSE(has_member(cluster, leader, dead)) << "the leader looks for newcomers";
    EXPECT_EQ(cluster.server(leader).view().server(dead + 1), nullptr);
    EXPECT_TRUE(cluster.digests_equal());
    // Two are a majority of what is left: with the third one counted they would not be.
    EXPECT_EQ(cluster.server(leader).raft().conf().voters.size(), 2U);
}

TEST(RemovePeer, who_was_removed_dead_learns_of_it_and_deposes_nobody) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    const std::size_t gone = (leader + 1) % 3;
    cluster.crash(gone);
    ASSERT_EQ(failure_of(cluster.call(leader, remove_by_id(gone))), std::nullopt);
    const auto term = cluster.server(leader).raft().term();
    cluster.restart(gone);
    ASSERT_TRUE(cluster.run_until([&] { return role_of(cluster, gone) == "removed"; }));
    EXPECT_NE(cluster.last_report(gone).find("was removed from its group"), std::string::npos);
    cluster.run_for(30s);
    EXPECT_EQ(cluster.leader(), leader);
    EXPECT_EQ(cluster.server(leader).raft().term(), term);
    EXPECT_FALSE(has_member(cluster, leader, gone));
}

// Without pre-vote and lease every vain election of a server costs the others theirs.
TEST(RemovePeer, who_was_removed_dead_stops_standing_for_elections_once_it_is_told) {
    Cluster cluster{{.servers = 3, .configure = [](Config& config) {
                         config.raft.pre_vote = config.raft.check_quorum = false;
                     }}};
    const std::size_t leader = cluster.elect();
    const std::size_t gone = (leader + 1) % 3;
    cluster.crash(gone);
    ASSERT_EQ(failure_of(cluster.call(leader, remove_by_id(gone))), std::nullopt);
    cluster.restart(gone);
    ASSERT_TRUE(cluster.run_until([&] { return role_of(cluster, gone) == "removed"; }));
    cluster.run_for(5s);
    ASSERT_TRUE(cluster.leader().has_value());
    const auto term = cluster.server(*cluster.leader()).raft().term();
    cluster.run_for(60s);
    EXPECT_EQ(cluster.server(leader).raft().term(), term);
}

TEST(RemovePeer, who_is_removed_alive_hears_it_from_its_log_and_stays_away) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    const std::size_t gone = (leader + 1) % 3;
    // Asked at the very server that is to go.
    ASSERT_EQ(failure_of(cluster.call(gone, remove_by_id(gone))), std::nullopt);
    EXPECT_EQ(role_of(cluster, gone), "removed");
    EXPECT_NE(cluster.last_report(gone).find("by the entry at index"), std::string::npos);
    cluster.run_for(30s);
    EXPECT_FALSE(has_member(cluster, leader, gone));
    EXPECT_EQ(failure_of(cluster.call(gone, register_job(service_job("late", 0)))),
              Errc::no_leader);
    EXPECT_EQ(failure_of(cluster.call(leader, register_job(service_job("web", 0)))), std::nullopt);
}

TEST(RemovePeer, a_leader_removes_itself_after_handing_over) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    const auto term = cluster.server(leader).raft().term().value();
    const auto response = cluster.call(leader, remove_by_id(leader));
    EXPECT_EQ(failure_of(response), std::nullopt) << response.failure().message();
    ASSERT_TRUE(cluster.run_until([&] { return cluster.leader().has_value(); }));
    const std::size_t next = *cluster.leader();
    EXPECT_NE(next, leader);
    EXPECT_EQ(cluster.server(next).raft().term().value(), term + 1) << "one election, by order";
    EXPECT_FALSE(has_member(cluster, next, leader));
    EXPECT_EQ(failure_of(cluster.call(next, register_job(service_job("web", 0)))), std::nullopt);
}

TEST(RemovePeer, waits_for_a_change_that_is_under_way) {
    Cluster cluster{{.servers = 5}};
    const std::size_t leader = cluster.elect();
    const Ticket first = cluster.ask(leader, remove_by_id((leader + 1) % 5));
    const Ticket second = cluster.ask(leader, remove_by_id((leader + 2) % 5));
    ASSERT_TRUE(cluster.run_until([&] {
        return cluster.answer_to(first) != nullptr && cluster.answer_to(second) != nullptr;
    }));
    EXPECT_EQ(failure_of(*cluster.answer_to(first)), std::nullopt);
    EXPECT_EQ(failure_of(*cluster.answer_to(second)), std::nullopt);
    EXPECT_EQ(cluster.server(leader).raft().conf().voters.size(), 3U);
}

TEST(RemovePeer, gives_up_in_time_where_the_change_under_way_never_ends) {
    Cluster cluster{{.servers = 3, .configure = [](Config& config) {
                         config.raft.check_quorum = false;  // it must go on leading, alone
                     }}};
    const std::size_t leader = cluster.elect();
    cluster.cut_off((leader + 1) % 3);
    cluster.cut_off((leader + 2) % 3);
    const Ticket first = cluster.ask(leader, remove_by_id((leader + 1) % 3));
    auto later = remove_by_id((leader + 2) % 3);
    later.set_timeout_ns(std::chrono::nanoseconds{3s}.count());
    const auto response = cluster.call(leader, later);
    EXPECT_EQ(failure_of(response), Errc::conflict);
    EXPECT_NE(response.failure().message().find("another configuration change may be pending"),
              std::string::npos)
        << response.failure().message();
    EXPECT_EQ(cluster.answer_to(first), nullptr) << "its outcome is not known yet";
}

TEST(RemovePeer, refuses_what_must_not_be) {
    struct Case {
        const char* why;
        std::function<schema::Request()> request;
        Errc code;
        const char* says;
    };
    const Case cases[] = {
        {"nobody has this id", [] { return remove_by_id(7); }, Errc::not_found, "no peer has"},
        {"nobody is named", remove_nobody, Errc::invalid_argument,
         "either by its id or by its address"},
        {"protocol 3 has ids", [] { return remove_by_address(1); }, Errc::invalid_argument,
         "names servers by id"},
    };
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    for (const auto& one : cases) {
        const auto response = cluster.call(leader, one.request());
        EXPECT_EQ(failure_of(response), one.code) << one.why;
        EXPECT_NE(response.failure().message().find(one.says), std::string::npos)
            << one.why << ": " << response.failure().message();
    }
    Cluster alone{{.servers = 1}};
    const auto response = alone.call(alone.elect(), remove_by_id(0));
    EXPECT_EQ(failure_of(response), Errc::invalid_argument);
    EXPECT_NE(response.failure().message().find("last voter"), std::string::npos);
}

// Server 1 speaks protocol 2, the others 3.
Cluster::Options mixed() {
    return {.servers = 3, .configure = [](Config& config) {
                const auto with_protocol = [](const ServerInfoPtr& server) {
                    auto other = std::make_shared<schema::ServerInfo>(*server);
                    if (server->raft_id() == 1) other->set_raft_protocol(2);
                    return other;
                };
                config.self = with_protocol(config.self);
                for (auto& server : config.bootstrap) server = with_protocol(server);
            }};
}

TEST(RemovePeer, protocol_2_goes_by_address_and_protocol_3_by_id) {
    Cluster cluster{mixed()};
    const std::size_t leader = cluster.elect();
    const auto wrong = cluster.call(leader, remove_by_id(0));
    EXPECT_EQ(failure_of(wrong), Errc::invalid_argument);
    EXPECT_NE(wrong.failure().message().find("by its address, \"" + address_of(0) + "\""),
              std::string::npos)
        << wrong.failure().message();
    EXPECT_EQ(failure_of(cluster.call(leader, remove_by_address(0))), std::nullopt);
    ASSERT_TRUE(cluster.run_until([&] { return cluster.leader().has_value(); }));
    EXPECT_FALSE(has_member(cluster, *cluster.leader(), 0));
}

TEST(RemovePeer, leadership_goes_by_order_only_once_everybody_speaks_protocol_3) {
    Cluster cluster{mixed()};
    const std::size_t leader = cluster.elect();
    schema::Request transfer;
    transfer.mutable_transfer_leadership()->set_raft_id((leader + 1) % 3 + 1);
    EXPECT_EQ(failure_of(cluster.call(leader, transfer)), Errc::conflict);
    ASSERT_EQ(failure_of(cluster.call(leader, remove_by_address(0))), std::nullopt);
    ASSERT_TRUE(cluster.run_until([&] { return cluster.leader().has_value(); }));
    const std::size_t next = *cluster.leader() == 1 ? 2 : 1;
    transfer.mutable_transfer_leadership()->set_raft_id(next + 1);
    EXPECT_EQ(failure_of(cluster.call(*cluster.leader(), transfer)), std::nullopt);
    EXPECT_EQ(cluster.leader(), next);
}

// What a server says of itself is its word; that of others brings back who was removed.
TEST(RemovePeer, who_makes_itself_known_anew_is_added_again) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    const std::size_t gone = (leader + 1) % 3;
    ASSERT_EQ(failure_of(cluster.call(leader, remove_by_id(gone))), std::nullopt);
    schema::Request known;
    auto& info = *known.mutable_register_server()->mutable_server();
    info.set_raft_id(gone + 1);
    info.set_id(Uuid::from_text(id_text(gone))->raw());
    info.set_name("server-" + std::to_string(gone + 1));
    info.set_address(address_of(gone));
    info.set_region("global");
    info.set_raft_protocol(3);
    info.set_level_max(state::newest_level);
    ASSERT_EQ(failure_of(cluster.call(leader, known)), std::nullopt);
    const auto votes = [&] {
        return cluster.server(leader).raft().conf().votes(raft::RaftId{gone + 1});
    };
    EXPECT_TRUE(cluster.run_until(votes, 30s));
    EXPECT_TRUE(cluster.run_until([&] { return role_of(cluster, gone) == "follower"; }));
    cluster.run_for(5s);
    EXPECT_TRUE(cluster.digests_equal());
    EXPECT_EQ(cluster.server(leader).view().server(gone + 1)->release(), "0.2.0")
        << "it tells more of itself once it belongs to the group";
}

TEST(RemovePeer, what_a_removed_server_is_told_survives_the_wire) {
    const auto read = decode_peer_message(encode_peer_message(NoMember{raft::Index{7}}));
    ASSERT_TRUE(read);
    const auto* told = std::get_if<NoMember>(&*read);
    ASSERT_NE(told, nullptr);
    EXPECT_EQ(told->index, raft::Index{7});
}

// As one who was added does: no row of it is left behind in a snapshot, and none in a rebuilt
// state.
TEST(RemovePeer, servers_that_start_from_the_log_or_from_a_snapshot_agree) {
    Cluster cluster{{.servers = 5, .configure = [](Config& config) {
                         config.snapshot_threshold_entries = 20;
                         config.snapshot_trailing_entries = 2;
                     }}};
    const std::size_t leader = cluster.elect();
    const std::size_t late = (leader + 1) % 5;
    cluster.crash(late);
    ASSERT_EQ(failure_of(cluster.call(leader, remove_by_id((leader + 2) % 5))), std::nullopt);
    cluster.crash((leader + 2) % 5);
    for (int i = 0; i < 60; ++i) {
        ASSERT_EQ(failure_of(cluster.call(
                      leader, register_job(service_job("job-" + std::to_string(i), 0)))),
                  std::nullopt);
    }
    cluster.restart(late);
    EXPECT_TRUE(cluster.run_until([&] { return cluster.digests_equal(); }));
    EXPECT_GT(cluster.snapshots_installed(late), 0U);
    EXPECT_FALSE(has_member(cluster, late, (leader + 2) % 5));
}

}  // namespace
}  // namespace drover::server
