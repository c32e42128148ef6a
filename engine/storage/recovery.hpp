// What a starting server may believe of its disk. The host feeds every pair of raft_keys() in key
// order; what comes out has no holes, or it does not come out.
//
//   a bad last record            cut, and said so; but a stop if it is known to have been durable
//   a bad record before good ones  a stop, with index and remedy
//   a missing record              a stop: holes are not filled with guesses
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/raft/types.hpp"
#include "engine/storage/kv_batch.hpp"

namespace drover::storage {

// What an operator can do about a disk that must not be started from. A server that forgets what it
// has acknowledged may not come back under its old identity: its vote could undo a commit.
inline constexpr const char* start_afresh =
    "keep a copy of the directory. While the other servers have a majority, remove `server` from "
    "this server's data_dir and start it: it joins the others as a new server, and `operator raft "
    "remove-peer` takes the old one out. Otherwise restore `server/raft` from a backup";

struct RecoveredState {
    // `snapshot` is that of the store: the last one installed. A host that finds a newer file puts
    // that file's header here.
    raft::DurableState raft;
    KvBatch repair;                  // to be written, synced, before the server starts
    std::vector<std::string> notes;  // what was repaired, for the log
};

class Recovery {
public:
    // Keys that are not ours, or of a later release, are passed over.
    [[nodiscard]] Result<void> feed(std::string_view key, std::string_view value);
    // `mark`: the advisory high-water mark, if it could be read.
    [[nodiscard]] Result<RecoveredState> finish(std::optional<raft::EntryId> mark);

private:
    [[nodiscard]] Result<void> feed_entry(std::string_view key, std::string_view value);
    [[nodiscard]] Result<void> settle_base(RecoveredState& state);
    [[nodiscard]] Result<void> settle_tail(RecoveredState& state,
                                           std::optional<raft::EntryId> mark) const;

    std::string last_key_;
    raft::EntryId base_;
    raft::Index cut_;
    std::optional<raft::HardState> hard_;
    std::optional<raft::SnapshotMeta> snapshot_;
    std::vector<raft::Entry> entries_;
    std::optional<raft::Index> bad_;  // the first bad entry; nothing good may follow it
    std::string bad_reason_;
};

}  // namespace drover::storage
