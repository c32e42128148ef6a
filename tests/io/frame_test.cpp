// The frame codec and the handshake: what goes in comes out, in any cut, and nothing that a
// stranger sends costs more than the limits.
#include <gtest/gtest.h>

#include "engine/base/prng.hpp"
#include "io/frame.hpp"

namespace drover::io {
namespace {

const Handshake example{Lane::raft,       "cluster-1", "global", "node-1",
                        "127.0.0.1:4647", "0.1.0",     1,        2};

std::string introduction() {
    return encode_frames({FrameKind::handshake, 0, encode_handshake(example)});
}

Result<std::vector<Frame>> decode(std::string_view bytes, std::size_t cut,
                                  FrameLimits limits = {}) {
    FrameDecoder decoder{limits};
    std::vector<Frame> frames;
    while (!bytes.empty()) {
        const std::string_view piece = bytes.substr(0, cut);
        bytes.remove_prefix(piece.size());
        const Result<void> fed =
            decoder.feed(piece, [&](Frame frame) { frames.push_back(std::move(frame)); });
        if (!fed) return tl::unexpected<Error>{fed.error()};
    }
    return frames;
}

TEST(Frame, messages_survive_any_cut_of_the_stream) {
    const std::vector<Frame> sent{
        {FrameKind::handshake, 0, encode_handshake(example)},
        {FrameKind::message, 1, ""},
        {FrameKind::request, 7, "question"},
        {FrameKind::message, 2, std::string(3 * frame_payload_max + 5, 'x')},
        {FrameKind::ping, 0, ""},
    };
    std::string bytes;
    for (const Frame& frame : sent) bytes += encode_frames(frame);
    for (const std::size_t cut : {std::size_t{1}, std::size_t{3}, std::size_t{16}, std::size_t{17},
                                  std::size_t{4096}, bytes.size()}) {
        const Result<std::vector<Frame>> received = decode(bytes, cut);
        ASSERT_TRUE(received) << cut << ": " << received.error().message;
        EXPECT_EQ(*received, sent) << cut;
    }
}

TEST(Frame, messages_in_pieces_interleave) {
    const auto piece = [](std::uint64_t stream, const std::string& text, bool more) {
        return encode_frame_header(FrameKind::message, stream, text.size(), more) + text;
    };
    const std::string bytes = introduction() + piece(1, "a", true) + piece(2, "x", true) +
                              piece(1, "b", false) + piece(2, "y", false);
    const Result<std::vector<Frame>> received = decode(bytes, bytes.size());
    ASSERT_TRUE(received);
    ASSERT_EQ(received->size(), 3u);
    EXPECT_EQ((*received)[1], (Frame{FrameKind::message, 1, "ab"}));
    EXPECT_EQ((*received)[2], (Frame{FrameKind::message, 2, "xy"}));
}

TEST(Frame, a_truncated_stream_yields_only_what_is_whole) {
    const std::string bytes = introduction() + encode_frames({FrameKind::request, 1, "question"});
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        const auto received = decode(std::string_view{bytes}.substr(0, length), length + 1);
        ASSERT_TRUE(received) << length;
        EXPECT_EQ(received->size(), length < introduction().size() ? 0u : 1u) << length;
    }
}

TEST(Frame, what_breaks_the_rules_is_refused_with_a_reason) {
    const auto header = [](std::uint8_t kind, std::uint8_t flags, std::uint8_t reserved,
                           std::uint32_t length) {
        std::string bytes = encode_frame_header(static_cast<FrameKind>(kind), 1, length, false);
        bytes[1] = static_cast<char>(flags);
        bytes[2] = static_cast<char>(reserved);
        return bytes;
    };
    struct Row {
        const char* why;
        std::string bytes;
        const char* reason;
    };
    const Row rows[]{
        {"a stranger that speaks HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "unknown kind 71"},
        {"kind zero", header(0, 0, 0, 0), "unknown kind 0"},
        {"a kind of the future", introduction() + header(99, 0, 0, 0), "unknown kind 99"},
        {"nothing before the handshake", header(3, 0, 0, 0), "must be a handshake"},
        {"one handshake only", introduction() + introduction(), "second handshake"},
        {"reserved bits", introduction() + header(3, 0, 1, 0), "reserved"},
        {"unknown flags", introduction() + header(3, 2, 0, 0), "reserved"},
        {"an absurd length", introduction() + header(3, 0, 0, 0xffffffff), "length 4294967295"},
        {"one byte too long", introduction() + header(3, 0, 0, frame_payload_max + 1), "exceeds"},
        {"a large handshake", header(1, 0, 0, handshake_size_max + 1), "exceeds 4096"},
        {"a handshake in pieces", header(1, 1, 0, 1), "in pieces"},
    };
    for (const Row& row : rows) {
        const auto received = decode(row.bytes, row.bytes.size());
        ASSERT_FALSE(received) << row.why;
        EXPECT_EQ(received.error().code, Errc::corrupt) << row.why;
        EXPECT_NE(received.error().message.find(row.reason), std::string::npos)
            << row.why << ": " << received.error().message;
    }
}

TEST(Frame, unfinished_messages_cost_no_more_than_the_limits) {
    const std::string payload(1000, 'x');
    const auto piece = [&](std::uint64_t stream) {
        return encode_frame_header(FrameKind::message, stream, payload.size(), true) + payload;
    };
    struct Row {
        const char* why;
        FrameLimits limits;
        bool one_message;
    };
    const Row rows[]{
        {"one message that never ends", {10'000, 1'000'000, 1000}, true},
        {"many messages, bounded in bytes", {10'000, 20'000, 1000}, false},
        {"many messages, bounded in number", {10'000, 1'000'000, 10}, false},
    };
    for (const Row& row : rows) {
        FrameDecoder decoder{row.limits};
        Result<void> fed = decoder.feed(introduction(), [](const Frame&) {});
        std::size_t pieces = 0;
        while (fed && pieces < 1000) {
            fed = decoder.feed(piece(row.one_message ? 1 : pieces), [](const Frame&) {});
            ++pieces;
        }
        EXPECT_FALSE(fed) << row.why;
        EXPECT_LE(decoder.held_bytes(), 22'000u) << row.why;
        EXPECT_FALSE(decoder.feed("", [](const Frame&) {})) << row.why << ": broken for good";
    }
}

TEST(Frame, garbage_never_crashes_the_decoder) {
    Prng prng{11};
    for (int round = 0; round < 2000; ++round) {
        std::string bytes = introduction() + encode_frames({FrameKind::request, 1, "question"});
        for (std::uint64_t flips = 1 + prng.below(8); flips > 0; --flips) {
            bytes[prng.below(bytes.size())] = static_cast<char>(prng.below(256));
        }
        (void)decode(bytes, 1 + prng.below(bytes.size()));
    }
}

TEST(Handshake, round_trips_and_ignores_what_a_later_release_appends) {
    const std::string bytes = encode_handshake(example);
    ASSERT_TRUE(decode_handshake(bytes));
    EXPECT_EQ(*decode_handshake(bytes), example);
    EXPECT_EQ(*decode_handshake(bytes + "new fields"), example);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        EXPECT_FALSE(decode_handshake(std::string_view{bytes}.substr(0, length))) << length;
    }
}

TEST(Handshake, ends_agree_on_cluster_and_protocol_or_say_what_differs) {
    const auto side = [](const char* cluster, std::uint32_t low, std::uint32_t high) {
        return Handshake{Lane::general, cluster, "global", "n", "", "0.1.0", low, high};
    };
    struct Row {
        const char* why;
        Handshake ours;
        Handshake theirs;
        const char* reason;  // empty: accepted
    };
    const Row rows[]{
        {"equal", side("a", 1, 1), side("a", 1, 1), ""},
        {"overlapping releases", side("a", 1, 2), side("a", 2, 3), ""},
        {"a newcomer does not know the cluster yet", side("a", 1, 1), side("", 1, 1), ""},
        {"another cluster", side("a", 1, 1), side("b", 1, 1), "belongs to cluster b"},
        {"too old", side("a", 3, 4), side("a", 1, 2), "speaks protocols 1-2"},
        {"too new", side("a", 1, 2), side("a", 3, 4), "speaks protocols 3-4"},
    };
    for (const Row& row : rows) {
        const Result<void> checked = check_handshake(row.ours, row.theirs);
        EXPECT_EQ(checked.has_value(), *row.reason == '\0') << row.why;
        if (!checked) {
            EXPECT_NE(checked.error().message.find(row.reason), std::string::npos) << row.why;
        }
    }
}

}  // namespace
}  // namespace drover::io
