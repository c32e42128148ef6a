// Reads that trust clocks, and how far: a lease lasts as long as those who gave it keep their word,
// less what clocks may drift, and is over as soon as somebody may be elected in spite of it.
#include <gtest/gtest.h>

#include "tests/engine/raft/solo.hpp"

namespace drover::raft {
namespace {

Config leased() {
    Config config;
    config.read_only = ReadOnly::lease;
    config.lease_drift = config.tick;
    return config;
}

// Leads, with an entry of its own term committed.
Solo leader() {
    Solo solo{durable(1), leased()};
    solo.lead();
    solo.acknowledge(2);
    solo.sync();
    solo.apply();
    return solo;
}

// The next heartbeat, and server 2's answer to it.
void begin_lease(Solo& solo) {
    (void)solo.take<MsgHeartbeat>();
    solo.wait(solo.raft.config().heartbeat_interval());
    const auto heartbeats = solo.take<MsgHeartbeat>(2);
    ASSERT_EQ(heartbeats.size(), 1U);
    solo.receive(2, solo.raft.term().value(), MsgHeartbeatResp{heartbeats.front().round});
}

// Whether it is answered without asking anybody.
bool reads_at_once(Solo& solo) {
    solo.reads.clear();
    EXPECT_TRUE(solo.raft.read_index(solo.now, 7));
    solo.drain();
    return !solo.reads.empty();
}

TEST(Lease, begins_with_the_answer_of_a_quorum_and_ends_a_drift_before_the_word_of_those_does) {
    Solo solo = leader();
    EXPECT_FALSE(reads_at_once(solo)) << "nobody has answered a heartbeat yet";
    begin_lease(solo);
    EXPECT_TRUE(reads_at_once(solo));
    const Config& config = solo.raft.config();
    const Instant sent = solo.now;
    solo.now = sent + config.election_timeout() - *config.lease_drift - Duration{1};
    EXPECT_TRUE(reads_at_once(solo));
    solo.now = sent + config.election_timeout() - *config.lease_drift;
    EXPECT_FALSE(reads_at_once(solo)) << "also where no timer has been looked at since";
}

TEST(Lease, outside_of_it_a_read_passes_a_quorum) {
    Solo solo = leader();
    (void)solo.take<MsgHeartbeat>();
    ASSERT_FALSE(reads_at_once(solo));
    const auto asked = solo.take<MsgHeartbeat>(3);
    ASSERT_EQ(asked.size(), 1U);
    solo.receive(3, solo.raft.term().value(), MsgHeartbeatResp{asked.front().round});
    EXPECT_EQ(solo.reads.size(), 1U);
}

TEST(Lease, counts_from_when_the_heartbeat_was_sent_however_late_the_answer) {
    Solo solo = leader();
    (void)solo.take<MsgHeartbeat>();
    solo.wait(solo.raft.config().heartbeat_interval());
    const auto round = solo.take<MsgHeartbeat>(2).front().round;
    solo.now += solo.raft.config().election_timeout();
    solo.receive(2, solo.raft.term().value(), MsgHeartbeatResp{round});
    EXPECT_FALSE(reads_at_once(solo));
}

TEST(Lease, is_given_up_for_the_term_once_leadership_is_offered_to_somebody) {
    Solo solo = leader();
    begin_lease(solo);
    ASSERT_TRUE(solo.raft.transfer_leadership(solo.now, RaftId{2}));
    EXPECT_FALSE(reads_at_once(solo)) << "it may be elected at any moment, past the lease";
}

TEST(Lease, begins_anew_with_another_configuration) {
    Solo solo = leader();
    begin_lease(solo);
    ASSERT_TRUE(reads_at_once(solo));
    ConfChange change;
    change.changes.push_back({ConfChangeKind::add_voter, RaftId{4}});
    ASSERT_TRUE(solo.raft.apply_conf_change(solo.now, change));
    EXPECT_FALSE(reads_at_once(solo)) << "one of its answers was a majority of three, not of four";
}

TEST(Lease, a_server_that_started_again_keeps_the_word_that_it_has_forgotten) {
    Solo solo{durable(1), leased()};
    const auto ask = [&] {
        solo.receive(2, 9, MsgVote{at(1, 1), false});
        solo.sync();
        return !solo.take<MsgVoteResp>(2).empty();
    };
    solo.now += solo.raft.config().election_timeout() - Duration{1};
    EXPECT_FALSE(ask());
    solo.now += Duration{1};
    EXPECT_TRUE(ask());
}

TEST(Lease, cannot_be_configured_to_outlast_the_word_it_rests_on) {
    Config config = leased();
    config.id = RaftId{1};
    EXPECT_TRUE(validate(config));
    config.lease_drift = config.election_timeout();
    EXPECT_FALSE(validate(config));
    config.lease_drift = -Duration{1};
    EXPECT_FALSE(validate(config));
}

// Two that stood together and halved the votes do not both wait as long as followers.
TEST(Campaign, without_a_result_begins_anew_sooner_than_a_follower_stands) {
    Config config;
    config.pre_vote = false;
    Solo solo{durable(1), config};
    solo.wait_for_election();
    ASSERT_EQ(solo.raft.role(), Role::candidate);
    const Term first = solo.raft.term();
    solo.wait(config.tick * config.campaign_ticks - Duration{1});
    EXPECT_EQ(solo.raft.term(), first);
    solo.wait(config.tick * config.campaign_ticks);
    EXPECT_EQ(solo.raft.term(), next(first));
}

}  // namespace
}  // namespace drover::raft
