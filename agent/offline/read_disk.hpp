// What a server finds in its store, its mark and its snapshot files, put together as it starts with
// it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/raft/types.hpp"
#include "engine/server/server.hpp"
#include "engine/storage/kv_batch.hpp"
#include "io/snapshot_files.hpp"
#include "io/store.hpp"

namespace drover::agent::offline {

struct DiskContent {
    server::DurableState durable;
    storage::KvBatch repair;                  // to be written before the server starts
    std::vector<std::string> notes;           // for the log
    std::vector<io::SnapshotFile> damaged{};  // passed over for an older one
};
// `raft_dir` is where `store` and `snapshots` are, and the mark.
[[nodiscard]] Result<DiskContent> read_disk(const std::filesystem::path& raft_dir,
                                            const io::RocksStore& store,
                                            const io::SnapshotFiles& snapshots);

// Where a server notes how far its log is durable, beside the store.
[[nodiscard]] std::filesystem::path mark_path(const std::filesystem::path& raft_dir);
// None where there is no mark, or none that can be read: it is advisory, and that is a note.
[[nodiscard]] std::optional<raft::EntryId> read_mark(const std::filesystem::path& raft_dir,
                                                     std::vector<std::string>& notes);

}  // namespace drover::agent::offline
