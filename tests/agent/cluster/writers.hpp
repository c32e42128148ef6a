// Clients of a cluster in this process: each writes through the port and the request path of a node
// agent, and writes again as soon as its last write is answered. They share one connection, as the
// tasks of one agent do.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace drover::agent::cluster {

// What a writer writes: the registration of a node of its own, anew, which becomes one log entry of
// about this size and asks for no evaluation.
inline constexpr std::size_t written_entry_bytes = 256;

class Writers {
public:
    // `server` is where its RPC port listens.
    Writers(const std::string& server, std::size_t count,
            std::size_t entry_bytes = written_entry_bytes);
    ~Writers();
    Writers(const Writers&) = delete;
    Writers& operator=(const Writers&) = delete;

    struct Measured {
        std::uint64_t commits{};
        std::uint64_t refused{};  // or not answered; the writer went on with the next
        double seconds{};
        double median_us{};  // of the commits' latencies
        [[nodiscard]] double per_second() const { return static_cast<double>(commits) / seconds; }
    };
    // Returns when every writer has its last answer: at least one each.
    [[nodiscard]] Measured write_for(std::chrono::milliseconds time);

    struct Offered {
        std::uint64_t offered{};
        std::uint64_t kept{};  // committed before it was over
        [[nodiscard]] double kept_part() const {
            return static_cast<double>(kept) / static_cast<double>(offered);
        }
    };
    // So many writes a second whether or not the earlier ones were answered, until `over`.
    [[nodiscard]] Offered offer(double per_second, const std::atomic<bool>& over);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

// Microseconds from a request of this size to its answer, over the same transport on loopback, one
// outstanding at a time: the median.
[[nodiscard]] double loopback_round_trip_us(std::size_t bytes);

}  // namespace drover::agent::cluster
