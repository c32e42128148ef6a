// Tells the servers how the allocations fare: in batches, only the latest of each, again and again
// until it is acknowledged. A changed status leaves at once, other news waits for company.
//
// Nothing is told before the servers have told us what they believe, so that an agent that was
// restarted does not repeat what they know.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include "engine/base/uuid.hpp"
#include "engine/client/deadlines.hpp"
#include "engine/client/post.hpp"

namespace drover::client {

class ReportBatch {
public:
    explicit ReportBatch(Instant now) : window_start_{now} {}

    void offer(const Uuid& id, const schema::Allocation& report, Instant now);
    void withdraw(const Uuid& id);
    // What the servers believed at that index; a contradiction to what they acknowledged is told
    // again.
    void servers_believe(const schema::Allocation& allocation, std::uint64_t index, Instant now);
    void allow() { allowed_ = true; }
    // They want to hear once more how everything stands that has not ended.
    void repeat(Instant now);

    void advance(Post& post, Turn& turn);
    [[nodiscard]] std::optional<Instant> deadline(const Config& config) const;

    enum class Outcome : std::uint8_t { not_ours, taken, refused, node_unknown };
    Outcome on(const ResponseReceived& news, Turn& turn);
    bool on(const RequestFailed& news, Turn& turn);

private:
    // As it is sent: a node may hold hundreds, and they are compared more often than read.
    struct Report {
        std::string bytes;
        std::string client_status;
        bool judged{};  // healthy or not

        [[nodiscard]] schema::Allocation message() const;
        friend bool operator==(const Report& one, const Report& other) {
            return one.bytes == other.bytes;
        }
    };
    using ReportPtr = std::shared_ptr<const Report>;
    struct Slot {
        ReportPtr latest;
        ReportPtr acknowledged;
        std::uint64_t acknowledged_index{};
        std::uint64_t compared_index{};  // their copy that was last compared, with this report:
        ReportPtr compared;
        std::string contradicted;  // the servers' status that we have told them against already
        std::optional<Instant> waiting_since;
        bool urgent{};
        bool repeated{};  // to be told though it is known
    };
    struct Flight {
        Ticket ticket;
        std::map<Uuid, ReportPtr> reports;
    };

    static void refresh(Slot& slot, Instant now);
    void queue(const Uuid& id, const Slot& slot);
    void failed(const std::string& reason, Turn& turn);

    bool allowed_{};
    std::map<Uuid, Slot> slots_;
    std::set<Uuid> waiting_;   // slots whose latest is not acknowledged
    Deadlines urgent_, lazy_;  // since when those wait
    std::optional<Flight> flight_;
    std::uint32_t failures_{};  // in a row
    std::optional<Instant> retry_at_;
    Instant window_start_;  // the end of the interval that the last batch opened
};

}  // namespace drover::client
