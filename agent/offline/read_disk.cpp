// See read_disk.hpp.
#include "agent/offline/read_disk.hpp"

#include <memory>
#include <utility>

#include "engine/storage/layout.hpp"
#include "engine/storage/recovery.hpp"
#include "engine/storage/snapshot_file.hpp"
#include "io/mark_file.hpp"
#include "io/read_ahead.hpp"

namespace drover::agent::offline {

std::filesystem::path mark_path(const std::filesystem::path& raft_dir) { return raft_dir / "mark"; }

std::optional<raft::EntryId> read_mark(const std::filesystem::path& raft_dir,
                                       std::vector<std::string>& notes) {
    const auto file = mark_path(raft_dir);
    const auto pass_over = [&](const std::string& why) {
        notes.push_back(file.string() + " is passed over: " + why +
                        "; an end of the log that is missing is not noticed this time");
        return std::nullopt;
    };
    const auto bytes = io::MarkFile::read(file);
    if (!bytes) return pass_over(bytes.error().message);
    if (!*bytes) return std::nullopt;
    const auto mark = storage::decode_mark(**bytes);
    if (!mark) return pass_over(mark.error().message);
    return *mark;
}

namespace {

Result<storage::RecoveredState> recover(const io::RocksStore& store,
                                        const std::optional<raft::EntryId>& mark) {
    storage::Recovery recovery;
    Result<void> fed{};
    auto visited = io::for_each_ahead(store, [&](std::string_view key, std::string_view value) {
        fed = recovery.feed(key, value);
        return fed.has_value();
    });
    if (!visited) return tl::unexpected{visited.error()};
    if (!fed) return tl::unexpected{fed.error()};
    return recovery.finish(mark);
}

// A server takes an older snapshot where a newer one is damaged, but only if the log goes on from
// there.
Result<void> check_reach(const raft::DurableState& raft, const io::SnapshotFiles::Loaded& loaded) {
    if (loaded.skipped.empty() || raft.base.index.value() <= loaded.file.index) return {};
    std::string reasons;
    for (const Error& error : loaded.skipped) reasons += error.message + "; ";
    return fail(Errc::corrupt,
                reasons + "the newest snapshot that can be loaded, " + loaded.file.path.string() +
                    ", ends with entry " + std::to_string(loaded.file.index) +
                    ", but the log begins after entry " + std::to_string(raft.base.index.value()) +
                    "; " + storage::start_afresh);
}

Result<void> add_snapshot(DiskContent& content, const io::SnapshotFiles& snapshots) {
    auto newest = snapshots.load_newest([](std::string_view bytes) -> Result<void> {
        const auto parsed = storage::SnapshotReader::parse(bytes);
        return parsed ? Result<void>{} : Result<void>{tl::unexpected{parsed.error()}};
    });
    if (!newest) return tl::unexpected{newest.error()};
    if (!*newest) return {};
    if (auto reaches = check_reach(content.durable.raft, **newest); !reaches) return reaches;
    content.durable.raft.snapshot = storage::SnapshotReader::parse((*newest)->bytes)->header().meta;
    content.durable.snapshot_bytes =
        std::make_shared<const std::string>(std::move((*newest)->bytes));
    for (const auto& skipped : (*newest)->skipped) {
        content.notes.push_back(skipped.message + "; the server starts from " +
                                (*newest)->file.path.filename().string() +
                                " and the log, and sets the damaged file aside");
    }
    content.damaged = std::move((*newest)->damaged);
    return {};
}

}  // namespace

Result<DiskContent> read_disk(const std::filesystem::path& raft_dir, const io::RocksStore& store,
                              const io::SnapshotFiles& snapshots) {
    std::vector<std::string> notes;
    auto recovered = recover(store, read_mark(raft_dir, notes));
    if (!recovered) {
        return fail(recovered.error().code, raft_dir.string() + ": " + recovered.error().message);
    }
    DiskContent content{
        {std::move(recovered->raft), {}}, std::move(recovered->repair), std::move(notes)};
    for (std::string& note : recovered->notes) content.notes.push_back(std::move(note));
    if (auto added = add_snapshot(content, snapshots); !added) {
        return tl::unexpected{added.error()};
    }
    return content;
}

}  // namespace drover::agent::offline
