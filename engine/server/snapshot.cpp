// See snapshot.hpp.
#include "engine/server/snapshot.hpp"

#include <set>
#include <utility>
#include <vector>

#include "engine/storage/snapshot_file.hpp"

namespace drover::server {
namespace {

KeptSections keep(const std::vector<storage::SnapshotSection>& unknown) {
    KeptSections kept;
    for (const auto& section : unknown) {
        KeptSection one{std::string{section.name}, {}};
        for (const std::string_view record : section.records) one.records.emplace_back(record);
        kept.push_back(std::move(one));
    }
    return kept;
}

class Meter : public state::SnapshotSink {
public:
    void begin_section(std::string_view) override {}
    void add(std::string_view record) override {
        ++records_;
        bytes_ += record.size();
    }
    [[nodiscard]] std::size_t records() const { return records_; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    std::size_t records_{};
    std::size_t bytes_{};
};

class FileSink : public state::SnapshotSink {
public:
    explicit FileSink(storage::SnapshotWriter& writer) : writer_{writer} {}
    void begin_section(std::string_view name) override { writer_.begin_section(name); }
    void add(std::string_view record) override { writer_.add(record); }

private:
    storage::SnapshotWriter& writer_;
};

}  // namespace

std::string snapshot_file(const SaveSnapshot& save) {
    storage::SnapshotWriter writer{{save.release, save.view.feature_level(), save.meta}};
    // Measured first: a file of hundreds of megabytes that doubles as it grows is copied once more,
    // and held three times in the meantime.
    Meter meter;
    state::write_snapshot(save.view, meter);
    writer.reserve(meter.records(), meter.bytes());
    FileSink sink{writer};
    state::write_snapshot(save.view, sink);
    if (save.kept) {
        for (const KeptSection& section : *save.kept) {
            writer.begin_section(section.name, true);
            for (const std::string& record : section.records) writer.add(record);
        }
    }
    return writer.finish();
}

Result<LoadedSnapshot> load_snapshot(std::string_view bytes, state::StateConfig config) {
    const auto reader = storage::SnapshotReader::parse(bytes);
    if (!reader) return tl::unexpected{reader.error()};
    const auto names = state::snapshot_section_names();
    const auto unknown = reader->unknown_sections({names.begin(), names.end()});
    if (!unknown) return tl::unexpected{unknown.error()};
    std::vector<state::SnapshotSection> sections;
    for (const std::string_view known : names) {
        state::SnapshotSection section{std::string{known}, {}};
        if (const auto* stored = reader->section(known)) {
            for (const std::string_view record : stored->records) {
                section.records.emplace_back(record);
            }
            sections.push_back(std::move(section));
        }
    }
    auto state = state::read_snapshot(sections, config);
    if (!state) return tl::unexpected{state.error()};
    return LoadedSnapshot{std::move(*state), reader->header().meta,
                          std::make_shared<const KeptSections>(keep(*unknown))};
}

Result<LoadedSnapshot> load_snapshot(const raft::Snapshot& snapshot, state::StateConfig config) {
    auto loaded = load_snapshot(snapshot.data ? std::string_view{*snapshot.data} : "", config);
    if (!loaded) return loaded;
    const std::uint64_t index = snapshot.meta.index.value();
    if (loaded->meta == snapshot.meta && loaded->state.applied_index() == index) return loaded;
    return fail(Errc::corrupt,
                "the snapshot should end with entry " + std::to_string(index) +
                    ", but its file says " + std::to_string(loaded->meta.index.value()) +
                    " and holds the state at " + std::to_string(loaded->state.applied_index()) +
                    "; take another snapshot");
}

}  // namespace drover::server
