// Feature levels on small clusters: a rolling upgrade, what is refused before it is finalized, the
// way back, and what stops a server that the cluster has left behind.
#include <gtest/gtest.h>

#include <array>

#include "engine/schema/entry.pb.h"
#include "engine/schema/server.pb.h"
#include "engine/state/features.hpp"
#include "tests/engine/server/cluster.hpp"
#include "tests/engine/server/requests.hpp"

namespace drover::server {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t today = state::newest_level;
constexpr std::uint32_t next = state::rehearsal_level;

schema::Request finalize(std::uint32_t level = 0) {
    schema::Request request;
    request.mutable_finalize_upgrade()->set_level(level);
    return request;
}

schema::Request rehearse() {
    schema::Request request;
    request.mutable_rehearse();
    return request;
}

schema::Request ask_status() {
    schema::Request request;
    request.mutable_query()->mutable_upgrade_status();
    return request;
}

// Three servers; each runs the release that the test gave it.
struct Fleet {
    std::array<std::uint32_t, 4> levels{0, today, today, today};  // by raft id
    bool automatic = false;
    bool small_snapshots = false;
    Cluster cluster{{3, [this](Config& config) {
                         config.supported_level = levels[config.self->raft_id()];
                         config.finalize_upgrades = automatic;
                         if (!small_snapshots) return;
                         config.snapshot_threshold_entries = 20;
                         config.snapshot_trailing_entries = 5;
                     }}};

