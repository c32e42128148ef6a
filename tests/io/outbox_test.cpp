// What waits for a connection: order, turns and bounds.
#include <gtest/gtest.h>

#include "io/outbox.hpp"

namespace drover::io {
namespace {

constexpr std::size_t per_item = 64;  // charged beside the payload

// Payloads of whole messages in the order in which they complete at the other end.
std::vector<std::string> drained(Outbox& outbox, std::size_t step) {
    FrameDecoder decoder;
    std::vector<std::string> payloads;
    const auto collect = [&](Frame frame) {
        if (frame.kind != FrameKind::handshake) payloads.push_back(std::move(frame.payload));
    };
    EXPECT_TRUE(decoder.feed(encode_frames({FrameKind::handshake, 0, "hello"}), collect));
    while (!outbox.empty()) {
        std::string bytes;
        outbox.take(step, bytes, [](FrameKind, std::uint64_t) {});
        EXPECT_TRUE(decoder.feed(bytes, collect));
    }
    return payloads;
}

TEST(Outbox, the_oldest_messages_give_way_and_requests_do_not) {
    Outbox outbox{{1000, 3 * (per_item + 1), OutboxLimits::Order::first_come}};
    ASSERT_TRUE(outbox.push(FrameKind::request, 99, "request"));
    for (const char* text : {"1", "2", "3", "4", "5"}) {
        outbox.push_message(static_cast<std::uint64_t>(text[0]), text);
    }
    EXPECT_EQ(drained(outbox, 1), (std::vector<std::string>{"request", "3", "4", "5"}));
    EXPECT_EQ(outbox.bytes(), 0u);
}

TEST(Outbox, a_full_box_refuses_requests_until_something_has_left) {
    Outbox outbox{{per_item + 10, 1000, OutboxLimits::Order::first_come}};
    ASSERT_TRUE(outbox.push(FrameKind::request, 1, "0123456789"));
    EXPECT_FALSE(outbox.push(FrameKind::request, 2, "x"));
    EXPECT_EQ(drained(outbox, 1000).size(), 1u);
    EXPECT_TRUE(outbox.push(FrameKind::request, 3, std::string(1000, 'x')))
        << "alone, even a larger one passes";
}

TEST(Outbox, large_messages_take_turns_only_where_that_is_wanted) {
    const std::string large(3 * frame_payload_max, 'x');
    for (const auto order : {OutboxLimits::Order::first_come, OutboxLimits::Order::take_turns}) {
        Outbox outbox{{1 << 20, 1 << 20, order}};
        outbox.push_message(1, large);
        outbox.push_message(2, "small");
        const std::vector<std::string> payloads = drained(outbox, 1);
        ASSERT_EQ(payloads.size(), 2u);
        EXPECT_EQ(payloads[0] == "small", order == OutboxLimits::Order::take_turns);
    }
}

TEST(Outbox, only_what_has_not_begun_to_leave_can_be_taken_back) {
    Outbox outbox{{1 << 20, 1 << 20, OutboxLimits::Order::first_come}};
    ASSERT_TRUE(outbox.push(FrameKind::request, 1, std::string(2 * frame_payload_max, 'x')));
    ASSERT_TRUE(outbox.push(FrameKind::request, 2, "second"));
    std::vector<std::uint64_t> started;
    std::string bytes;
    outbox.take(1, bytes, [&](FrameKind, std::uint64_t stream) { started.push_back(stream); });
    EXPECT_EQ(started, std::vector<std::uint64_t>{1});
    EXPECT_FALSE(outbox.remove_untouched(FrameKind::request, 1));
    EXPECT_TRUE(outbox.remove_untouched(FrameKind::request, 2));
    EXPECT_FALSE(outbox.remove_untouched(FrameKind::request, 2));
}

}  // namespace
}  // namespace drover::io
