// The rules of elections, row by row: paper 5.2 and 5.4.1, thesis 3.10, 4.2.3 and 9.6.
#include <gtest/gtest.h>

#include "tests/engine/raft/solo.hpp"

namespace drover::raft {
namespace {

Config plain() {
    Config config;
    config.pre_vote = false;
    config.check_quorum = false;
    return config;
}

struct VoteRow {
    const char* why;
    EntryId candidate;
    std::optional<std::uint64_t> voted;
    bool granted;
};

TEST(Election, a_vote_goes_to_who_is_at_least_as_up_to_date) {
    const VoteRow rows[]{
        {"the same log", at(2, 3), {}, true},
        {"a longer log of the same term", at(2, 4), {}, true},
        {"a shorter log of a later term", at(3, 2), {}, true},
        {"a shorter log of the same term", at(2, 2), {}, false},
        {"a longer log of an earlier term", at(1, 9), {}, false},
        {"the same candidate again", at(2, 3), 2, true},
        {"another candidate has the vote", at(2, 3), 3, false},
    };
    for (const auto& row : rows) {
        DurableState state = durable(4, {2, 2});
        if (row.voted) state.hard.vote = RaftId{*row.voted};
        Solo solo{state, plain()};
        solo.receive(2, 4, MsgVote{row.candidate, false});
        solo.sync();
        const auto answers = solo.take<MsgVoteResp>(2);
        ASSERT_EQ(answers.size(), 1U) << row.why;
        EXPECT_EQ(answers[0].granted, row.granted) << row.why;
        EXPECT_FALSE(solo.broken_rule) << row.why;
    }
}

TEST(Election, a_vote_is_not_heard_before_it_is_durable) {
    Solo solo{durable(1), plain()};
    solo.receive(2, 2, MsgVote{at(1, 1), false});
    EXPECT_TRUE(solo.take<MsgVoteResp>().empty());
    ASSERT_EQ(solo.writes.size(), 1U);
    EXPECT_EQ(solo.writes[0].hard->vote, RaftId{2});
    solo.sync_one();
    EXPECT_EQ(solo.take<MsgVoteResp>(2).size(), 1U);
}

TEST(Election, a_candidate_counts_its_own_vote_only_when_it_is_durable) {
    Solo solo{durable(1), plain()};
    solo.wait_for_election();
    EXPECT_EQ(solo.raft.role(), Role::candidate);
    EXPECT_EQ(solo.take<MsgVote>().size(), 2U);
    // One other vote makes two of three, but the own one is still being written.
    solo.receive(2, 2, MsgVoteResp{true, {}});
    EXPECT_EQ(solo.raft.role(), Role::candidate);
    solo.sync();
    EXPECT_TRUE(solo.raft.leads());
}

TEST(Election, a_candidate_whom_a_majority_refuses_steps_back) {
    Solo solo{durable(1), plain()};
    solo.wait_for_election();
    solo.sync();
    solo.receive(2, 2, MsgVoteResp{false, {}});
    EXPECT_EQ(solo.raft.role(), Role::candidate);
    solo.receive(3, 2, MsgVoteResp{false, {}});
    EXPECT_EQ(solo.raft.role(), Role::follower);
}

TEST(Election, stepping_back_in_the_same_term_keeps_the_vote) {
    Solo solo{durable(1), plain()};
    solo.wait_for_election();
    solo.sync();
    solo.receive(2, 2, MsgHeartbeat{});
    EXPECT_EQ(solo.raft.role(), Role::follower);
    EXPECT_EQ(solo.raft.vote(), RaftId{1});
    solo.receive(3, 2, MsgVote{at(1, 1), false});
    solo.sync();
    EXPECT_FALSE(solo.take<MsgVoteResp>(3).at(0).granted);
}

TEST(Election, a_pre_vote_moves_neither_term_nor_vote) {
    Solo solo{durable(1)};
    solo.wait_for_election();
    EXPECT_EQ(solo.raft.role(), Role::pre_candidate);
    EXPECT_EQ(solo.raft.term(), Term{1});
    EXPECT_TRUE(solo.writes.empty());
    EXPECT_EQ(solo.take<MsgPreVote>().size(), 2U);
    solo.receive(2, 2, MsgPreVoteResp{true, {}});
    EXPECT_EQ(solo.raft.role(), Role::candidate);
    EXPECT_EQ(solo.raft.term(), Term{2});
}

TEST(Election, a_late_pre_vote_is_no_vote) {
    Solo solo{durable(1)};
    solo.wait_for_election();
    solo.receive(2, 2, MsgPreVoteResp{true, {}});
    solo.sync();
    solo.receive(3, 2, MsgPreVoteResp{true, {}});
    EXPECT_EQ(solo.raft.role(), Role::candidate);
}

TEST(Election, granting_a_pre_vote_does_not_hold_up_the_own_election) {
    Solo solo{durable(1)};
    const auto due = solo.raft.next_deadline();
    solo.now += std::chrono::milliseconds{500};
    solo.receive(2, 2, MsgPreVote{at(1, 1)});
    EXPECT_TRUE(solo.take<MsgPreVoteResp>(2).at(0).granted);
    EXPECT_EQ(solo.raft.next_deadline(), due);
}

TEST(Election, a_refused_pre_vote_teaches_the_term) {
    Solo ahead{durable(5)};
    ahead.receive(2, 3, MsgPreVote{at(1, 1)});
    ASSERT_EQ(ahead.sent.size(), 1U);
    EXPECT_EQ(ahead.sent[0].term, Term{5});
    Solo behind{durable(1)};
    behind.wait_for_election();
    behind.receive(2, 5, MsgPreVoteResp{false, {}});
    EXPECT_EQ(behind.raft.term(), Term{5});
}

TEST(Election, while_a_leader_is_heard_others_are_ignored) {
    Solo solo{durable(1)};
    solo.receive(2, 1, MsgHeartbeat{});
    solo.receive(3, 7, MsgVote{at(6, 9), false});
    solo.receive(3, 7, MsgPreVote{at(6, 9)});
    EXPECT_EQ(solo.raft.term(), Term{1});
    EXPECT_TRUE(solo.take<MsgVoteResp>().empty());
    EXPECT_TRUE(solo.take<MsgPreVoteResp>().empty());
    // Unless the leader itself has asked for it.
    solo.receive(3, 7, MsgVote{at(6, 9), true});
    solo.sync();
    EXPECT_TRUE(solo.take<MsgVoteResp>(3).at(0).granted);
}

TEST(Election, the_lease_ends_with_the_shortest_election_timeout) {
    Solo solo{durable(1)};
    solo.receive(2, 1, MsgHeartbeat{});
    solo.now += solo.raft.config().election_timeout();
    solo.receive(3, 2, MsgPreVote{at(1, 1)});
    EXPECT_TRUE(solo.take<MsgPreVoteResp>(3).at(0).granted);
}

TEST(Election, a_leader_that_loses_its_quorum_steps_down) {
    Solo solo{durable(1)};
    solo.lead();
    solo.acknowledge(2);
    solo.wait(solo.raft.config().election_timeout());
    EXPECT_TRUE(solo.raft.leads()) << "2 was heard of";
    solo.wait(solo.raft.config().election_timeout());
    EXPECT_FALSE(solo.raft.leads());
}

TEST(Election, the_answer_of_one_that_is_no_member_changes_nothing) {
    Solo solo{durable(1)};
    solo.lead();
    const Term term = solo.raft.term();
    solo.receive(9, term.value() + 5, MsgAppResp{});
    EXPECT_TRUE(solo.raft.leads());
    EXPECT_EQ(solo.raft.term(), term);
    solo.receive(3, term.value() + 5, MsgAppResp{});
    EXPECT_FALSE(solo.raft.leads()) << "a member's is heard";
}

TEST(Election, a_member_that_is_told_to_stands_at_once_and_without_a_pre_vote) {
    Solo solo{durable(1)};
    solo.receive(2, 1, MsgHeartbeat{});
    solo.receive(2, 1, MsgTimeoutNow{});
    EXPECT_EQ(solo.raft.role(), Role::candidate);
    ASSERT_EQ(solo.take<MsgVote>(3).size(), 1U);
}

TEST(Election, learners_do_not_stand_but_vote_when_asked) {
    DurableState state = durable(1);
    state.snapshot->conf = {{RaftId{2}, RaftId{3}}, {RaftId{1}}, {}, {}, false};
    Solo solo{state};
    EXPECT_FALSE(solo.raft.next_deadline());
    solo.wait_for_election();
    EXPECT_EQ(solo.raft.role(), Role::follower);
    solo.receive(2, 2, MsgVote{at(1, 1), false});
    solo.sync();
    EXPECT_TRUE(solo.take<MsgVoteResp>(2).at(0).granted);
}

TEST(Election, nobody_stands_with_an_unapplied_configuration_change) {
    DurableState state = durable(1);
    state.entries = {{Term{1}, Index{2}, EntryKind::conf_change,
                      text(encode(ConfChange{
                          Transition::automatic, {{ConfChangeKind::remove, RaftId{1}}}, {}}))}};
    state.hard.commit = Index{2};
    Solo solo{state};
    solo.wait_for_election();
    EXPECT_EQ(solo.raft.role(), Role::follower);
    solo.drain();
    solo.apply();
    EXPECT_FALSE(solo.raft.conf().contains(RaftId{1}));
    EXPECT_FALSE(solo.raft.next_deadline()) << "it is not a member any more";
}

TEST(Election, a_refusal_tells_a_candidate_that_its_change_is_committed) {
    // Server 3 holds the entry that makes it the only voter, and does not know it is committed.
    DurableState state = durable(2);
    state.snapshot->conf = {{RaftId{3}}, {}, {RaftId{1}, RaftId{2}, RaftId{3}}, {}, true};
    state.entries = {{Term{2}, Index{2}, EntryKind::conf_change, nullptr}};
    Solo solo{state, {}, 3};
    solo.wait_for_election();
    solo.receive(1, 2, MsgPreVoteResp{false, at(2, 2)});
    EXPECT_EQ(solo.raft.commit_index(), Index{2});
    solo.apply();
    solo.wait_for_election();
    solo.sync();
    EXPECT_TRUE(solo.raft.leads());
}

TEST(Election, the_wait_is_drawn_between_one_and_two_timeouts) {
    std::set<Instant> seen;
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        Config config;
        config.id = RaftId{1};
        const Raft raft{config, durable(1), Instant{}, Prng{seed}};
        const Instant due = *raft.next_deadline();
        EXPECT_GE(due, Instant{} + config.election_timeout());
        EXPECT_LT(due, Instant{} + config.election_timeout() * 2);
        seen.insert(due);
    }
    EXPECT_GT(seen.size(), 5U);
}

TEST(Election, the_only_voter_stands_as_soon_as_it_has_applied_what_it_knows_to_be_committed) {
    DurableState state = durable(2, {2, 2});
    state.snapshot->conf = {{RaftId{1}}, {RaftId{2}}, {}, {}, false};
    state.hard.commit = Index{2};
    Solo solo{state};
    EXPECT_EQ(solo.raft.role(), Role::follower);
    solo.drain();
    solo.apply();
    EXPECT_EQ(solo.raft.next_deadline(), Instant{});
    solo.wait(Duration{});
    solo.sync();
    EXPECT_TRUE(solo.raft.leads());
    solo.apply();
    EXPECT_EQ(solo.raft.applied_index(), Index{4});
}

TEST(Election, who_is_not_the_only_voter_waits) {
    const ConfState alone{{RaftId{1}}, {}, {}, {}, false};
    ConfState changing = alone;
    changing.voters_outgoing = {RaftId{1}, RaftId{2}};
    for (const ConfState& conf : {changing, ConfState{{RaftId{1}, RaftId{2}}, {}, {}, {}, false}}) {
        DurableState state = durable(2);
        state.snapshot->conf = conf;
        const Solo solo{state};
        EXPECT_GE(solo.raft.next_deadline(), Instant{} + solo.raft.config().election_timeout());
    }
    Config patient;
    patient.lone_voter_waits = true;
    DurableState state = durable(2);
    state.snapshot->conf = alone;
    const Solo solo{state, patient};
    EXPECT_GE(solo.raft.next_deadline(), Instant{} + patient.election_timeout());
}

TEST(Election, forgetting_the_leader_ends_the_lease) {
    Solo solo{durable(1)};
    solo.receive(2, 1, MsgHeartbeat{});
    solo.raft.forget_leader();
    solo.receive(3, 2, MsgPreVote{at(1, 1)});
    EXPECT_TRUE(solo.take<MsgPreVoteResp>(3).at(0).granted);
}

}  // namespace
}  // namespace drover::raft