    void run(std::size_t server, std::uint32_t level) {
        levels[server + 1] = level;
        cluster.crash(server);
        cluster.restart(server);
        cluster.elect();
        cluster.run_for(5s);
    }
    void upgrade_all() {
        for (std::size_t i = 0; i < 3; ++i) run(i, next);
    }
    std::uint32_t level() { return cluster.server(cluster.elect()).view().feature_level(); }
    schema::UpgradeStatus status() {
        return cluster.call(cluster.follower(), ask_status()).upgrade_status();
    }
};

TEST(Upgrade, a_new_cluster_begins_at_the_level_that_all_of_its_servers_support) {
    Fleet fleet;
    fleet.cluster.elect();
    fleet.cluster.run_for(5s);
    EXPECT_EQ(fleet.level(), today);
    EXPECT_TRUE(fleet.cluster.digests_equal());
    const auto status = fleet.status();
    EXPECT_EQ(status.level(), today);
    EXPECT_EQ(status.next_level(), today);
    EXPECT_FALSE(status.ready());
    EXPECT_FALSE(status.going_back());
    EXPECT_EQ(status.oldest_release(), "0.2.0");
    ASSERT_EQ(status.servers_size(), 3);
    EXPECT_EQ(status.servers(0).server().level_max(), today);
}

TEST(Upgrade, nothing_behind_the_next_level_is_proposed_before_it_is_finalized) {
    Fleet fleet;
    fleet.cluster.elect();
    fleet.upgrade_all();
    const auto refused = fleet.cluster.call(fleet.cluster.follower(), rehearse());
    ASSERT_EQ(failure_of(refused), Errc::unsupported);
    EXPECT_NE(refused.failure().message().find("needs feature level 3"), std::string::npos);
    EXPECT_NE(refused.failure().message().find("the cluster is at level 2"), std::string::npos);
    EXPECT_NE(refused.failure().message().find("operator upgrade finalize"), std::string::npos);
    EXPECT_EQ(fleet.cluster.server(0).view().rehearsals(), 0U);

    const auto finalized = fleet.cluster.call(fleet.cluster.follower(), finalize());
    ASSERT_FALSE(failure_of(finalized)) << finalized.failure().message();
    EXPECT_EQ(finalized.upgrade_finalized().level(), next);
    EXPECT_FALSE(failure_of(fleet.cluster.call(fleet.cluster.follower(), rehearse())));
    fleet.cluster.run_for(1s);
    EXPECT_EQ(fleet.cluster.server(0).view().rehearsals(), 1U);
    EXPECT_TRUE(fleet.cluster.digests_equal());
    const auto again = fleet.cluster.call(0, finalize());
    EXPECT_EQ(again.upgrade_finalized().level(), next) << "asking twice is no mistake";
}

TEST(Upgrade, finalizing_names_the_servers_that_do_not_support_the_level_yet) {
    Fleet fleet;
    fleet.cluster.elect();
    fleet.run(0, next);
    auto status = fleet.status();
    EXPECT_EQ(status.next_level(), next);
    EXPECT_FALSE(status.ready());
    EXPECT_TRUE(status.going_back());
    EXPECT_FALSE(status.servers(0).holds_back());
    EXPECT_TRUE(status.servers(1).holds_back());
    ASSERT_EQ(status.gains_size(), 1);
    EXPECT_EQ(status.gains(0).level(), next);
    const auto refused = fleet.cluster.call(fleet.cluster.elect(), finalize());
    ASSERT_EQ(failure_of(refused), Errc::conflict);
    EXPECT_EQ(refused.failure().message().find("server-1"), std::string::npos);
    EXPECT_NE(refused.failure().message().find("server-2 (release 0.2.0), server-3"),
              std::string::npos)
        << refused.failure().message();
    EXPECT_EQ(fleet.level(), today);
    EXPECT_EQ(failure_of(fleet.cluster.call(0, finalize(next + 5))), Errc::conflict);
    fleet.run(1, next);
    fleet.run(2, next);
    status = fleet.status();
    EXPECT_TRUE(status.ready());
}

TEST(Upgrade, before_it_is_finalized_every_server_can_go_back_with_nothing_lost) {
    Fleet fleet;
    fleet.cluster.elect();
    fleet.upgrade_all();
    fleet.cluster.call(0, register_job(service_job("web", 1)));
    for (std::size_t i = 0; i < 3; ++i) fleet.run(i, today);
    EXPECT_FALSE(failure_of(fleet.cluster.call(0, read_job("web"))));
    EXPECT_TRUE(fleet.cluster.digests_equal());
    EXPECT_EQ(fleet.status().next_level(), today) << "and nothing is left to finalize";
}

TEST(Upgrade, it_is_finalized_without_a_word_where_the_configuration_says_so) {
    Fleet fleet;
    fleet.automatic = true;
    fleet.cluster.elect();
    fleet.run(0, next);
    fleet.run(1, next);
    EXPECT_EQ(fleet.level(), today);
    fleet.run(2, next);
    EXPECT_EQ(fleet.level(), next);
}

TEST(Upgrade, a_server_that_goes_back_too_late_stops_before_it_applies_what_it_does_not_know) {
    Fleet fleet;
    fleet.cluster.elect();
    fleet.upgrade_all();
    const std::size_t left_behind = fleet.cluster.follower();
    fleet.cluster.crash(left_behind);  // and misses the entry that raises the level
    fleet.cluster.call(fleet.cluster.elect(), finalize());
    fleet.cluster.call(fleet.cluster.elect(), rehearse());
    fleet.run(left_behind, today);
    ASSERT_TRUE(fleet.cluster.halted(left_behind).has_value());
    const std::string& why = *fleet.cluster.halted(left_behind);
    EXPECT_NE(why.find("needs feature level 3"), std::string::npos) << why;
    EXPECT_NE(why.find("start the release that it was upgraded to"), std::string::npos) << why;
    EXPECT_EQ(fleet.cluster.server(left_behind).view().feature_level(), today);
    const Ticket ticket = fleet.cluster.ask(left_behind, stale(read_job("web")));
    fleet.cluster.run_for(10s);
    EXPECT_EQ(fleet.cluster.answer_to(ticket), nullptr) << "it serves nothing, not even stale";
    fleet.run(left_behind, next);
    EXPECT_TRUE(fleet.cluster.digests_equal()) << "the right release carries on from there";
}

TEST(Upgrade, a_server_without_the_level_of_a_snapshot_that_it_is_sent_stops) {
    Fleet fleet;
    fleet.small_snapshots = true;
    for (std::size_t i = 0; i < 3; ++i) fleet.run(i, today);
    fleet.upgrade_all();
    const std::size_t left_behind = fleet.cluster.follower();
    fleet.cluster.crash(left_behind);
    fleet.cluster.call(fleet.cluster.elect(), finalize());
    for (int i = 0; i < 60; ++i) {
        fleet.cluster.call(fleet.cluster.elect(), register_job(service_job("web", 1 + i)));
    }
    fleet.run(left_behind, today);
    ASSERT_TRUE(fleet.cluster.halted(left_behind).has_value());
    EXPECT_NE(fleet.cluster.halted(left_behind)->find("the state of this snapshot needs feature"),
              std::string::npos);
    EXPECT_EQ(fleet.cluster.snapshots_installed(left_behind), 0U);
}

// What a server finds on its own disk when it starts.
struct OnDisk {
    Config config;
    DurableState durable;

