// Requests that have been taken and not been answered: who asked, where each stands, how much they
// weigh together, and when each must be looked at again. It decides nothing. Internal.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/base/time.hpp"
#include "engine/server/boundary.hpp"

namespace drover::server {

using RequestKey = std::uint64_t;

// Who asked: this server's host, another server, or this server itself.
struct OwnWork {
    friend auto operator<=>(const OwnWork&, const OwnWork&) = default;
};
struct PeerTicket {
    raft::RaftId peer;
    Ticket ticket;
    std::optional<raft::Term> term;  // the only one in which we may propose it
    friend auto operator<=>(const PeerTicket&, const PeerTicket&) = default;
};
using Origin = std::variant<Ticket, PeerTicket, OwnWork>;

enum class Phase : std::uint8_t {
    held,          // no leader is known, or ours is not ready: tried again
    forwarded,     // with another server; a write's fate is not known from here on
    proposed,      // in our log; its slot will show its fate
    reading,       // waits for a read index
    confirmed,     // waits until that index is applied
    parked,        // a blocking query that waits for a change
    planning,      // `job plan` that is being computed
    handing_over,  // leadership is on its way to another server
};

struct Pending {
    Origin origin;
    RequestPtr request;
    std::uint64_t bytes{};
    Phase phase = Phase::held;
    Instant deadline{};                   // then it is answered, whatever is known
    Instant hold_until{};                 // a leader must be found by then
    std::optional<Instant> park_until{};  // of a blocking query, from when it was asked
    std::optional<raft::RaftId> forwarded_to{};
    std::optional<raft::Term> forwarded_in{};  // the only term in which that server may propose it
    bool fate_hidden = false;         // our log does not show what became of what we passed on
    std::optional<Error> held_for{};  // what it waits for, where that is not a leader
    std::optional<raft::RaftId> successor{};  // while it is handing over
    std::uint64_t context{};                  // of its read index
    std::uint64_t read_index{};               // once it is confirmed
    std::string warnings{};
};

// The latest writes that other servers passed on and that were taken up here.
class TakenUp {
public:
    void add(const PeerTicket& ticket);
    void forget(const PeerTicket& ticket);
    [[nodiscard]] bool contains(const PeerTicket& ticket) const { return known_.contains(ticket); }

private:
    std::uint64_t last_ = 0;
    std::map<PeerTicket, std::uint64_t> known_;
    std::map<std::uint64_t, PeerTicket> order_;
};

class Requests {
public:
    // Keys go out to other servers as tickets: a server that starts again must not use those of its
    // former life, whose answers may still be on their way. So they count on from a random number.
    explicit Requests(RequestKey before_first) : last_{before_first} {}

    // The new request's key.
    RequestKey add(Pending pending);
    void erase(RequestKey key);
    [[nodiscard]] Pending* find(RequestKey key);
    [[nodiscard]] std::optional<RequestKey> of(const Origin& origin) const;
    [[nodiscard]] std::vector<RequestKey> in_phase(Phase phase) const;
    // The one that carries this request id and was forwarded.
    [[nodiscard]] std::optional<RequestKey> forwarded_with_id(const std::string& request_id) const;
    void note_forwarded(RequestKey key, const std::string& request_id);

    // One timer each.
    void wake_at(RequestKey key, Instant at);
    [[nodiscard]] std::vector<RequestKey> due(Instant now);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] std::size_t size() const { return pending_.size(); }

private:
    RequestKey last_;
    std::uint64_t bytes_ = 0;
    std::map<RequestKey, Pending> pending_;
    std::map<Origin, RequestKey> by_origin_;
    std::map<std::string, RequestKey> forwarded_ids_;
    std::map<RequestKey, std::string> id_of_forwarded_;
    std::map<RequestKey, Instant> timers_;
    std::set<std::pair<Instant, RequestKey>> order_;
};

}  // namespace drover::server
