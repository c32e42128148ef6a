// The sliding window of appends that were sent to one follower and not yet acknowledged, limited in
// messages and in bytes.
#pragma once

#include <cstdint>
#include <deque>

#include "engine/raft/types.hpp"

namespace drover::raft {

class Inflights {
public:
    Inflights(std::uint64_t messages_max, std::uint64_t bytes_max)
        : messages_max_{messages_max}, bytes_max_{bytes_max} {}

    // A message whose last entry is `last` was sent. The window must not be full.
    void add(Index last, std::uint64_t size_bytes);
    // Everything through `index` has arrived.
    void free_through(Index index);
    void reset();

    // The byte limit may be passed by one message: else a big entry could never be sent.
    [[nodiscard]] bool full() const {
        return window_.size() >= messages_max_ || (bytes_max_ != 0 && bytes_ >= bytes_max_);
    }
    [[nodiscard]] std::uint64_t count() const { return window_.size(); }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
    struct Sent {
        Index last;
        std::uint64_t size_bytes;
    };
    std::uint64_t messages_max_;
    std::uint64_t bytes_max_;
    std::uint64_t bytes_{0};
    std::deque<Sent> window_;
};

}  // namespace drover::raft
