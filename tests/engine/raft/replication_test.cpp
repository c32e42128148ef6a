// The rules of replication and commitment, row by row: paper 5.3 and 5.4.2, thesis 3.8.
#include <gtest/gtest.h>

#include "tests/engine/raft/solo.hpp"

namespace drover::raft {
namespace {

struct AppendRow {
    const char* why;
    MsgApp append;
    MsgAppResp answer;
    std::vector<std::uint64_t> terms;  // of the log from index 2 on, afterwards
    std::uint64_t commit;
};

TEST(Append, each_kind_of_append_has_its_answer) {
    // The log: 1/1 (in a snapshot), 2/2, 2/3, 3/4.
    const AppendRow rows[]{
        {"entries that follow are taken",
         {at(3, 4), Index{1}, {entry(4, 5)}},
         {Index{5}, {}},
         {2, 2, 3, 4},
         1},
        {"entries that are there already stay",
         {at(2, 2), Index{1}, {entry(2, 3)}},
         {Index{3}, {}},
         {2, 2, 3},
         1},
        {"from the first conflict on the tail is replaced",
         {at(2, 2), Index{1}, {entry(4, 3)}},
         {Index{3}, {}},
         {2, 4},
         1},
        {"a commit index counts as far as the message was checked",
         {at(2, 2), Index{4}, {entry(2, 3)}},
         {Index{3}, {}},
         {2, 2, 3},
         3},
        {"an empty append commits no further than it reaches",
         {at(2, 3), Index{9}, {}},
         {Index{3}, {}},
         {2, 2, 3},
         3},
        {"a gap is refused, with the end of the log as a hint",
         {at(4, 9), Index{1}, {}},
         {Index{9}, at(3, 4)},
         {2, 2, 3},
         1},
        {"another term is refused, and its later terms are skipped",
         {at(2, 4), Index{1}, {entry(4, 5)}},
         {Index{4}, at(2, 3)},
         {2, 2, 3},
         1},
        {"what lies before the commit index is known to agree",
         {at(0, 0), Index{1}, {entry(1, 1)}},
         {Index{1}, {}},
         {2, 2, 3},
         1},
    };
    for (const auto& row : rows) {
        Solo solo{durable(4, {2, 2, 3})};
        solo.receive(2, 4, row.append);
        solo.sync();
        const auto answers = solo.take<MsgAppResp>(2);
        ASSERT_EQ(answers.size(), 1U) << row.why;
        EXPECT_EQ(answers[0], row.answer) << row.why;
        EXPECT_EQ(solo.raft.commit_index(), Index{row.commit}) << row.why;
        ASSERT_EQ(solo.raft.last_index(), Index{row.terms.size() + 1}) << row.why;
        for (std::size_t i = 0; i < row.terms.size(); ++i) {
            EXPECT_EQ(solo.raft.term_at(Index{i + 2}), Term{row.terms[i]}) << row.why;
        }
        EXPECT_FALSE(solo.broken_rule) << row.why;
    }
}

TEST(Append, an_acknowledgement_is_not_heard_before_the_entries_are_durable) {
    Solo solo{durable(1)};
    solo.receive(2, 1, MsgApp{at(1, 1), Index{1}, {entry(1, 2)}});
    EXPECT_TRUE(solo.take<MsgAppResp>().empty());
    solo.sync_one();
    EXPECT_EQ(solo.take<MsgAppResp>(2).size(), 1U);
}

TEST(Append, an_answer_without_entries_rests_on_writes_under_way) {
    Solo solo{durable(1)};
    solo.receive(2, 1, MsgApp{at(1, 1), Index{1}, {entry(1, 2)}});
    solo.receive(2, 1, MsgApp{at(1, 2), Index{2}, {}});
    EXPECT_TRUE(solo.take<MsgAppResp>().empty());
    solo.sync_one();
    EXPECT_EQ(solo.take<MsgAppResp>(2).size(), 2U);
}

TEST(Append, a_committed_entry_is_never_taken_back) {
    Solo solo{durable(2, {2, 2})};
    solo.receive(2, 2, MsgApp{at(2, 3), Index{3}, {}});
    ASSERT_FALSE(solo.raft.violation());
    solo.receive(3, 3, MsgApp{at(2, 3), Index{3}, {}});
    solo.receive(3, 3, MsgApp{at(1, 1), Index{3}, {entry(3, 2)}});
    EXPECT_FALSE(solo.raft.violation()) << "before the commit index it is not even looked at";
    EXPECT_EQ(solo.raft.term_at(Index{2}), Term{2});
}

TEST(Append, two_leaders_in_one_term_silence_a_member) {
    Solo solo{durable(1)};
    solo.lead();
    solo.receive(2, solo.raft.term().value(), MsgHeartbeat{});
    ASSERT_TRUE(solo.raft.violation());
    EXPECT_FALSE(solo.raft.next_deadline());
    EXPECT_FALSE(solo.raft.propose(solo.now, text("late")));
}

TEST(Append, a_replaced_tail_is_durable_only_with_its_own_write) {
    Solo solo{durable(1)};
    solo.receive(2, 1, MsgApp{at(1, 1), Index{1}, {entry(1, 2), entry(1, 3)}});
    solo.receive(3, 2, MsgApp{at(1, 1), Index{3}, {entry(2, 2), entry(2, 3)}});
    ASSERT_EQ(solo.writes.size(), 2U);
    EXPECT_TRUE(solo.writes[1].replaces_tail);
    solo.sync_one();
    EXPECT_EQ(solo.raft.stable_index(), Index{1});
    EXPECT_TRUE(solo.committed.empty());
    solo.sync_one();
    EXPECT_EQ(solo.raft.stable_index(), Index{3});
    EXPECT_EQ(solo.committed.size(), 2U);
}

TEST(Commit, a_lone_voter_commits_when_its_disk_has_it) {
    DurableState state = durable(1);
    state.snapshot->conf.voters = {RaftId{1}};
    Solo solo{state};
    solo.wait_for_election();
    solo.sync();
    ASSERT_TRUE(solo.raft.leads());
    solo.apply();
    ASSERT_TRUE(solo.raft.propose(solo.now, text("a")));
    solo.drain();
    EXPECT_TRUE(solo.committed.empty()) << "a crash now would lose it";
    solo.sync();
    ASSERT_EQ(solo.committed.size(), 1U);
    EXPECT_EQ(solo.committed[0].payload(), "a");
}

TEST(Commit, the_leaders_own_copy_counts_only_when_durable) {
    Solo solo{durable(1)};
    solo.lead();
    ASSERT_TRUE(solo.raft.propose(solo.now, text("a")));
    solo.drain();
    const Index last = solo.raft.last_index();
    solo.acknowledge(2);
    EXPECT_LT(solo.raft.commit_index(), last);
    solo.sync();
    EXPECT_EQ(solo.raft.commit_index(), last);
}

TEST(Commit, others_may_commit_before_the_leaders_own_disk) {
    Solo solo{durable(1)};
    solo.lead();
    ASSERT_TRUE(solo.raft.propose(solo.now, text("a")));
    solo.drain();
    solo.acknowledge(2);
    solo.acknowledge(3);
    EXPECT_EQ(solo.raft.commit_index(), solo.raft.last_index());
    EXPECT_LT(solo.raft.stable_index(), solo.raft.last_index());
    EXPECT_FALSE(solo.broken_rule) << *solo.broken_rule;
}

// Figure 8 of the paper: an entry of term 2 is on a majority, and a leader of term 4 must not
// commit it before an entry of its own, because a leader of term 3 could still replace it.
TEST(Commit, an_entry_of_an_older_term_is_not_committed_by_counting) {
    for (const bool sabotaged : {false, true}) {
        Config config;
        config.sabotage.commit_old_term = sabotaged;
        config.max_message_bytes = 1;
        Solo solo{durable(3, {2}), config};
        solo.lead();
        solo.receive(2, 4, MsgAppResp{Index{2}, std::nullopt});
        EXPECT_EQ(solo.raft.commit_index(), Index{sabotaged ? 2U : 1U});
        solo.receive(2, 4, MsgAppResp{Index{3}, std::nullopt});
        EXPECT_EQ(solo.raft.commit_index(), Index{3});
    }
}

TEST(Commit, proposals_of_one_batch_share_a_message_and_a_write) {
    Solo solo{durable(1)};
    solo.lead();
    solo.acknowledge(2);
    solo.acknowledge(3);
    solo.sync();
    solo.sent.clear();
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(solo.raft.propose(solo.now, text("a")));
    solo.drain();
    EXPECT_EQ(solo.writes.size(), 1U);
    const auto appends = solo.take<MsgApp>(2);
    ASSERT_EQ(appends.size(), 1U);
    EXPECT_EQ(appends[0].entries.size(), 10U);
}

TEST(Commit, a_full_window_stops_the_flow_and_an_answer_opens_it) {
    Config config;
    config.max_message_bytes = 1;
    config.max_inflight_messages = 3;
    Solo solo{durable(1), config};
    solo.lead();
    solo.acknowledge(2);
    solo.sync();
    solo.sent.clear();
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(solo.raft.propose(solo.now, text("a")));
    solo.drain();
    EXPECT_EQ(solo.take<MsgApp>(2).size(), 3U);
    solo.receive(2, 2, MsgAppResp{Index{4}, std::nullopt});
    EXPECT_EQ(solo.take<MsgApp>(2).size(), 2U);
    // Had all been lost, an empty append after a heartbeat's answer finds out.
    solo.receive(2, 2, MsgHeartbeatResp{});
    const auto probe = solo.take<MsgApp>(2);
    ASSERT_EQ(probe.size(), 1U);
    EXPECT_TRUE(probe[0].entries.empty());
    solo.receive(2, 2, MsgAppResp{probe[0].previous.index, at(2, 4)});
    EXPECT_EQ(solo.take<MsgApp>(2).at(0).previous, at(2, 4));
}

TEST(Commit, who_denies_what_it_acknowledged_is_asked_again_only_at_its_heartbeats) {
    Solo solo{durable(1)};
    solo.lead();
    solo.acknowledge(2);
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(solo.raft.propose(solo.now, text("a")));
        solo.drain();
    }
    solo.sent.clear();
    solo.receive(2, 2, MsgAppResp{Index{3}, at(1, 1)});
    EXPECT_EQ(solo.take<MsgApp>(2).at(0).previous, at(2, 2)) << "it has acknowledged as much";
    for (int i = 0; i < 3; ++i) {
        solo.receive(2, 2, MsgAppResp{Index{2}, at(1, 1)});
        EXPECT_TRUE(solo.take<MsgApp>(2).empty());
        solo.receive(2, 2, MsgHeartbeatResp{});
        EXPECT_EQ(solo.take<MsgApp>(2).size(), 1U);
    }
}

TEST(Commit, too_much_uncommitted_is_refused_and_counted_down) {
    Config config;
    config.max_uncommitted_bytes = 10;
    Solo solo{durable(1), config};
    solo.lead();
    EXPECT_TRUE(solo.raft.propose(solo.now, text(std::string(50, 'a'))))
        << "something is always let in";
    const auto refused = solo.raft.propose(solo.now, text("b"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::overloaded);
    solo.sync();
    solo.acknowledge(2);
    EXPECT_TRUE(solo.raft.propose(solo.now, text("b")));
}

TEST(Commit, followers_do_not_take_proposals) {
    Solo solo{durable(1)};
    const auto refused = solo.raft.propose(solo.now, text("a"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::not_leader);
}

TEST(Commit, a_slow_state_machine_is_not_flooded) {
    Config config;
    config.max_applying_bytes = 2;
    Solo solo{durable(2, {2, 2, 2, 2}), config};
    solo.receive(2, 2, MsgApp{at(2, 5), Index{5}, {}});
    EXPECT_EQ(solo.committed.size(), 2U);
    solo.drain();
    EXPECT_EQ(solo.committed.size(), 2U);
    solo.apply();
    EXPECT_EQ(solo.committed.size(), 2U);
}

}  // namespace
}  // namespace drover::raft
