// See peers_recovery.hpp.
#include "agent/offline/peers_recovery.hpp"

#include <algorithm>
#include <memory>
#include <system_error>
#include <utility>

#include "agent/offline/backup.hpp"
#include "agent/offline/read_disk.hpp"
#include "agent/release.hpp"
#include "engine/base/uuid.hpp"
#include "engine/schema/server.pb.h"
#include "engine/server/forced_members.hpp"
#include "engine/storage/layout.hpp"
#include "io/durable_file.hpp"

namespace drover::agent::offline {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t file_size_max = 1 << 20;
constexpr std::size_t uuid_length = 36;

fs::path raft_dir(const fs::path& data_dir) { return data_dir / "server" / "raft"; }
fs::path peers_file(const fs::path& data_dir) { return raft_dir(data_dir) / "peers.json"; }

struct Worked {
    PeersRecovery shown;
    server::WholeLog::Forced forced;
};

RecoveryMember member_of(const schema::ServerInfo& server, bool votes) {
    const auto id = Uuid::from_raw(server.id());
    return {id ? id->text() : "", server.address(), server.name(), votes};
}

Result<Uuid> own_id(const fs::path& data_dir) {
    const fs::path file = data_dir / "server" / "node-id";
    const auto text = io::read_file(file, 0, uuid_length);
    if (!text) return tl::unexpected{text.error()};
    const auto id = Uuid::from_text(*text);
    if (!id) {
        return fail(Errc::corrupt,
                    file.string() + ": not a UUID; restore it from a backup before the recovery");
    }
    return *id;
}

Result<server::DurableState> read_durable(const fs::path& data_dir) {
    const auto store = io::RocksStore::open_read_only(raft_dir(data_dir) / "store");
    if (!store && store.error().code == Errc::not_found) return server::DurableState{};
    if (!store) return tl::unexpected{store.error()};
    std::error_code error;
    fs::path snapshots = raft_dir(data_dir) / "snapshots";
    if (!fs::exists(snapshots, error)) snapshots = raft_dir(data_dir);  // where there are none
    auto found = read_disk(raft_dir(data_dir), **store, io::SnapshotFiles::at(snapshots));
    if (!found) return tl::unexpected{found.error()};
    return std::move(found->durable);
}

// None where there is no file.
Result<std::optional<Worked>> work_out(const fs::path& data_dir) {
    const auto text = io::read_file(peers_file(data_dir), 0, file_size_max);
    if (!text && text.error().code == Errc::not_found) return std::optional<Worked>{};
    if (!text) return tl::unexpected{text.error()};
    const auto self = own_id(data_dir);
    if (!self) return tl::unexpected{self.error()};
    const auto durable = read_durable(data_dir);
    if (!durable) return tl::unexpected{durable.error()};
    const auto whole = server::WholeLog::read(*durable);
    if (!whole) return tl::unexpected{whole.error()};
    const auto known = whole->servers();
    const auto members = server::parse_peers_file(*text, *self, known);
    if (!members) return tl::unexpected{members.error()};
    Worked worked{{}, whole->with_members(*members, std::string{release})};
    PeersRecovery& shown = worked.shown;
    shown.last_index = whole->end().index.value();
    shown.last_term = whole->end().term.value();
    shown.commit_index = durable->raft.hard.commit.value();
    shown.replayed = whole->applied();
    shown.jobs = whole->jobs();
    for (const auto& one : known) {
        const raft::RaftId id{one->raft_id()};
        if (whole->conf().contains(id)) {
            shown.before.push_back(member_of(*one, whole->conf().votes(id)));
        }
    }
    for (const auto& one : *members) shown.members.push_back(member_of(*one.server, one.votes));
    return std::optional<Worked>{std::move(worked)};
}

Result<void> write(const fs::path& data_dir, const server::WholeLog::Forced& forced) {
    const auto snapshots = io::SnapshotFiles::open(raft_dir(data_dir) / "snapshots");
    if (!snapshots) return tl::unexpected{snapshots.error()};
    const auto store = io::RocksStore::open(raft_dir(data_dir) / "store");
    if (!store) return tl::unexpected{store.error()};
    const auto& meta = forced.write.snapshot->meta;
    const auto saved = snapshots->save(meta.index.value(), meta.term.value(), forced.snapshot);
    if (!saved) return tl::unexpected{saved.error()};
    return (*store)->write(storage::encode(forced.write));
}

}  // namespace

Result<std::optional<PeersRecovery>> plan_peers_recovery(const fs::path& data_dir) {
    auto worked = work_out(data_dir);
    if (!worked) return tl::unexpected{worked.error()};
    if (!*worked) return std::optional<PeersRecovery>{};
    return std::optional<PeersRecovery>{std::move((*worked)->shown)};
}

Result<std::optional<PeersRecovery>> recover_by_peers_file(const fs::path& data_dir) {
    auto worked = work_out(data_dir);
    if (!worked) return tl::unexpected{worked.error()};
    if (!*worked) return std::optional<PeersRecovery>{};
    PeersRecovery& shown = (*worked)->shown;
    auto backup = back_up(raft_dir(data_dir));
    if (!backup) return tl::unexpected{backup.error()};
    shown.backup = std::move(*backup);
    if (auto written = write(data_dir, (*worked)->forced); !written) {
        return tl::unexpected{written.error()};
    }
    std::error_code error;
    const fs::path file = peers_file(data_dir);
    fs::remove(file, error);
    if (error) {
        return fail(Errc::internal, file.string() + ": cannot be removed: " + error.message() +
                                        "; the recovery is done, remove the file by hand");
    }
    if (auto synced = io::sync_directory(file.parent_path()); !synced) {
        return tl::unexpected{synced.error()};
    }
    return std::optional<PeersRecovery>{std::move(shown)};
}

}  // namespace drover::agent::offline
