#include "sim/disk.hpp"

#include <utility>
#include <variant>

#include "engine/base/ensure.hpp"
#include "engine/base/match.hpp"
#include "engine/storage/layout.hpp"
#include "engine/storage/recovery.hpp"

namespace drover::sim {

void Disk::begin(const raft::WriteLog& write) {
    unsynced_.push_back(Batch{write.write, storage::encode(write), write.snapshot});
}

raft::WriteId Disk::finish() {
    ENSURE(!unsynced_.empty());
    Batch batch = std::move(unsynced_.front());
    unsynced_.pop_front();
    const raft::WriteId write = batch.write;
    apply(std::move(batch));
    return write;
}

void Disk::apply(Batch batch) {
    if (batch.snapshot) save_snapshot(std::move(*batch.snapshot));
    apply(std::move(batch.changes));
}

void Disk::apply(storage::KvBatch changes) {
    for (auto& change : std::move(changes).take_changes()) {
        std::visit(Match{[&](storage::KvBatch::Put& one) {
                             durable_.insert_or_assign(std::move(one.key), std::move(one.value));
                         },
                         [&](storage::KvBatch::Erase& one) { durable_.erase(one.key); },
                         [&](storage::KvBatch::EraseRange& one) {
                             const auto first = durable_.lower_bound(one.first);
                             const auto end =
                                 one.end.empty() ? durable_.end() : durable_.lower_bound(one.end);
                             durable_.erase(first, end);
                         }},
                   change);
    }
}

void Disk::compact(raft::Index through) { apply(storage::encode_compaction(through)); }

void Disk::save_snapshot(raft::Snapshot snapshot) {
    if (snapshot_ && snapshot_->meta.index >= snapshot.meta.index) return;
    snapshot_ = std::make_shared<const raft::Snapshot>(std::move(snapshot));
}

void Disk::crash(Persist persist, Prng& prng) {
    std::uint64_t kept = 0;
    if (persist == Persist::all) kept = unsynced_.size();
    if (persist == Persist::any) kept = prng.below(unsynced_.size() + 1);
    for (std::uint64_t i = 0; i < kept; ++i) apply(std::move(unsynced_[i]));
    unsynced_.clear();
}

Result<server::DurableState> Disk::recover() {
    storage::Recovery recovery;
    for (const auto& [key, value] : durable_) {
        if (auto fed = recovery.feed(key, value); !fed) return tl::unexpected{fed.error()};
    }
    auto recovered = recovery.finish({});
    if (!recovered) return tl::unexpected{recovered.error()};
    apply(recovered->repair);
    server::DurableState durable;
    durable.raft = std::move(recovered->raft);
    if (snapshot_) {
        durable.raft.snapshot = snapshot_->meta;
        durable.snapshot_bytes = snapshot_->data;
    }
    return durable;
}

}  // namespace drover::sim
