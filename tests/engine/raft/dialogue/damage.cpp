#include "tests/engine/raft/dialogue/damage.hpp"

#include <map>
#include <utility>

#include "engine/raft/raft.hpp"
#include "engine/storage/layout.hpp"
#include "engine/storage/recovery.hpp"

namespace drover::raft::dialogue {
namespace {

using Records = std::map<std::string, std::string>;

Records written(const DurableState& disk) {
    WriteLog write;
    write.hard = disk.hard;
    write.log_start = disk.base;
    write.entries = disk.entries;
    const storage::KvBatch batch = storage::encode(write);
    Records records;
    for (const auto& change : batch.changes()) {
        if (const auto* put = std::get_if<storage::KvBatch::Put>(&change)) {
            records[put->key] = put->value;
        }
    }
    return records;
}

void harm(Records& records, const DurableState& disk, const Damage& damage) {
    std::uint64_t torn = damage.torn;
    for (auto entry = disk.entries.rbegin(); entry != disk.entries.rend() && torn > 0; ++entry) {
        std::string& record = records[storage::log_key(entry->index)];
        record.resize(record.size() / 2);
        --torn;
    }
    if (damage.rotten) {
        const auto record = records.find(storage::log_key(*damage.rotten));
        if (record != records.end()) record->second.back() ^= 1;
    }
}

}  // namespace

Result<Found> recovered(const DurableState& disk, const Damage& damage) {
    Records records = written(disk);
    harm(records, disk, damage);
    storage::Recovery recovery;
    for (const auto& [key, value] : records) {
        if (auto fed = recovery.feed(key, value); !fed) return tl::unexpected{fed.error()};
    }
    std::optional<EntryId> mark;
    if (damage.marked && !disk.entries.empty()) mark = disk.entries.back().id();
    auto read = recovery.finish(mark);
    if (!read) return tl::unexpected{read.error()};
    Found found{std::move(read->raft), std::move(read->notes)};
    found.state.snapshot = disk.snapshot;  // a file of its own
    if (auto sound = validate(found.state); !sound) return tl::unexpected{sound.error()};
    return found;
}

}  // namespace drover::raft::dialogue
