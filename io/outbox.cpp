// The waiting line of one connection.
#include "io/outbox.hpp"

#include <algorithm>

namespace drover::io {
namespace {

// Charged beside the payload, so that a flood of empty messages is bounded too.
std::size_t cost(const Outbox::Item& item) { return item.payload.size() + 64; }

}  // namespace

void Outbox::push_message(std::uint64_t stream, std::string payload) {
    Item item{FrameKind::message, stream, std::move(payload)};
    const auto droppable = [](const Item& waiting) {
        return waiting.kind == FrameKind::message && waiting.sent == 0;
    };
    // One that alone exceeds the limit passes when no other waits: it would never fit.
    while (message_bytes_ > 0 && message_bytes_ + cost(item) > limits_.message_bytes_max) {
        const auto oldest = std::find_if(items_.begin(), items_.end(), droppable);
        if (oldest == items_.end()) return;  // only a half-sent one is left: drop the new one
        drop(oldest);
    }
    add(std::move(item));
}

bool Outbox::push(FrameKind kind, std::uint64_t stream, std::string payload) {
    Item item{kind, stream, std::move(payload)};
    if (bytes_ > 0 && bytes_ + cost(item) > limits_.bytes_max) return false;
    add(std::move(item));
    return true;
}

void Outbox::push_control(FrameKind kind, std::uint64_t stream, std::string payload) {
    add(Item{kind, stream, std::move(payload)});
}

bool Outbox::remove_untouched(FrameKind kind, std::uint64_t stream) {
    const auto found = std::find_if(items_.begin(), items_.end(), [&](const Item& item) {
        return item.kind == kind && item.stream == stream && item.sent == 0;
    });
    if (found == items_.end()) return false;
    drop(found);
    return true;
}

void Outbox::take(std::size_t size, std::string& out, const Started& started) {
    while (!items_.empty() && out.size() < size) {
        Item& item = items_.front();
        if (item.sent == 0) started(item.kind, item.stream);
        const std::size_t piece = std::min(item.payload.size() - item.sent, frame_payload_max);
        const bool more = item.sent + piece < item.payload.size();
        out += encode_frame_header(item.kind, item.stream, piece, more);
        out.append(item.payload, item.sent, piece);
        item.sent += piece;
        if (!more) {
            drop(items_.begin());
        } else if (limits_.order == OutboxLimits::Order::take_turns) {
            items_.push_back(std::move(item));
            items_.pop_front();
        }
    }
}

void Outbox::add(Item item) {
    bytes_ += cost(item);
    if (item.kind == FrameKind::message) message_bytes_ += cost(item);
    items_.push_back(std::move(item));
}

void Outbox::drop(std::deque<Item>::iterator at) {
    bytes_ -= cost(*at);
    if (at->kind == FrameKind::message) message_bytes_ -= cost(*at);
    items_.erase(at);
}

}  // namespace drover::io
