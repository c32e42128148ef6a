// The vocabulary of consensus: numbers, entries, what is durable, and what a step gives back.
// Plain values; payloads are shared and immutable, so every copy is cheap.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/strong.hpp"

namespace drover::raft {

using RaftId = Strong<struct RaftIdTag>;  // minted once per server, never 0, never used again
using Term = Strong<struct TermTag>;
using Index = Strong<struct IndexTag>;  // the first entry has index 1; 0 is "before the log"
using WriteId = Strong<struct WriteIdTag>;

constexpr Term next(Term term) { return Term{term.value() + 1}; }
constexpr Index next(Index index) { return Index{index.value() + 1}; }
constexpr WriteId next(WriteId id) { return WriteId{id.value() + 1}; }
constexpr Term previous(Term term) { return Term{term.value() - 1}; }
constexpr Index previous(Index index) { return Index{index.value() - 1}; }
constexpr Index advanced(Index index, std::uint64_t by) { return Index{index.value() + by}; }
// Entries in (from, to]; `from` must not be greater.
constexpr std::uint64_t distance(Index from, Index to) { return to.value() - from.value(); }

// Names an entry: by the log matching property no two different entries share both numbers.
struct EntryId {
    Term term;
    Index index;
    friend auto operator<=>(const EntryId&, const EntryId&) = default;
};

// Bytes that nobody changes any more, in a string of their own.
using SharedBytes = std::shared_ptr<const std::string>;

// The bytes of an entry: a part of something that all who hold the entry share, such as the message
// in which it arrived. A log holds whole messages' worth of entries, so little is kept in vain.
class Payload {
public:
    Payload() = default;
    Payload(std::nullptr_t) {}
    Payload(SharedBytes whole)
        : bytes_{whole ? *whole : std::string_view{}}, owner_{std::move(whole)} {}
    // `part` lies inside `owner`.
    Payload(SharedBytes owner, std::string_view part) : bytes_{part}, owner_{std::move(owner)} {}

    [[nodiscard]] std::string_view view() const { return bytes_; }
    [[nodiscard]] std::size_t size() const { return bytes_.size(); }

private:
    std::string_view bytes_;
    SharedBytes owner_;
};

enum class EntryKind : std::uint8_t {
    normal = 0,       // the user's; an empty one is a leader's first entry and changes nothing
    conf_change = 1,  // conf_change.hpp says what is inside; handed to apply_conf_change
};

struct Entry {
    Term term;
    Index index;
    EntryKind kind{EntryKind::normal};
    Payload data;

    [[nodiscard]] EntryId id() const { return {term, index}; }
    [[nodiscard]] std::string_view payload() const { return data.view(); }
    [[nodiscard]] std::uint64_t size_bytes() const { return data.size(); }
    // Compares the payload's bytes, not its place in memory.
    friend bool operator==(const Entry& a, const Entry& b) {
        return a.id() == b.id() && a.kind == b.kind && a.payload() == b.payload();
    }
};

// Who takes part. Joint while voters_outgoing is not empty: then both majorities decide.
struct ConfState {
    std::set<RaftId> voters;
    std::set<RaftId> learners;
    std::set<RaftId> voters_outgoing;
    std::set<RaftId> learners_next;  // outgoing voters that become learners when the joint ends
    bool auto_leave{false};          // the leader ends the joint by itself

    [[nodiscard]] bool joint() const { return !voters_outgoing.empty(); }
    [[nodiscard]] bool votes(RaftId id) const {
        return voters.contains(id) || voters_outgoing.contains(id);
    }
    [[nodiscard]] bool contains(RaftId id) const { return votes(id) || learners.contains(id); }
    [[nodiscard]] std::set<RaftId> members() const {
        std::set<RaftId> all = voters;
        all.insert(voters_outgoing.begin(), voters_outgoing.end());
        all.insert(learners.begin(), learners.end());
        return all;
    }
    friend bool operator==(const ConfState&, const ConfState&) = default;
};

struct HardState {
    Term term;
    std::optional<RaftId> vote;
    Index commit;  // may lag behind what is known to be committed
    friend bool operator==(const HardState&, const HardState&) = default;
};

struct SnapshotMeta {
    Index index;  // the last entry inside
    Term term;
    ConfState conf;  // in force after that entry

    [[nodiscard]] EntryId id() const { return {term, index}; }
    friend bool operator==(const SnapshotMeta&, const SnapshotMeta&) = default;
};

struct Snapshot {
    SnapshotMeta meta;
    SharedBytes data;
};

// What a server finds on its disk when it starts.
struct DurableState {
    HardState hard;
    // The newest snapshot whose bytes the host holds. The state machine starts from it.
    std::optional<SnapshotMeta> snapshot;
    EntryId base;                // the entry before the first of `entries`; 0/0 where none is gone
    std::vector<Entry> entries;  // without holes

    [[nodiscard]] bool empty() const {
        return hard == HardState{} && !snapshot && base == EntryId{} && entries.empty();
    }
};

// One atomic, synced write. Writes complete in the order in which they were asked for.
struct WriteLog {
    WriteId write;
    std::optional<HardState> hard;
    // The log on disk is dropped whole and begins anew after this entry. Comes with every installed
    // snapshot, and alone where a snapshot file was found to be ahead of the log.
    std::optional<EntryId> log_start;
    // To be durable, as a file, before this batch is begun.
    std::optional<Snapshot> snapshot;
    std::vector<Entry> entries;
    // Entries on disk at entries.front() or after it are to be erased first. False where the host
    // only appends.
    bool replaces_tail{false};
};

enum class Role : std::uint8_t { follower, pre_candidate, candidate, leader };

struct SoftState {
    Role role{Role::follower};
    std::optional<RaftId> leader;
    friend bool operator==(const SoftState&, const SoftState&) = default;
};

// The answer to a read_index: once `index` is applied, a read that was asked before is
// linearizable.
struct ReadState {
    Index index;
    std::uint64_t context{};
    friend bool operator==(const ReadState&, const ReadState&) = default;
};

// Where a proposal was put. It is committed if and only if the entry that commits at `index` has
// this `term`.
struct Receipt {
    Term term;
    Index index;
    friend bool operator==(const Receipt&, const Receipt&) = default;
};

}  // namespace drover::raft
