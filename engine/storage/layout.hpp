// Where consensus keeps what, in an ordered store with atomic synced batches:
//
//   raft.base              the entry before the log's beginning: what an installed snapshot ends
//   with raft.cut               entries before this one were dropped since; the entry itself stays,
//   for
//                          its term
//   raft.hard              term, vote, commit
//   raft.log/<8 bytes>     one entry; the index is big endian, so that keys sort as entries do
//   raft.snap              index, term and configuration of the last installed snapshot
//
// A value is: format (1 byte), CRC-32C (4 bytes, little endian) over key, format and content, then
// the content. A record that was torn, rotted or put under another key does not pass its check.
//
// Pure: batches out, pairs in (recovery.hpp). It never decides when to write.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/result.hpp"
#include "engine/raft/types.hpp"
#include "engine/storage/kv_batch.hpp"

namespace drover::storage {

// All keys of consensus: first <= key < end.
struct KeyRange {
    std::string first;
    std::string end;
};
[[nodiscard]] KeyRange raft_keys();

// Synced, before its WriteCompleted. The snapshot in it, if any, has been saved as a file before.
[[nodiscard]] KvBatch encode(const raft::WriteLog& write);
// Drops entries before `through`, which consensus has compacted. Need not be synced.
[[nodiscard]] KvBatch encode_compaction(raft::Index through);

// The advisory mark, kept in a file apart from the store: the last entry known to be durable. It
// may lag; it only ever turns a silent cut into a stop. last_of() is where the log ends once this
// is written; none where that does not change.
[[nodiscard]] std::optional<raft::EntryId> last_of(const raft::WriteLog& write);
[[nodiscard]] std::string encode_mark(raft::EntryId durable);
[[nodiscard]] Result<raft::EntryId> decode_mark(std::string_view bytes);

// The keys and the reading of single records, for recovery, tools and tests.
inline constexpr std::string_view base_key = "raft.base";
inline constexpr std::string_view cut_key = "raft.cut";
inline constexpr std::string_view hard_key = "raft.hard";
inline constexpr std::string_view log_prefix = "raft.log/";
inline constexpr std::string_view snapshot_key = "raft.snap";
[[nodiscard]] std::string log_key(raft::Index index);
[[nodiscard]] Result<raft::Index> parse_log_key(std::string_view key);

[[nodiscard]] Result<raft::EntryId> decode_base(std::string_view key, std::string_view value);
[[nodiscard]] Result<raft::Index> decode_cut(std::string_view key, std::string_view value);
[[nodiscard]] Result<raft::HardState> decode_hard(std::string_view key, std::string_view value);
[[nodiscard]] Result<raft::Entry> decode_entry(std::string_view key, std::string_view value);
[[nodiscard]] Result<raft::SnapshotMeta> decode_snapshot_meta(std::string_view key,
                                                              std::string_view value);

}  // namespace drover::storage
