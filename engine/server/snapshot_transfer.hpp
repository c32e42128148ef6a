// Snapshots on their way to followers, in parts: a leader sends a window of them ahead, a follower
// says how much it holds without a hole, and what was lost on the way goes on from there. Nothing
// rests on a part before the whole file is there. Pure.
//
// What is asked and answered belongs to a round. A new one begins when nothing was heard for
// `patience`: its first part is a question, and the answer, whatever it was before, is where the
// sending goes on. So a cut link costs what was under way, and a receiver that lost everything by a
// crash begins anew.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/time.hpp"
#include "engine/raft/progress.hpp"
#include "engine/server/boundary.hpp"

namespace drover::server {

struct TransferLimits {
    std::uint64_t part_bytes = std::uint64_t{1} << 20;
    std::uint64_t window_bytes = std::uint64_t{8} << 20;  // under way and not confirmed
    Duration patience = std::chrono::milliseconds{500};
    std::uint32_t fruitless_rounds_max = 20;  // then nobody is there, and consensus asks again
    // How long the log is kept for a follower that holds the whole file and has yet to load it.
    Duration load_patience = std::chrono::seconds{60};
};

// Of one snapshot to one follower.
class SnapshotSending {
public:
    // `announcement` is a message of kind MsgSnap, with its data.
    SnapshotSending(raft::Message announcement, Instant now, TransferLimits limits);

    [[nodiscard]] raft::Index index() const { return snapshot_.meta.index; }
    void heard(Instant now, const SnapshotReceived& answer);
    // The parts that may leave now.
    [[nodiscard]] std::vector<SnapshotPart> due(Instant now);
    [[nodiscard]] Instant next_deadline() const { return deadline_; }
    // The follower holds all of it.
    [[nodiscard]] bool done() const { return done_; }
    [[nodiscard]] bool hopeless() const { return fruitless_ >= limits_.fruitless_rounds_max; }

private:
    void begin_round(Instant now);
    [[nodiscard]] SnapshotPart part();

    raft::Message announcement_;  // without the data
    raft::Snapshot snapshot_;
    TransferLimits limits_;
    std::uint64_t round_ = 0;
    std::uint32_t fruitless_ = 0;
    bool question_due_ = true;     // of this round
    bool answered_ = false;        // this round's question
    std::uint64_t confirmed_ = 0;  // bytes that the follower holds
    std::uint64_t next_ = 0;       // the first byte that was not sent in this round
    bool done_ = false;
    Instant deadline_;
};

// What a follower holds of the one snapshot that is on its way to it: its beginning, and up to 64
// parts that overtook others. In memory only, and no room is made before the bytes are there.
class SnapshotReceiving {
public:
    // How much of the snapshot is held after this part; a part of another one begins anew.
    [[nodiscard]] std::uint64_t take(const SnapshotPart& part);
    // The file, once it is whole; then nothing is held any more.
    [[nodiscard]] raft::SharedBytes take_whole();
    void forget() { held_.reset(); }
    [[nodiscard]] std::optional<raft::EntryId> receiving() const;

private:
    struct Held {
        raft::EntryId snapshot;
        std::uint64_t size{};
        std::uint32_t checksum{};
        std::string bytes;
        std::map<std::uint64_t, raft::Payload> ahead;  // by offset
    };
    static void append(Held& held, std::string_view more);

    std::optional<Held> held_;
};

// All that a leader sends. A follower is sent one snapshot at a time: one that is wanted while an
// older one is still under way is not begun, since the older one serves as well and is further on.
// To load a large file takes a follower longer than the log's trailing entries last: what comes
// after the snapshot is owed to it until it is fed from the log again.
class SnapshotTransfers {
public:
    explicit SnapshotTransfers(TransferLimits limits) : limits_{limits} {}

    void begin(Instant now, raft::Message announcement);
    void heard(Instant now, raft::RaftId from, const SnapshotReceived& answer);
    // Forgets followers that are fed from the log again, and those that took too long.
    void settle(Instant now, const std::map<raft::RaftId, raft::Progress>& followers);
    // Parts that may leave now, and followers on whom it was given up.
    struct Due {
        std::vector<SnapshotPart> parts;
        std::vector<raft::RaftId> unreachable;
    };
    [[nodiscard]] Due due(Instant now);
    [[nodiscard]] std::optional<Instant> next_deadline() const;
    // The entries after this one are what somebody will need next.
    [[nodiscard]] std::optional<raft::Index> oldest() const;
    void clear() {
        sending_.clear();
        delivered_.clear();
    }

private:
    struct Delivered {
        raft::Index index;
        Instant until;
    };
    TransferLimits limits_;
    std::map<raft::RaftId, SnapshotSending> sending_;
    std::map<raft::RaftId, Delivered> delivered_;
};

}  // namespace drover::server