    OnDisk() {
        auto self = std::make_shared<schema::ServerInfo>();
        self->set_raft_id(1);
        self->set_address("10.0.0.1:4647");
        config.self = self;
        config.bootstrap = {self};
        config.supported_level = today;
        durable.raft.hard.term = raft::Term{1};
        schema::Entry entry;
        entry.set_type(schema::Entry::kChangeFeatureLevel);
        entry.set_level(today);
        entry.mutable_change_feature_level()->set_level(next);
        durable.raft.entries.push_back(
            {raft::Term{1}, raft::Index{1}, raft::EntryKind::normal,
             raft::SharedBytes{std::make_shared<const std::string>(entry.SerializeAsString())}});
    }
    // Why it stopped in its first step; empty where it goes on.
    std::string first_step() const {
        auto server = Server::recover(config, durable, Instant{}, 1);
        std::vector<Effect> effects;
        server.value().step(Instant{}, WallTime{1}, {}, effects);
        for (const Effect& effect : effects) {
            if (const auto* halt = std::get_if<Halt>(&effect)) return halt->reason;
        }
        return "";
    }
};

TEST(Upgrade, a_server_that_stops_in_the_middle_of_its_log_shows_what_it_has_applied) {
    OnDisk disk;
    schema::Entry known;
    known.set_type(schema::Entry::kChangeFeatureLevel);
    known.mutable_change_feature_level()->set_level(today);
    raft::Entry first = disk.durable.raft.entries.front();
    disk.durable.raft.entries.front().index = raft::Index{2};
    first.data = raft::SharedBytes{std::make_shared<const std::string>(known.SerializeAsString())};
    disk.durable.raft.entries.insert(disk.durable.raft.entries.begin(), first);
    disk.durable.raft.hard.commit = raft::Index{2};
    auto server = Server::recover(disk.config, disk.durable, Instant{}, 1);
    std::vector<Effect> effects;
    server.value().step(Instant{}, WallTime{1}, {}, effects);
    EXPECT_TRUE(server->halted());
    EXPECT_EQ(server->view().applied_index(), 1U) << "entry 2 is beyond it";
}

TEST(Upgrade, a_server_stops_at_once_on_a_log_that_was_committed_at_a_higher_level) {
    OnDisk disk;
    EXPECT_EQ(disk.first_step(), "") << "what is not committed may still be taken back";
    disk.durable.raft.hard.commit = raft::Index{1};
    EXPECT_EQ(disk.first_step(),
              "nothing is applied from entry 1 on: entry type 28 needs feature level 3, and this "
              "server supports 1 to 2; the cluster's upgrade was finalized: start the release that "
              "it was upgraded to, or a newer one");
    disk.config.supported_level = next;
    EXPECT_EQ(disk.first_step(), "");
}

TEST(Upgrade, a_level_that_this_release_cannot_work_at_is_refused_with_what_can_be_written) {
    OnDisk disk;
    disk.config.supported_level = next + 1;
    const auto begun = Server::recover(disk.config, disk.durable, Instant{}, 1);
    ASSERT_FALSE(begun.has_value());
    EXPECT_NE(begun.error().message.find("write 1 to 3"), std::string::npos);
}

}  // namespace
}  // namespace drover::server
