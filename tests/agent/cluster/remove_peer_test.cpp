// `operator raft remove-peer` against real processes: a dead server, then the leader itself, then
// nobody any more.
#include <gtest/gtest.h>

#include "tests/agent/cluster/cluster.hpp"

namespace drover::agent::cluster {
namespace {

std::string id_of(Machine& server) {
    const auto self = server.api().get("/v1/agent/self");
    return self ? text(*self, {"member", "Tags", "id"}) : std::string{};
}

// Names of the peers as this server lists them, each with a blank after it.
std::string peers_of(Machine& server) {
    const auto answer = server.api().get("/v1/operator/raft/configuration");
    std::string names;
    if (!answer) return names;
    for (const auto& peer : items(at(*answer, {"Servers"}))) names += text(peer, {"Node"}) + " ";
    return names;
}

std::string role_of(Machine& server) {
    const auto state = server.api().get("/v1/operator/raft/state");
    return state ? text(*state, {"Role"}) : std::string{};
}

// What the command prints; its exit code is checked.
std::string remove_peer(Machine& asked, const std::string& id, int code) {
    std::string output;
    EXPECT_EQ(asked.command({"operator", "raft", "remove-peer", "-peer-id", id}, output), code)
        << output;
    return output;
}

TEST(RemovePeer, takes_out_a_dead_server_then_the_leader_and_never_the_last) {
    Cluster cluster;
    cluster.start();
    ASSERT_TRUE(eventually([&] { return cluster.is_ready(); }));
    const std::size_t leader = *cluster.leader();
    Machine& leading = cluster.server(leader);
    Machine& dead = cluster.server((leader + 1) % 3);
    Machine& last = cluster.server((leader + 2) % 3);
    const std::string dead_id = id_of(dead);
    dead.kill();
    EXPECT_EQ(remove_peer(last, dead_id, 0), "Removed peer with id \"" + dead_id + "\"\n");
    EXPECT_EQ(peers_of(last).find(dead.name()), std::string::npos) << peers_of(last);

    // It comes back with its old files, and finds out.
    dead.start();
    ASSERT_TRUE(eventually([&] { return role_of(dead) == "removed"; }));
    EXPECT_NE(content_of(dead.log()).find("was removed from its group"), std::string::npos);
    EXPECT_EQ(cluster.leader(), leader) << "it must depose nobody";
    EXPECT_EQ(peers_of(leading).find(dead.name()), std::string::npos) << peers_of(leading);

    const std::string leader_id = id_of(leading);
    EXPECT_EQ(remove_peer(leading, leader_id, 0), "Removed peer with id \"" + leader_id + "\"\n");
    ASSERT_TRUE(eventually([&] { return role_of(last) == "leader"; }));
    EXPECT_EQ(peers_of(last), last.name() + ".global ");
    EXPECT_EQ(last.api().register_job(job("after", 1)).fate, Written::Fate::done);
    const std::string refused = remove_peer(last, id_of(last), 1);
    EXPECT_NE(refused.find("is the last voter"), std::string::npos) << refused;
}

}  // namespace
}  // namespace drover::agent::cluster
