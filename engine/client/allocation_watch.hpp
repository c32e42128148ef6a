// Asks the servers, all the time, what this node should run: one blocking query after another. What
// the answer means is decided elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "engine/client/post.hpp"

namespace drover::client {

class AllocationWatch {
public:
    enum class Outcome : std::uint8_t {
        not_ours,     // the answer was for another part
        nothing_new,  // or nothing usable
        node_unknown,
        list,  // complete, and newer than the one before whatever its index: reads are
               // linearizable, and the index falls when the newest allocation is collected
    };

    explicit AllocationWatch(Instant now) : phase_{Resting{now}} {}

    // The node was registered with servers that did not know it (their counting may be another), or
    // they believe that more is known here than is.
    void forget_index() { index_ = known_ = 0; }
    [[nodiscard]] std::uint64_t index() const { return index_; }

    void advance(Post& post, Turn& turn);
    [[nodiscard]] std::optional<Instant> deadline() const;

    Outcome on(const ResponseReceived& news, Turn& turn);
    bool on(const RequestFailed& news, Turn& turn);

private:
    struct Resting {
        Instant next_at;
    };
    struct Asking {
        Ticket ticket;
        Instant since;
    };

    void failed(const std::string& reason, Turn& turn);

    std::optional<Instant> answered_at_;  // with news
    std::uint64_t index_{};
    std::uint64_t known_{};     // that of the last answer, where it was a list and no failure since
    std::uint32_t failures_{};  // in a row
    std::variant<Resting, Asking> phase_;
};

}  // namespace drover::client
