// Messages survive the wire, and what is not a message is refused and never believed.
#include <gtest/gtest.h>

#include "engine/base/prng.hpp"
#include "engine/raft/raft.pb.h"
#include "engine/raft/wire.hpp"

namespace drover::raft {
namespace {

SharedBytes text(const char* bytes) { return std::make_shared<const std::string>(bytes); }

std::vector<Message> examples() {
    const EntryId id{Term{3}, Index{8}};
    const ConfState conf{
        {RaftId{1}, RaftId{2}}, {RaftId{4}}, {RaftId{1}, RaftId{3}}, {RaftId{3}}, true};
    const std::vector<MessageBody> bodies{
        MsgApp{id,
               Index{7},
               {{Term{3}, Index{9}, EntryKind::normal, text("abc")},
                {Term{4}, Index{10}, EntryKind::conf_change, nullptr}}},
        MsgApp{},
        MsgAppResp{Index{9}, std::nullopt},
        MsgAppResp{Index{9}, id},
        MsgAppResp{Index{}, EntryId{}},
        MsgVote{id, true},
        MsgVoteResp{true, {}},
        MsgVoteResp{false, id},
        MsgPreVote{id},
        MsgPreVoteResp{false, id},
        MsgHeartbeat{Index{5}, 77},
        MsgHeartbeatResp{77},
        MsgSnap{{{Index{12}, Term{3}, conf}, text("state")}},
        MsgTimeoutNow{},
        MsgTransferLeader{RaftId{2}},
        MsgReadIndex{42},
        MsgReadIndexResp{Index{5}, 42}};
    std::vector<Message> messages;
    for (const auto& body : bodies) messages.push_back({RaftId{1}, RaftId{2}, Term{5}, body});
    return messages;
}

TEST(Wire, every_message_comes_back_as_it_was) {
    for (const auto& message : examples()) {
        const auto back = decode(encode(message));
        ASSERT_TRUE(back) << message.body.index() << ": " << back.error().message;
        EXPECT_EQ(*back, message) << message.body.index();
    }
}

MsgApp two_entries() {
    return {{Term{3}, Index{8}},
            Index{7},
            {{Term{3}, Index{9}, EntryKind::normal, text("abc")},
             {Term{300}, Index{10}, EntryKind::conf_change, nullptr}}};
}

// Entries are written and read by hand; what every Protobuf library makes of them is the measure.
TEST(Wire, entries_are_written_as_protobuf_reads_them) {
    wire::Message read;
    ASSERT_TRUE(read.ParseFromString(encode({RaftId{1}, RaftId{2}, Term{300}, two_entries()})));
    EXPECT_EQ(read.append().previous().index(), 8U);
    EXPECT_EQ(read.append().commit(), 7U);
    ASSERT_EQ(read.append().entries_size(), 2);
    EXPECT_EQ(read.append().entries(0).index(), 9U);
    EXPECT_EQ(read.append().entries(0).data(), "abc");
    EXPECT_EQ(read.append().entries(1).term(), 300U);
    EXPECT_EQ(read.append().entries(1).kind(), 1U);
}

TEST(Wire, entries_are_read_as_protobuf_writes_them) {
    const Message message{RaftId{1}, RaftId{2}, Term{300}, two_entries()};
    wire::Message written;
    ASSERT_TRUE(written.ParseFromString(encode(message)));
    const std::string in_one_piece = written.SerializeAsString();
    EXPECT_NE(in_one_piece, encode(message));
    const auto back = decode(in_one_piece);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, message);
}

TEST(Wire, fields_of_a_later_release_are_passed_over_wherever_they_stand) {
    const Message message{RaftId{1}, RaftId{2}, Term{300}, two_entries()};
    wire::Message written;
    ASSERT_TRUE(written.ParseFromString(encode(message)));
    const auto add_unknown = [](google::protobuf::Message& one) {
        auto& unknown = *one.GetReflection()->MutableUnknownFields(&one);
        unknown.AddVarint(1000, 7);
        unknown.AddLengthDelimited(1001, "later");
        unknown.AddFixed64(1002, 7);
        unknown.AddGroup(1003)->AddVarint(1, 2);
    };
    add_unknown(written);
    add_unknown(*written.mutable_append());
    add_unknown(*written.mutable_append()->mutable_entries(0));
    const auto back = decode(written.SerializeAsString());
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, message);
}

