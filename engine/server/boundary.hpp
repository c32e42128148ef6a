// Everything a server can be told, and everything it can ask for. Inputs are things that happened;
// effects are imperatives, in the order in which the host must begin them. Nothing else crosses.
//
// Values are shared, never copied deep: a shared pointer in here points to something immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/base/strong.hpp"
#include "engine/base/time.hpp"
#include "engine/raft/message.hpp"
#include "engine/raft/types.hpp"
#include "engine/server/report.hpp"
#include "engine/state/view.hpp"

namespace drover::schema {
class Evaluation;
class Request;
class Response;
class SchedulerOutput;
class ServerInfo;
}  // namespace drover::schema

namespace drover::server {

using RequestPtr = std::shared_ptr<const schema::Request>;
using ResponsePtr = std::shared_ptr<const schema::Response>;

// Names one asked question at the host that asked it; the answer carries it back.
using Ticket = Strong<struct TicketTag>;
// Names one piece of heavy work that left the step as a value.
using WorkId = Strong<struct WorkIdTag>;

// ---- between servers

struct ForwardedRequest {
    Ticket ticket;  // the sender's
    RequestPtr request;
    // The receiver leads this term: it proposes the request in it or never. None: in any term.
    std::optional<raft::Term> term{};
};
struct ForwardedResponse {
    Ticket ticket;
    ResponsePtr response;
    std::optional<raft::Term> term{};  // of the request that it answers
};
// A part of the snapshot file that `announcement` (of kind MsgSnap, without its data) speaks of.
// See snapshot_transfer.hpp.
struct SnapshotPart {
    raft::Message announcement;
    std::uint64_t size{};      // bytes of the whole file
    std::uint32_t checksum{};  // of the whole file
    std::uint64_t round{};     // the sender's; comes back in the answer
    std::uint64_t offset{};
    raft::Payload bytes;
};
// How much of the file is held, from its beginning and without a hole.
struct SnapshotReceived {
    raft::EntryId snapshot;
    std::uint64_t round{};
    std::uint64_t bytes{};
};
// To a server that asks for anything without being a member: as of this entry, which the sender has
// applied, it is none. Who believes to be one by an older entry was removed, and was not reachable
// when the others were told.
struct NoMember {
    raft::Index index;
};
using PeerMessage = std::variant<raft::Message, ForwardedRequest, ForwardedResponse, SnapshotPart,
                                 SnapshotReceived, NoMember>;

// ---- inputs

struct TimePassed {};
struct PeerMessageReceived {
    raft::RaftId from;
    PeerMessage message;
};
struct RequestReceived {
    Ticket ticket;
    RequestPtr request;
};
// The asker has gone; its ticket will not be looked at again.
struct RequestAbandoned {
    Ticket ticket;
};
struct WriteCompleted {
    raft::WriteId write;
};
// The first failed write stops the server for good.
struct WriteFailed {
    raft::WriteId write;
    std::string reason;
};
struct PlanComputed {
    WorkId work;
    std::shared_ptr<const schema::SchedulerOutput> output;
};
// A snapshot file of SaveSnapshot is durable; its bytes serve followers that fell behind.
struct SnapshotSaved {
    WorkId work;
    std::shared_ptr<const std::string> bytes;
};
struct SnapshotFailed {
    WorkId work;
    std::string reason;
};
using Input =
    std::variant<TimePassed, PeerMessageReceived, RequestReceived, RequestAbandoned, WriteCompleted,
                 WriteFailed, PlanComputed, SnapshotSaved, SnapshotFailed>;

// ---- effects

// One atomic, synced batch (engine/storage lays it out); answered by WriteCompleted or WriteFailed.
// A snapshot in it is saved as a file, durably, before the batch is begun. At most one a step.
struct WriteLog {
    raft::WriteLog write;
};
// Entries up to and with this index may be dropped; need not be synced.
struct CompactLog {
    raft::Index through;
};
// May be lost, delayed or reordered. A forwarded request or response arrives at most once; the rest
// may be repeated too. Parts of snapshots are large: nothing else should have to wait for them.
struct SendMessage {
    raft::RaftId to;
    PeerMessage message;
};
struct Respond {
    Ticket ticket;
    ResponsePtr response;
};
// Run server::Planner::compute(this) on any thread; answered by PlanComputed.
struct ComputePlan {
    WorkId work;
    state::StateView view;
    std::shared_ptr<const schema::Evaluation> evaluation;
    WallTime wall;
    std::uint64_t seed{};
    std::uint64_t order{};  // see scheduler::PlanInputs
};
// A section of a snapshot that this release does not know, kept for the one that does.
struct KeptSection {
    std::string name;
    std::vector<std::string> records;
};
using KeptSections = std::vector<KeptSection>;
// Write the file snapshot_file(this) (snapshot.hpp), durably; its bytes may be made on any thread.
// Answered by SnapshotSaved or SnapshotFailed.
struct SaveSnapshot {
    WorkId work;
    state::StateView view;
    raft::SnapshotMeta meta;
    std::string release{};  // that writes it
    std::shared_ptr<const KeptSections> kept{};
};
// Run server::answer(this) on any thread and hand its response to the asker.
struct AnswerQuery {
    Ticket ticket;
    state::StateView view;
    RequestPtr request;
    Duration last_contact{};
    bool known_leader{};
    std::shared_ptr<const SaveSnapshot> file{};  // where a snapshot file is what was asked for
};
// Who the servers are and where they listen, whenever that changes.
struct UpdatePeers {
    std::vector<std::shared_ptr<const schema::ServerInfo>> servers;
};
// This server has stopped for good: it answers nothing and applies nothing from now on.
struct Halt {
    std::string reason;
};
using Effect = std::variant<WriteLog, CompactLog, SendMessage, Respond, AnswerQuery, ComputePlan,
                            SaveSnapshot, UpdatePeers, Report, Halt>;

}  // namespace drover::server
