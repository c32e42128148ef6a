// What only a leader does for others: reads, snapshots, transfers and changes of the configuration.
#include <gtest/gtest.h>

#include "tests/engine/raft/solo.hpp"

namespace drover::raft {
namespace {

Solo settled_leader(Config config = {}) {
    Solo solo{durable(1), config};
    solo.lead();
    solo.acknowledge(2);
    solo.sync();
    solo.apply();
    solo.sent.clear();
    return solo;
}

ConfChange change(std::vector<ConfChangeSingle> changes,
                  Transition transition = Transition::automatic) {
    return {transition, std::move(changes), {}};
}

// ---- reads

TEST(Read, a_read_waits_for_a_quorum_that_was_asked_after_it) {
    Solo solo = settled_leader();
    ASSERT_TRUE(solo.raft.read_index(solo.now, 7));
    solo.drain();
    const auto asked = solo.take<MsgHeartbeat>();
    ASSERT_EQ(asked.size(), 2U);
    EXPECT_TRUE(solo.reads.empty());
    solo.receive(2, 2, MsgHeartbeatResp{asked[0].round - 1});
    EXPECT_TRUE(solo.reads.empty()) << "an answer to an older heartbeat proves nothing";
    solo.receive(2, 2, MsgHeartbeatResp{asked[0].round});
    ASSERT_EQ(solo.reads.size(), 1U);
    EXPECT_EQ(solo.reads[0], (ReadState{solo.raft.commit_index(), 7}));
}

TEST(Read, reads_of_one_batch_share_a_round_and_keep_their_order) {
    Solo solo = settled_leader();
    for (std::uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(solo.raft.read_index(solo.now, i));
    solo.drain();
    const auto asked = solo.take<MsgHeartbeat>(2);
    ASSERT_EQ(asked.size(), 1U);
    solo.receive(2, 2, MsgHeartbeatResp{asked[0].round});
    ASSERT_EQ(solo.reads.size(), 5U);
    EXPECT_EQ(solo.reads[4].context, 5U);
}

TEST(Read, nothing_is_read_before_the_first_commit_of_a_term) {
    Solo solo{durable(1)};
    solo.lead();
    ASSERT_TRUE(solo.raft.read_index(solo.now, 7));
    solo.drain();
    EXPECT_TRUE(solo.take<MsgHeartbeat>().empty());
    solo.acknowledge(2);
    const auto asked = solo.take<MsgHeartbeat>(3);
    ASSERT_EQ(asked.size(), 1U);
    solo.receive(3, 2, MsgHeartbeatResp{asked[0].round});
    ASSERT_EQ(solo.reads.size(), 1U);
    EXPECT_EQ(solo.reads[0].index, Index{2});
}

TEST(Read, a_follower_asks_its_leader) {
    Solo solo{durable(1)};
    EXPECT_EQ(solo.raft.read_index(solo.now, 1).error().code, Errc::no_leader);
    solo.receive(2, 1, MsgHeartbeat{});
    ASSERT_TRUE(solo.raft.read_index(solo.now, 1));
    solo.drain();
    EXPECT_EQ(solo.take<MsgReadIndex>(2).size(), 1U);
    solo.receive(2, 1, MsgReadIndexResp{Index{1}, 1});
    EXPECT_EQ(solo.reads.size(), 1U);
}

TEST(Read, a_leader_answers_a_followers_question) {
    Solo solo = settled_leader();
    solo.receive(3, 2, MsgReadIndex{99});
    const auto asked = solo.take<MsgHeartbeat>(2);
    ASSERT_EQ(asked.size(), 1U);
    solo.receive(2, 2, MsgHeartbeatResp{asked[0].round});
    EXPECT_EQ(solo.take<MsgReadIndexResp>(3).at(0), (MsgReadIndexResp{Index{2}, 99}));
}

TEST(Read, too_many_waiting_reads_are_refused) {
    Config config;
    config.max_pending_reads = 1;
    Solo solo = settled_leader(config);
    EXPECT_TRUE(solo.raft.read_index(solo.now, 1));
    EXPECT_EQ(solo.raft.read_index(solo.now, 2).error().code, Errc::overloaded);
}

// ---- snapshots

Snapshot snapshot_at(std::uint64_t term, std::uint64_t index) {
    return {{Index{index}, Term{term}, {{RaftId{1}, RaftId{2}, RaftId{3}}, {}, {}, {}, false}},
            text("state")};
}

TEST(Snapshot, who_needs_what_is_gone_gets_a_snapshot_and_then_the_log) {
    Solo solo = settled_leader();
    ASSERT_TRUE(solo.raft.compact(Index{2}));
    EXPECT_FALSE(solo.raft.compact(Index{2})) << "nothing is left to drop";
    solo.receive(3, 2, MsgAppResp{Index{1}, at(0, 0)});
    EXPECT_TRUE(solo.take<MsgSnap>(3).empty()) << "there is none yet";
    solo.raft.snapshot_saved(snapshot_at(2, 2));
    solo.receive(3, 2, MsgHeartbeatResp{});
    ASSERT_EQ(solo.take<MsgSnap>(3).size(), 1U);
    ASSERT_TRUE(solo.raft.propose(solo.now, text("a")));
    solo.drain();
    EXPECT_TRUE(solo.take<MsgApp>(3).empty()) << "first the snapshot";
    solo.receive(3, 2, MsgAppResp{Index{2}, std::nullopt});
    EXPECT_EQ(solo.take<MsgApp>(3).at(0).entries.at(0).payload(), "a");
}

TEST(Snapshot, a_snapshot_without_an_answer_is_sent_again) {
    Config config;
    config.check_quorum = false;
    config.snapshot_retry_ticks = 5;
    Solo solo = settled_leader(config);
    ASSERT_TRUE(solo.raft.compact(Index{2}));
    solo.raft.snapshot_saved(snapshot_at(2, 2));
    solo.receive(3, 2, MsgAppResp{Index{1}, at(0, 0)});
    ASSERT_EQ(solo.take<MsgSnap>(3).size(), 1U);
    solo.receive(3, 2, MsgHeartbeatResp{});
    EXPECT_TRUE(solo.take<MsgSnap>(3).empty()) << "it may still be on its way";
    solo.wait(config.tick * 5);
    solo.receive(3, 2, MsgHeartbeatResp{});
    EXPECT_EQ(solo.take<MsgSnap>(3).size(), 1U);
}

TEST(Snapshot, a_snapshot_is_installed_when_it_is_durable_and_replaces_everything) {
    DurableState state = durable(1, {1, 1});
    state.entries.back().kind = EntryKind::conf_change;
    Solo solo{state};
    Snapshot snapshot = snapshot_at(2, 9);
    snapshot.meta.conf.learners = {RaftId{4}};
    solo.receive(2, 2, MsgSnap{snapshot});
    ASSERT_EQ(solo.writes.size(), 1U);
    EXPECT_EQ(solo.writes[0].log_start, at(2, 9));
    EXPECT_FALSE(solo.installed);
    EXPECT_TRUE(solo.take<MsgAppResp>().empty());
    EXPECT_FALSE(solo.raft.next_deadline()) << "it must not stand for election meanwhile";
    solo.sync_one();
    ASSERT_TRUE(solo.installed);
    EXPECT_EQ(solo.take<MsgAppResp>(2).at(0).index, Index{9});
    EXPECT_EQ(solo.raft.applied_index(), Index{9});
    EXPECT_EQ(solo.raft.conf(), snapshot.meta.conf);
    EXPECT_FALSE(solo.broken_rule) << *solo.broken_rule;
}

TEST(Snapshot, an_old_snapshot_does_not_go_over_newer_state) {
    Solo solo{durable(2, {2, 2})};
    solo.receive(2, 2, MsgApp{at(2, 3), Index{3}, {}});
    solo.receive(2, 2, MsgSnap{snapshot_at(2, 2)});
    solo.sync();
    EXPECT_FALSE(solo.installed);
    EXPECT_EQ(solo.raft.last_index(), Index{3});
    EXPECT_EQ(solo.take<MsgAppResp>(2).back().index, Index{3});
}

TEST(Snapshot, a_snapshot_of_what_the_log_holds_only_commits_it) {
    Solo solo{durable(2, {2, 2})};
    solo.receive(2, 2, MsgSnap{snapshot_at(2, 3)});
    EXPECT_EQ(solo.raft.commit_index(), Index{3});
    EXPECT_EQ(solo.committed.size(), 2U);
    EXPECT_FALSE(solo.raft.log().snapshot_pending());
}

TEST(Snapshot, a_snapshot_file_ahead_of_the_log_starts_the_log_anew) {
    DurableState state = durable(1, {1, 1});
    state.snapshot = snapshot_at(2, 9).meta;
    Solo solo{state};
    EXPECT_EQ(solo.raft.last_index(), Index{9});
    solo.drain();
    ASSERT_EQ(solo.writes.size(), 1U);
    EXPECT_EQ(solo.writes[0].log_start, at(2, 9));
    EXPECT_EQ(solo.writes[0].hard->term, Term{2});
}

// ---- transfer

TEST(Transfer, a_follower_that_is_up_to_date_is_told_at_once) {
    Solo solo = settled_leader();
    ASSERT_TRUE(solo.raft.transfer_leadership(solo.now, RaftId{2}));
    solo.drain();
    EXPECT_EQ(solo.take<MsgTimeoutNow>(2).size(), 1U);
    EXPECT_EQ(solo.raft.propose(solo.now, text("a")).error().code, Errc::not_leader);
}

TEST(Transfer, a_follower_behind_is_brought_up_first) {
    Solo solo = settled_leader();
    ASSERT_TRUE(solo.raft.transfer_leadership(solo.now, RaftId{3}));
    solo.drain();
    EXPECT_TRUE(solo.take<MsgTimeoutNow>().empty());
    solo.acknowledge(3);
    EXPECT_EQ(solo.take<MsgTimeoutNow>(3).size(), 1U);
}

TEST(Transfer, a_transfer_that_leads_nowhere_is_given_up) {
    Solo solo = settled_leader();
    ASSERT_TRUE(solo.raft.transfer_leadership(solo.now, RaftId{2}));
    solo.wait(solo.raft.config().election_timeout() / 2);
    solo.receive(2, 2, MsgHeartbeatResp{});
    solo.wait(solo.raft.config().election_timeout() / 2);
    ASSERT_TRUE(solo.raft.leads());
    EXPECT_FALSE(solo.raft.transferee());
    EXPECT_TRUE(solo.raft.propose(solo.now, text("a")));
}

TEST(Transfer, only_another_voter_can_be_the_target) {
    Solo solo = settled_leader();
    EXPECT_EQ(solo.raft.transfer_leadership(solo.now, RaftId{9}).error().code,
              Errc::invalid_argument);
    EXPECT_EQ(solo.raft.transfer_leadership(solo.now, RaftId{1}).error().code,
              Errc::invalid_argument);
}

// ---- membership

TEST(Membership, one_change_at_a_time) {
    Solo solo = settled_leader();
    ASSERT_TRUE(
        solo.raft.propose_conf_change(solo.now, change({{ConfChangeKind::add_voter, RaftId{4}}})));
    const auto second =
        solo.raft.propose_conf_change(solo.now, change({{ConfChangeKind::add_voter, RaftId{5}}}));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::conflict);
    EXPECT_FALSE(solo.raft.conf().contains(RaftId{4})) << "it counts when it is applied";
    solo.sync();
    solo.acknowledge(2);
    solo.apply();
    EXPECT_TRUE(solo.raft.conf().contains(RaftId{4}));
    EXPECT_EQ(solo.take<MsgApp>(4).size(), 1U) << "the newcomer is probed at once";
}

TEST(Membership, no_change_before_the_leader_has_committed_in_its_own_term) {
    Solo solo{durable(1)};
    solo.lead();
    EXPECT_EQ(
        solo.raft.propose_conf_change(solo.now, change({{ConfChangeKind::add_voter, RaftId{4}}}))
            .error()
            .code,
        Errc::conflict);
}

TEST(Membership, a_joint_configuration_needs_both_majorities_and_leaves_by_itself) {
    Solo solo = settled_leader();
    ASSERT_TRUE(
        solo.raft.propose_conf_change(solo.now, change({{ConfChangeKind::remove, RaftId{2}},
                                                        {ConfChangeKind::remove, RaftId{3}},
                                                        {ConfChangeKind::add_voter, RaftId{4}},
                                                        {ConfChangeKind::add_voter, RaftId{5}}})));
    solo.sync();
    solo.acknowledge(2);
    solo.apply();
    EXPECT_TRUE(solo.raft.conf().joint());
    solo.sync();
    const Index leave = solo.raft.last_index();
    EXPECT_EQ(solo.raft.log().at(leave).kind, EntryKind::conf_change);
    solo.acknowledge(2);
    EXPECT_LT(solo.raft.commit_index(), leave) << "the new majority has not agreed";
    solo.acknowledge(4);
    EXPECT_EQ(solo.raft.commit_index(), leave);
    solo.apply();
    EXPECT_EQ(solo.raft.conf().voters, (std::set<RaftId>{RaftId{1}, RaftId{4}, RaftId{5}}));
    EXPECT_FALSE(solo.raft.conf().joint());
    EXPECT_FALSE(solo.broken_rule) << *solo.broken_rule;
}

TEST(Membership, a_leader_that_is_removed_steps_down_when_that_is_applied) {
    Solo solo = settled_leader();
    ASSERT_TRUE(
        solo.raft.propose_conf_change(solo.now, change({{ConfChangeKind::remove, RaftId{1}}})));
    solo.sync();
    EXPECT_TRUE(solo.raft.leads());
    solo.acknowledge(2);
    solo.apply();
    EXPECT_FALSE(solo.raft.leads());
    EXPECT_FALSE(solo.raft.next_deadline());
}

TEST(Membership, a_new_group_begins_with_an_entry_that_names_its_voters) {
    Solo solo{DurableState{}};
    ASSERT_TRUE(solo.raft.bootstrap(solo.now, {RaftId{1}}));
    EXPECT_EQ(solo.raft.bootstrap(solo.now, {RaftId{1}}).error().code, Errc::conflict);
    solo.sync();
    solo.apply();
    EXPECT_EQ(solo.raft.conf().voters, (std::set<RaftId>{RaftId{1}}));
    solo.wait_for_election();
    solo.sync();
    EXPECT_TRUE(solo.raft.leads());
}

struct ConfRow {
    const char* why;
    ConfState before;
    ConfChange change;
    std::optional<ConfState> after;
};

std::set<RaftId> ids(std::initializer_list<std::uint64_t> numbers) {
    std::set<RaftId> found;
    for (const std::uint64_t number : numbers) found.insert(RaftId{number});
    return found;
}

TEST(Membership, each_change_leads_to_its_configuration) {
    const auto add = [](std::uint64_t id) {
        return ConfChangeSingle{ConfChangeKind::add_voter, RaftId{id}};
    };
    const auto learn = [](std::uint64_t id) {
        return ConfChangeSingle{ConfChangeKind::add_learner, RaftId{id}};
    };
    const auto drop = [](std::uint64_t id) {
        return ConfChangeSingle{ConfChangeKind::remove, RaftId{id}};
    };
    const ConfState three{ids({1, 2, 3}), {}, {}, {}, false};
    const ConfRow rows[]{
        {"a voter joins", three, change({add(4)}), {{ids({1, 2, 3, 4}), {}, {}, {}, false}}},
        {"a voter again", three, change({add(3)}), three},
        {"a stranger leaves", three, change({drop(9)}), three},
        {"a voter leaves", three, change({drop(3)}), {{ids({1, 2}), {}, {}, {}, false}}},
        {"a learner joins", three, change({learn(4)}), {{ids({1, 2, 3}), ids({4}), {}, {}, false}}},
        {"a voter is demoted", three, change({learn(3)}), {{ids({1, 2}), ids({3}), {}, {}, false}}},
        {"two changes are joint",
         three,
         change({add(4), drop(1)}),
         {{ids({2, 3, 4}), {}, ids({1, 2, 3}), {}, true}}},
        {"a demotion in a joint change waits for its end",
         three,
         change({add(4), learn(1)}, Transition::joint_explicit),
         {{ids({2, 3, 4}), {}, ids({1, 2, 3}), ids({1}), false}}},
        {"leaving makes it a learner",
         {ids({2, 3, 4}), {}, ids({1, 2, 3}), ids({1}), true},
         {},
         {{ids({2, 3, 4}), ids({1}), {}, {}, false}}},
        {"the last voter stays", {ids({1}), {}, {}, {}, false}, change({drop(1)}), {}},
        {"nothing to leave", three, {}, {}},
        {"no change while joint", {ids({1}), {}, ids({2}), {}, false}, change({add(4)}), {}},
        {"a group begins with any number",
         {},
         change({add(1), add(2)}),
         {{ids({1, 2}), {}, {}, {}, false}}},
    };
    for (const auto& row : rows) {
        const auto after = changed(row.before, row.change);
        ASSERT_EQ(after.has_value(), row.after.has_value()) << row.why;
        if (!after) continue;
        EXPECT_EQ(after->conf, *row.after) << row.why;
        EXPECT_TRUE(validate(after->conf)) << row.why;
        EXPECT_EQ(*decode_conf_change(encode(row.change)), row.change) << row.why;
    }
}

TEST(Membership, damaged_changes_are_refused) {
    const std::string whole = encode(change({{ConfChangeKind::add_voter, RaftId{4}}}));
    for (std::size_t size = 1; size < whole.size(); ++size) {
        EXPECT_FALSE(decode_conf_change(whole.substr(0, size))) << size;
    }
    EXPECT_FALSE(decode_conf_change(std::string{"\x09\x00\x00\x00\x00\x00", 6}));
}

// ---- quorums

Index committed(const ConfState& conf, const std::map<std::uint64_t, std::uint64_t>& acknowledged) {
    return committed_index(conf, [&](RaftId id) {
        const auto found = acknowledged.find(id.value());
        return Index{found == acknowledged.end() ? 0 : found->second};
    });
}

TEST(Quorum, the_committed_index_is_what_a_majority_of_each_side_has) {
    const ConfState three{ids({1, 2, 3}), {}, {}, {}, false};
    const ConfState four{ids({1, 2, 3, 4}), {}, {}, {}, false};
    const ConfState joint{ids({1, 2, 3}), {}, ids({3, 4, 5}), {}, false};
    EXPECT_EQ(committed({ids({1}), {}, {}, {}, false}, {{1, 7}}), Index{7});
    EXPECT_EQ(committed(three, {{1, 5}, {2, 5}}), Index{5});
    EXPECT_EQ(committed(three, {{1, 5}}), Index{0});
    EXPECT_EQ(committed(four, {{1, 9}, {2, 9}, {3, 4}, {4, 1}}), Index{4});
    EXPECT_EQ(committed(joint, {{1, 9}, {2, 9}}), Index{0});
    EXPECT_EQ(committed(joint, {{1, 9}, {2, 9}, {4, 6}, {5, 8}}), Index{6});
}

TEST(Quorum, votes_are_won_lost_or_pending_on_both_sides) {
    const ConfState joint{ids({1, 2, 3}), {}, ids({4}), {}, false};
    const auto result = [&](std::map<RaftId, bool> votes) { return vote_result(joint, votes); };
    EXPECT_EQ(result({{RaftId{1}, true}, {RaftId{2}, true}}), VoteResult::pending);
    EXPECT_EQ(result({{RaftId{1}, true}, {RaftId{2}, true}, {RaftId{4}, true}}), VoteResult::won);
    EXPECT_EQ(result({{RaftId{1}, true}, {RaftId{2}, true}, {RaftId{4}, false}}), VoteResult::lost);
    EXPECT_EQ(result({{RaftId{1}, false}, {RaftId{2}, false}}), VoteResult::lost);
}

}  // namespace
}  // namespace drover::raft
