// Snapshot files: the checks of each part, and whether this release can load the whole.
#include <memory>
#include <system_error>

#include "agent/offline/parts.hpp"
#include "engine/server/snapshot.hpp"
#include "engine/storage/snapshot_file.hpp"
#include "io/durable_file.hpp"
#include "io/snapshot_files.hpp"

namespace drover::agent::offline {
namespace {

namespace fs = std::filesystem;

Result<void> look_inside(const io::SnapshotFile& file, ExaminedSnapshot& seen) {
    const auto bytes = io::SnapshotFiles::read(file, 0, static_cast<std::size_t>(file.size_bytes));
    if (!bytes) return tl::unexpected{bytes.error()};
    const auto reader = storage::SnapshotReader::parse(*bytes);
    if (!reader) return tl::unexpected{reader.error()};
    const auto& meta = reader->header().meta;
    seen.release = reader->header().release;
    for (const auto& section : reader->sections()) {
        ExaminedSection one{std::string{section.name}, section.records.size(), 0};
        for (const auto record : section.records) one.bytes += record.size();
        seen.sections.push_back(std::move(one));
    }
    if (meta.index.value() != file.index || meta.term.value() != file.term) {
        return fail(Errc::corrupt, "the file's name does not say what is inside: index " +
                                       std::to_string(meta.index.value()) + ", term " +
                                       std::to_string(meta.term.value()) +
                                       "; give the file its old name again");
    }
    const auto loaded =
        server::load_snapshot({meta, std::make_shared<const std::string>(*bytes)}, {});
    return loaded ? Result<void>{} : Result<void>{tl::unexpected{loaded.error()}};
}

void note_leftovers(const fs::path& directory, Examination& examined) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{directory, error}) {
        if (!entry.path().string().ends_with(io::temporary_suffix)) continue;
        examined.notes.push_back(entry.path().string() +
                                 " is left over from an interrupted save; the server removes it");
    }
}

}  // namespace

Result<void> examine_snapshots(const fs::path& directory, Examination& examined) {
    std::error_code error;
    if (!fs::exists(directory, error) && !error) return {};
    const auto files = io::SnapshotFiles::at(directory).list();
    if (!files) return tl::unexpected{files.error()};
    for (const io::SnapshotFile& file : *files) {
        ExaminedSnapshot seen{
            file.path.filename().string(), file.index, file.term, file.size_bytes, {}, {}, {}};
        if (const auto good = look_inside(file, seen); !good) {
            Finding finding =
                finding_of("server/raft/snapshots/" + seen.file, good.error().message);
            // A server takes the newest file that is sound, so that one bad file need not matter.
            finding.remedy =
                "move the file away: the server then starts from an older snapshot "
                "where the log still begins early enough; else " +
                std::string{start_afresh};
            seen.unusable = finding.problem;
            examined.findings.push_back(std::move(finding));
        }
        examined.snapshots.push_back(std::move(seen));
    }
    note_leftovers(directory, examined);
    return {};
}

}  // namespace drover::agent::offline
