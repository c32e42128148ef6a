// What a broken peer may say is dropped with a word about it, and changes nothing.
#include <gtest/gtest.h>

#include "engine/server/snapshot.hpp"
#include "tests/engine/server/cluster.hpp"
#include "tests/engine/server/requests.hpp"

namespace drover::server {
namespace {

raft::SnapshotMeta meta_at(const Server& server, std::uint64_t index) {
    return {raft::Index{index}, server.raft().term(), server.raft().conf()};
}

// The file of a server's state, as if it had been taken at `file`.
raft::SharedBytes file_of(const Server& server, const raft::SnapshotMeta& file) {
    SaveSnapshot save;
    save.view = server.view();
    save.meta = file;
    return std::make_shared<const std::string>(snapshot_file(save));
}

TEST(Peers, what_no_correct_peer_says_is_dropped) {
    Cluster cluster;
    cluster.elect();
    cluster.call(cluster.elect(), register_job(service_job("web", 1)));
    cluster.run_for(std::chrono::seconds{1});
    const Server& follower = cluster.server(cluster.follower());
    const raft::RaftId leader = *follower.raft().leader();
    const std::uint64_t applied = follower.view().applied_index();
    const raft::SnapshotMeta ahead = meta_at(follower, applied + 10);
    const auto snapshot = [](const raft::SnapshotMeta& meta, raft::SharedBytes data) {
        return raft::MsgSnap{{meta, std::move(data)}};
    };
    struct Row {
        const char* why;
        raft::RaftId says;  // whom the message claims to be from
        raft::MessageBody body;
        const char* words;
    };
    const Row rows[]{
        {"in the name of another", raft::RaftId{77}, raft::MsgHeartbeat{}, "server 77"},
        {"a snapshot without bytes", leader, snapshot(ahead, nullptr), "snapshot"},
        {"a snapshot that is no file", leader,
         snapshot(ahead, std::make_shared<const std::string>("DRVSNAP")), "snapshot"},
        {"the file of another place in the log", leader,
         snapshot(ahead, file_of(follower, meta_at(follower, applied))), "should end with entry"},
        {"a file whose state is of another place in the log", leader,
         snapshot(ahead, file_of(follower, ahead)), "should end with entry"},
    };
    for (const Row& row : rows) {
        Server copy = follower;
        const raft::Message message{row.says, copy.raft().id(), copy.raft().term(), row.body};
        std::vector<Effect> effects;
        copy.step(copy.next_deadline().value_or(Instant{}), WallTime{},
                  {PeerMessageReceived{leader, message}}, effects);
        EXPECT_FALSE(copy.halted()) << row.why;
        EXPECT_EQ(copy.raft().commit_index(), follower.raft().commit_index()) << row.why;
        bool said = false;
        for (const Effect& effect : effects) {
            EXPECT_FALSE(std::holds_alternative<WriteLog>(effect) && row.says == leader) << row.why;
            const auto* report = std::get_if<Report>(&effect);
            said =
                said || (report != nullptr && report->text.find(row.words) != std::string::npos &&
                         report->text.find("was dropped") != std::string::npos);
        }
        EXPECT_TRUE(said) << row.why;
    }
}

TEST(Peers, a_snapshot_file_of_another_place_does_not_start_a_server) {
    Cluster cluster;
    cluster.elect();
    cluster.run_for(std::chrono::seconds{1});
    const Server& server = cluster.server(0);
    const raft::SnapshotMeta ahead = meta_at(server, server.view().applied_index() + 10);
    Config config;
    auto self = std::make_shared<schema::ServerInfo>();
    self->set_raft_id(1);
    config.self = self;
    DurableState durable;
    durable.raft.hard.term = ahead.term;
    durable.raft.snapshot = ahead;
    durable.snapshot_bytes = file_of(server, ahead);
    const auto started = Server::recover(config, durable, Instant{}, 1);
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, Errc::corrupt);
}

}  // namespace
}  // namespace drover::server
