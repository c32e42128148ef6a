// What a server finds in its store and its snapshot files, put together as it starts with it.
#pragma once

#include <string>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/server/server.hpp"
#include "engine/storage/kv_batch.hpp"
#include "io/snapshot_files.hpp"
#include "io/store.hpp"

namespace drover::agent::offline {

struct DiskContent {
    server::DurableState durable;
    storage::KvBatch repair;         // to be written before the server starts
    std::vector<std::string> notes;  // for the log
};
[[nodiscard]] Result<DiskContent> read_disk(const io::RocksStore& store,
                                            const io::SnapshotFiles& snapshots);

}  // namespace drover::agent::offline
