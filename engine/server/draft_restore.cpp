// A snapshot file that an operator brings back: checked whole before anything is proposed, and then
// proposed as what is inside, since a file's own index and members mean nothing to this log.
#include <set>
#include <utility>

#include "engine/server/draft.hpp"
#include "engine/server/snapshot.hpp"
#include "engine/storage/snapshot_file.hpp"

namespace drover::server {
namespace {

// It comes as one body over HTTP and becomes one entry of the log.
constexpr std::size_t file_bytes_max = std::size_t{30} << 20;

std::set<std::string> known_names() {
    std::set<std::string> names;
    for (const auto& one : state::write_snapshot(state::StateView{})) names.insert(one.name);
    return names;
}

}  // namespace

Result<Draft> draft_restore_snapshot(const DraftContext& context) {
    const std::string& file = context.request.restore_snapshot().file();
    if (file.size() > file_bytes_max) {
        return fail(Errc::invalid_argument,
                    "the snapshot has " + std::to_string(file.size()) + " bytes, and " +
                        std::to_string(file_bytes_max) +
                        " are the most that a running cluster takes; put the file into the "
                        "snapshots directory of a stopped server and use `operator raft recover`");
    }
    if (auto loaded = load_snapshot(file, {}); !loaded) {
        return fail(Errc::invalid_argument,
                    "the snapshot cannot be restored: " + loaded.error().message);
    }
    const auto reader = storage::SnapshotReader::parse(file);
    if (reader->header().feature_level > context.view.feature_level()) {
        return fail(Errc::unsupported, "the snapshot was taken at feature level " +
                                           std::to_string(reader->header().feature_level) +
                                           " and this cluster is at " +
                                           std::to_string(context.view.feature_level()) +
                                           "; bring it there first: `operator upgrade finalize`");
    }
    auto entry = entry_for(context);
    const std::set<std::string> known = known_names();
    for (const storage::SnapshotSection& section : reader->sections()) {
        auto& out = *entry->mutable_restore_state()->add_sections();
        out.set_name(std::string{section.name});
        out.set_ignorable(!known.contains(std::string{section.name}));
        for (const std::string_view record : section.records) out.add_records(std::string{record});
    }
    return Draft{sealed(std::move(entry))};
}

}  // namespace drover::server
