// The disk of one simulated server: an ordered store with atomic batches, and snapshot files.
// A batch is durable when its sync completes; a crash before that loses it. Batches complete in the
// order in which they were written.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/prng.hpp"
#include "engine/raft/types.hpp"
#include "engine/server/boundary.hpp"
#include "engine/server/server.hpp"
#include "engine/storage/kv_batch.hpp"
#include "sim/scenario.hpp"

namespace drover::sim {

class Disk {
public:
    // Begins a batch. finish() is to be called once for each, in order, when its sync is done.
    void begin(const raft::WriteLog& write);
    // The oldest begun batch is durable now.
    raft::WriteId finish();
    // Not synced by anybody: what a crash leaves of it does not matter to the protocol.
    void compact(raft::Index through);
    void save_snapshot(raft::Snapshot snapshot);

    // Loses what was not synced, or keeps a part of it, as real disks may.
    void crash(Persist persist, Prng& prng);

    [[nodiscard]] bool write_in_flight() const { return !unsynced_.empty(); }
    // What a starting server reads back, after the repairs that recovery asks for. An error is a
    // bug of layout or recovery: this disk never damages what was synced.
    [[nodiscard]] Result<server::DurableState> recover();

private:
    struct Batch {
        raft::WriteId write;
        storage::KvBatch changes;
        std::optional<raft::Snapshot> snapshot;
    };
    void apply(Batch batch);
    void apply(storage::KvBatch changes);

    std::map<std::string, std::string, std::less<>> durable_;
    std::shared_ptr<const raft::Snapshot> snapshot_;
    std::deque<Batch> unsynced_;
};

}  // namespace drover::sim
