// See read_disk.hpp.
#include "agent/offline/read_disk.hpp"

#include <memory>
#include <utility>

#include "engine/storage/recovery.hpp"
#include "engine/storage/snapshot_file.hpp"

namespace drover::agent::offline {

Result<DiskContent> read_disk(const io::RocksStore& store, const io::SnapshotFiles& snapshots) {
    storage::Recovery recovery;
    Result<void> fed{};
    auto visited = store.for_each("", "", [&](std::string_view key, std::string_view value) {
        fed = recovery.feed(key, value);
        return fed.has_value();
    });
    if (!visited) return tl::unexpected{visited.error()};
    if (!fed) return tl::unexpected{fed.error()};
    auto recovered = recovery.finish({});
    if (!recovered) return tl::unexpected{recovered.error()};
    DiskContent content{{std::move(recovered->raft), {}},
                        std::move(recovered->repair),
                        std::move(recovered->notes)};
    auto newest = snapshots.load_newest([](std::string_view bytes) -> Result<void> {
        const auto parsed = storage::SnapshotReader::parse(bytes);
        return parsed ? Result<void>{} : Result<void>{tl::unexpected{parsed.error()}};
    });
    if (!newest) return tl::unexpected{newest.error()};
    if (!*newest) return content;
    content.durable.raft.snapshot = storage::SnapshotReader::parse((*newest)->bytes)->header().meta;
    content.durable.snapshot_bytes =
        std::make_shared<const std::string>(std::move((*newest)->bytes));
    for (const auto& skipped : (*newest)->skipped) content.notes.push_back(skipped.message);
    return content;
}

}  // namespace drover::agent::offline
