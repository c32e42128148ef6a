// How servers that do not know each other yet become one cluster: everything the join handshake can
// be told, everything it can ask for, and what is said between two servers.
//
// It runs beside the server and ends when the server is a member. Messages go to addresses, because
// identities are what the handshake is there to learn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/time.hpp"
#include "engine/base/uuid.hpp"

namespace drover::membership {

// What a server tells about itself.
struct Card {
    Uuid id;
    std::uint64_t raft_id{};  // membership.hpp: raft_id_of(id)
    std::string name;
    std::string region;
    std::string join_address;          // where this handshake listens
    std::string peer_address;          // where servers talk to each other once they are a cluster
    std::uint32_t bootstrap_expect{};  // 0: never forms a cluster, only joins one
    std::uint32_t raft_protocol{};
    std::string release;
    bool has_state{};           // belongs to a cluster already
    std::uint32_t level_min{};  // feature levels that it can work at; 0, 0: only the first
    std::uint32_t level_max{};
    friend bool operator==(const Card&, const Card&) = default;
};

// A word given, durably, to one coordinator: to take part in no other first cluster. A
// coordinator's attempts only rise, so that a message of an earlier one is told apart and changes
// nothing.
struct Promise {
    std::vector<Card> servers;  // ascending by id; the first one coordinates
    std::uint64_t attempt{};
    friend bool operator==(const Promise&, const Promise&) = default;
};

// What the host keeps durably for the handshake.
struct SavedPromise {
    std::optional<Promise> promise;
    std::uint64_t highest_attempt{};  // of any coordinator; our own next one lies above
    friend bool operator==(const SavedPromise&, const SavedPromise&) = default;
};

// ---- between servers; any of them may be lost, repeated or reordered

struct Hello {
    Card from;
    std::vector<Card> known;
    bool answer_wanted{};
};
struct PromiseRequested {
    Card from;
    Promise promise;
};
struct PromiseGiven {
    Uuid from;
    std::uint64_t attempt{};
};
// The answering server is bound to another coordinator.
struct PromiseRefused {
    Uuid from;
    std::uint64_t attempt{};
    Uuid bound_to;
};
// The coordinator has durably given up this attempt: whoever promised it is free again.
struct PromiseReleased {
    Uuid from;
    std::uint64_t attempt{};
};
// To a server with state: have me added to your cluster.
struct AdmissionRequested {
    Card from;
};
using Message = std::variant<Hello, PromiseRequested, PromiseGiven, PromiseRefused, PromiseReleased,
                             AdmissionRequested>;

// ---- inputs

struct TimePassed {};
struct MessageReceived {
    Message message;
};
struct PromiseSaved {};
// The server has found itself in its cluster's configuration, or was started with state.
struct BecameMember {};
using Input = std::variant<TimePassed, MessageReceived, PromiseSaved, BecameMember>;

// ---- effects

struct SendMessage {
    std::string address;
    Message message;
};
// Durable, synced, then answered by PromiseSaved; replaces what was saved before. One at a time.
struct SavePromise {
    SavedPromise saved;
};
// Start the server with exactly these as its first voters.
struct FormCluster {
    std::vector<Card> servers;
};
// Start the server without voters: an existing cluster will make contact.
struct AwaitCluster {};
// Hand RegisterServerRequest for this newcomer to the local server, which passes it to the leader.
struct AdmitServer {
    Card newcomer;
};
enum class Severity : std::uint8_t { info, warning };
struct Report {
    Severity severity;
    std::string text;
};
using Effect =
    std::variant<SendMessage, SavePromise, FormCluster, AwaitCluster, AdmitServer, Report>;

}  // namespace drover::membership
