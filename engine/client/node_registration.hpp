// Makes the node known to the servers and keeps it alive in their eyes: registers, declares it
// ready, sends heartbeats in time, and begins anew when told that nobody knows it. Whatever happens
// here, tasks keep running.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

#include "engine/client/post.hpp"

namespace drover::client {

class NodeRegistration {
public:
    explicit NodeRegistration(Instant now) : last_success_{now}, phase_{Unregistered{now}} {}

    [[nodiscard]] bool registered() const;
    // When a heartbeat last reached the servers; the start of the agent before the first.
    [[nodiscard]] Instant last_success() const { return last_success_; }

    // The servers hold the node for less than ready: they want to hear how everything stands. True
    // once per such answer.
    [[nodiscard]] bool take_wish_for_reports() { return std::exchange(reports_wanted_, false); }
    // They have heard it: asks again, soon, to be held for ready.
    void reports_taken(Instant now);

    // Another part was told that the node is unknown.
    void forgotten(Turn& turn);
    void advance(Post& post, Turn& turn);
    [[nodiscard]] std::optional<Instant> deadline() const;

    // True where the answer was for this part.
    bool on(const ResponseReceived& news, Post& post, Turn& turn);
    bool on(const RequestFailed& news, Turn& turn);

private:
    struct Unregistered {
        Instant try_at;
    };
    struct Registering {
        Ticket ticket;
    };
    struct Resting {  // between two heartbeats
        Instant next_at;
    };
    struct Beating {
        Ticket ticket;
    };

    [[nodiscard]] bool awaits(Ticket ticket) const;
    void beat(Post& post, Turn& turn);
    void registration_failed(const std::string& reason, Turn& turn);
    void heartbeat_failed(const std::string& reason, bool no_leader, Turn& turn);

    std::uint32_t failures_{};  // in a row
    bool ever_beaten_{};
    bool ready_ = true;       // as far as we know
    bool hurried_{};          // this heartbeat came early, for the sake of readiness
    bool reports_wanted_{};
    Instant last_success_;
    Duration ttl_{};
    std::variant<Unregistered, Registering, Resting, Beating> phase_;
};

// How long to wait after a heartbeat that failed with `left` of the time to live: soon while there
// is hope to make it in time, seldom once the node is given up for lost anyway.
[[nodiscard]] Duration heartbeat_retry_delay(Duration left, Prng& prng);

}  // namespace drover::client