TEST(Wire, a_message_that_ends_anywhere_too_early_is_refused_or_a_message_of_less) {
    const std::string whole = encode({RaftId{1}, RaftId{2}, Term{300}, two_entries()});
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto back = decode(std::string_view{whole}.substr(0, size));
        if (!back) continue;
        // Cut exactly before the entries.
        EXPECT_TRUE(std::get<MsgApp>(back->body).entries.empty()) << size;
    }
}

TEST(Wire, a_message_without_sender_is_refused) {
    const auto back = decode(encode({RaftId{0}, RaftId{2}, Term{1}, MsgTimeoutNow{}}));
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().code, Errc::corrupt);
}

TEST(Wire, entries_with_a_hole_are_refused) {
    const MsgApp hole{
        {Term{1}, Index{1}}, Index{}, {{Term{1}, Index{3}, EntryKind::normal, nullptr}}};
    EXPECT_FALSE(decode(encode({RaftId{1}, RaftId{2}, Term{1}, hole})));
    const MsgApp falling{
        {Term{2}, Index{1}}, Index{}, {{Term{1}, Index{2}, EntryKind::normal, nullptr}}};
    EXPECT_FALSE(decode(encode({RaftId{1}, RaftId{2}, Term{2}, falling})));
}

TEST(Wire, numbers_that_no_group_reaches_are_refused) {
    constexpr std::uint64_t huge = ~std::uint64_t{0};
    const auto append = [](EntryId previous, std::vector<Entry> entries) {
        return MsgApp{previous, Index{}, std::move(entries)};
    };
    ConfState crowd;
    for (std::uint64_t id = 1; id <= 2000; ++id) crowd.voters.insert(RaftId{id});
    ConfState one;
    one.voters.insert(RaftId{1});
    struct Row {
        const char* why;
        Message message;
    };
    const RaftId from{1};
    const RaftId to{2};
    const Row rows[]{
        {"a term after which there is no next", {from, to, Term{huge}, MsgHeartbeat{}}},
        {"an entry of a term that its sender has not reached",
         {from, to, Term{2}, append({}, {Entry{Term{3}, Index{1}, EntryKind::normal, nullptr}})}},
        {"a log of such a term", {from, to, Term{2}, append({Term{3}, Index{1}}, {})}},
        {"an index after which there is no next",
         {from, to, Term{2}, append({Term{1}, Index{huge}}, {})}},
        {"a snapshot of a later term",
         {from, to, Term{2}, MsgSnap{{{Index{5}, Term{3}, one}, nullptr}}}},
        {"a snapshot that ends beyond all measure",
         {from, to, Term{2}, MsgSnap{{{Index{huge}, Term{2}, one}, nullptr}}}},
        {"a configuration of two thousand servers",
         {from, to, Term{2}, MsgSnap{{{Index{5}, Term{2}, crowd}, nullptr}}}},
        {"a candidate whose log is ahead of its term",
         {from, to, Term{2}, MsgVote{{Term{huge}, Index{1}}, false}}},
    };
    for (const Row& row : rows) {
        const auto back = decode(encode(row.message));
        ASSERT_FALSE(back) << row.why;
        EXPECT_EQ(back.error().code, Errc::corrupt) << row.why;
    }
}

TEST(Wire, a_kind_of_a_later_release_is_told_apart_from_damage) {
    // Field 100, length-delimited, empty: nothing that this release has a name for.
    std::string bytes = encode({RaftId{1}, RaftId{2}, Term{1}, MsgTimeoutNow{}});
    bytes.resize(6);  // sender, receiver and term remain
    bytes += std::string{"\xa2\x06\x00", 3};
    const auto back = decode(bytes);
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().code, Errc::unsupported);
}

TEST(Wire, fields_of_a_later_release_are_passed_over) {
    const Message message{RaftId{1}, RaftId{2}, Term{1}, MsgHeartbeat{Index{4}, 2}};
    const auto back = decode(encode(message) + std::string{"\xa2\x06\x01z", 4});
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, message);
}

TEST(Wire, damaged_bytes_never_crash) {
    Prng prng{11};
    for (const auto& message : examples()) {
        const std::string whole = encode(message);
        for (int i = 0; i < 300; ++i) {
            std::string bytes = whole.substr(0, prng.below(whole.size() + 1));
            for (std::uint64_t n = prng.below(4); n > 0 && !bytes.empty(); --n) {
                bytes[prng.below(bytes.size())] = static_cast<char>(prng.next());
            }
            if (const auto back = decode(bytes)) (void)decode(encode(*back));
        }
    }
}

}  // namespace
}  // namespace drover::raft
