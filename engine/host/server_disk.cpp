// See server_disk.hpp.
#include "engine/host/server_disk.hpp"

#include <memory>
#include <utility>

#include "engine/host/adaptor.hpp"
#include "engine/server/raft_version.hpp"
#include "engine/storage/layout.hpp"
#include "engine/storage/recovery.hpp"
#include "engine/storage/snapshot_file.hpp"

namespace drover::host {
namespace {

void add_report(wire::Created& created, server::Severity severity, std::string text) {
    wire::Report& report = *created.add_reports();
    report.set_severity(static_cast<std::uint32_t>(severity));
    report.set_text(std::move(text));
}

// Advisory: a mark that cannot be read is worth a word, and no more.
std::optional<raft::EntryId> read_mark(const wire::ServerDisk& disk, wire::Created& created) {
    if (!disk.has_mark()) return std::nullopt;
    auto mark = storage::decode_mark(disk.mark());
    if (mark) return *mark;
    add_report(created, server::Severity::warning,
               "the mark beside the store is passed over: " + mark.error().message);
    return std::nullopt;
}

}  // namespace

Result<server::DurableState> read_disk(const wire::ServerDisk& disk, wire::Created& created) {
    storage::Recovery recovery;
    for (const wire::Record& record : disk.records()) {
        if (auto fed = recovery.feed(record.key(), record.value()); !fed) {
            return tl::unexpected{fed.error()};
        }
    }
    auto recovered = recovery.finish(read_mark(disk, created));
    if (!recovered) return tl::unexpected{recovered.error()};
    fill_changes(*created.mutable_repair(), recovered->repair);
    for (std::string& note : recovered->notes) {
        add_report(created, server::Severity::warning, std::move(note));
    }
    server::DurableState durable;
    durable.raft = std::move(recovered->raft);
    if (disk.has_snapshot()) {
        const auto file = storage::SnapshotReader::parse(disk.snapshot());
        if (!file) return tl::unexpected{file.error()};
        durable.raft.snapshot = file->header().meta;
        durable.snapshot_bytes = std::make_shared<const std::string>(disk.snapshot());
    }
    return durable;
}

Result<void> guard_version(const wire::VersionFile& file, std::uint32_t configured,
                           wire::Created& created) {
    server::VersionFile found;
    if (!file.unreadable().empty()) found = server::VersionFileUnreadable{file.unreadable()};
    if (file.has_content()) found = server::VersionFileRead{file.content()};
    auto decision = server::decide_raft_version(found, configured, file.path());
    if (auto* refuse = std::get_if<server::RefuseVersion>(&decision)) {
        return fail(Errc::unsupported, std::move(refuse->line));
    }
    auto& start = std::get<server::StartWithVersion>(decision);
    created.set_version_file(std::move(start.content));
    for (server::Report& line : start.lines) {
        add_report(created, line.severity, std::move(line.text));
    }
    return {};
}

}  // namespace drover::host
