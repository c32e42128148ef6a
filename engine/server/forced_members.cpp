// See forced_members.hpp.
#include "engine/server/forced_members.hpp"

#include <algorithm>
#include <utility>

#include "engine/raft/conf_change.hpp"
#include "engine/raft/raft.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/schema/server.pb.h"
#include "engine/server/snapshot.hpp"

namespace drover::server {
namespace {

bool leads_through(const raft::DurableState& log, raft::EntryId id) {
    return log.base == id || std::any_of(log.entries.begin(), log.entries.end(),
                                         [&](const raft::Entry& one) { return one.id() == id; });
}

}  // namespace

Result<WholeLog> WholeLog::read(const DurableState& durable) {
    const raft::DurableState& raft = durable.raft;
    if (raft.empty()) {
        return fail(Errc::not_found,
                    "this server has neither a log nor a snapshot: there is "
                    "nothing to recover; name a server that has");
    }
    if (auto sound = raft::validate(raft); !sound) return tl::unexpected{sound.error()};
    WholeLog whole;
    whole.hard_ = raft.hard;
    whole.end_ = raft.base;
    if (raft.snapshot) {
        auto loaded = load_snapshot({*raft.snapshot, durable.snapshot_bytes}, {});
        if (!loaded) return tl::unexpected{loaded.error()};
        whole.state_ = std::move(loaded->state);
        whole.kept_ = std::move(loaded->kept);
        whole.conf_ = raft.snapshot->conf;
        whole.end_ = raft.snapshot->id();
    }
    // As a starting server does: a log that does not lead through the snapshot is an older one.
    if (raft.snapshot && !leads_through(raft, raft.snapshot->id())) return whole;
    for (const raft::Entry& entry : raft.entries) {
        if (entry.index.value() <= whole.state_.applied_index()) continue;
        if (auto done = whole.apply(entry); !done) return tl::unexpected{done.error()};
        whole.end_ = entry.id();
        ++whole.applied_;
    }
    return whole;
}

Result<void> WholeLog::apply(const raft::Entry& entry) {
    const std::string name = "entry " + std::to_string(entry.index.value());
    if (entry.kind == raft::EntryKind::conf_change) {
        const auto change = raft::decode_conf_change(entry.payload());
        if (!change) return fail(Errc::corrupt, name + ": " + change.error().message);
        // A refused change is as if it were not there, here as on every member.
        const raft::ConfState before = conf_;
        if (auto outcome = raft::changed(conf_, *change)) conf_ = std::move(outcome->conf);
        state_.apply_departures(entry.index.value(), raft::departed(before, conf_));
        return {};
    }
    if (entry.payload().empty()) {
        state_.apply_empty(entry.index.value());
        return {};
    }
    schema::Entry command;
    const std::string_view bytes = entry.payload();
    if (!command.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return fail(Errc::corrupt, name + " cannot be read; recover from another server");
    }
    const auto result = state_.apply(entry.index.value(), command);
    if (result.outcome != state::Applied::unknown) return {};
    return fail(Errc::unsupported, name + " is of type " + std::to_string(command.type()) +
                                       ", which this release does not know; recover with the "
                                       "release that the cluster ran");
}

std::vector<ServerInfoPtr> WholeLog::servers() const {
    const auto view = state_.view();
    std::vector<ServerInfoPtr> rows;
    for (const auto& row : view.servers()) rows.push_back(row);
    return rows;
}

std::size_t WholeLog::jobs() const {
    const auto view = state_.view();
    return view.tables().jobs.size();
}

WholeLog::Forced WholeLog::with_members(const std::vector<ForcedMember>& members,
                                        const std::string& release) const {
    raft::SnapshotMeta meta{end_.index, end_.term, {}};
    std::vector<state::ServerPtr> rows;
    for (const ForcedMember& member : members) {
        const raft::RaftId id{member.server->raft_id()};
        (member.votes ? meta.conf.voters : meta.conf.learners).insert(id);
        rows.push_back(member.server);
    }
    // Rows of servers that are gone would have the leader add them again.
    state::State state = state_;
    state.force_servers(rows);
    SaveSnapshot save;
    save.view = state.view();
    save.meta = meta;
    save.release = release;
    save.kept = kept_;
    Forced forced;
    forced.snapshot = snapshot_file(save);
    forced.write.hard = hard_;
    // The vote stays: in one term it is never given twice, whatever the group.
    if (end_.term > hard_.term) forced.write.hard = raft::HardState{end_.term, {}, {}};
    forced.write.hard->commit = end_.index;
    forced.write.log_start = end_;
    forced.write.snapshot = raft::Snapshot{meta, nullptr};
    return forced;
}

}  // namespace drover::server
