// What a disk may hold that a member starts from, and what no correct member ever wrote.
#include <gtest/gtest.h>

#include "engine/raft/raft.hpp"

namespace drover::raft {
namespace {

Entry entry(std::uint64_t term, std::uint64_t index) {
    return {Term{term}, Index{index}, EntryKind::normal, nullptr};
}

SnapshotMeta snapshot(std::uint64_t term, std::uint64_t index) {
    return {Index{index}, Term{term}, {{RaftId{1}}, {}, {}, {}, false}};
}

TEST(DurableState, what_no_member_wrote_is_refused_with_the_reason) {
    struct Row {
        DurableState disk;
        const char* reason;
    };
    const EntryId none{};
    const Row rows[]{
        {{{Term{1}, {}, Index{}}, {}, none, {entry(1, 1), entry(1, 3)}}, "entry 2 is missing"},
        {{{Term{2}, {}, Index{}}, {}, none, {entry(2, 1), entry(1, 2)}}, "term falls at entry 2"},
        {{{Term{1}, {}, Index{9}}, {}, none, {entry(1, 1)}}, "entry 9 was committed"},
        {{{Term{1}, {}, Index{}}, {}, none, {entry(1, 1), entry(2, 2)}},
         "ends in term 2, but only term 1 was recorded"},
        {{{}, {}, none, {entry(2, 1)}}, "ends in term 2, but only term 0 was recorded"},
        {{{Term{1}, {}, Index{}}, snapshot(5, 7), {Term{5}, Index{7}}, {}},
         "ends in term 5, but only term 1 was recorded"},
        {{{Term{1}, {}, Index{}}, {}, {Term{1}, Index{4}}, {}}, "the log begins after entry 4"},
    };
    for (const Row& row : rows) {
        const auto checked = validate(row.disk);
        ASSERT_FALSE(checked) << row.reason;
        EXPECT_EQ(checked.error().code, Errc::corrupt);
        EXPECT_NE(checked.error().message.find(row.reason), std::string::npos)
            << checked.error().message;
    }
}

// Alone, so that it leads as soon as it stands and its disk has said so.
Raft start(const DurableState& disk) {
    EXPECT_TRUE(validate(disk));
    Config config;
    config.id = RaftId{1};
    Raft member{config, disk, Instant{}, Prng{1}};
    member.campaign(Instant{});
    while (member.has_ready()) {
        const Ready ready = member.drain(Instant{});
        if (ready.write) member.write_completed(Instant{}, ready.write->write);
        if (!ready.committed.empty()) member.applied(Instant{}, ready.committed.back().index);
    }
    EXPECT_TRUE(member.leads());
    return member;
}

TEST(DurableState, a_member_that_was_given_a_snapshot_stands_in_no_earlier_term) {
    const Raft member = start({{}, snapshot(5, 7), {Term{5}, Index{7}}, {}});
    EXPECT_EQ(member.term(), Term{5});
}

TEST(DurableState, a_snapshot_ahead_of_the_log_brings_its_term) {
    const Raft member = start({{Term{2}, {}, Index{1}}, snapshot(5, 7), {}, {entry(1, 1)}});
    EXPECT_EQ(member.term(), Term{6});
}

}  // namespace
}  // namespace drover::raft
