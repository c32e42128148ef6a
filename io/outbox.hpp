// What waits to be written on one connection: whole messages in, encoded pieces out. Pure.
//
// Bounded in bytes. Large messages go out in pieces; where interleaving is on they take turns with
// the others, so that none of them holds up the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "io/frame.hpp"

namespace drover::io {

struct OutboxLimits {
    std::size_t bytes_max{};
    std::size_t message_bytes_max{};  // of which one-way messages
    enum class Order : std::uint8_t { first_come, take_turns } order{Order::first_come};
};

class Outbox {
public:
    struct Item {
        FrameKind kind{};
        std::uint64_t stream{};
        std::string payload;
        std::size_t sent = 0;
    };
    // Told of an item whose first byte is about to leave.
    using Started = std::function<void(FrameKind kind, std::uint64_t stream)>;

    explicit Outbox(OutboxLimits limits) : limits_{limits} {}

    // Drops the oldest untouched one-way messages until this one fits.
    void push_message(std::uint64_t stream, std::string payload);
    // False when full: nothing was taken.
    [[nodiscard]] bool push(FrameKind kind, std::uint64_t stream, std::string payload);
    // For small frames whose number the protocol bounds already.
    void push_control(FrameKind kind, std::uint64_t stream, std::string payload = {});
    // Takes back an item of which nothing has left; false when there is none.
    bool remove_untouched(FrameKind kind, std::uint64_t stream);

    [[nodiscard]] bool empty() const { return items_.empty(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    // Appends encoded frames to `out` until it holds about `size` bytes or nothing is left.
    void take(std::size_t size, std::string& out, const Started& started);

private:
    void add(Item item);
    void drop(std::deque<Item>::iterator at);

    OutboxLimits limits_;
    std::deque<Item> items_;
    std::size_t bytes_ = 0;
    std::size_t message_bytes_ = 0;
};

}  // namespace drover::io
