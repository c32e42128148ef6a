// Snapshots: saving the own state now and then, sending it to who needs it, and starting over from
// a leader's. See core.hpp.
#include <algorithm>
#include <utility>

#include "engine/server/core.hpp"
#include "engine/server/snapshot.hpp"

namespace drover::server {

bool Server::Core::snapshot_due() const {
    const std::uint64_t entries = view_.applied_index() - snapshot_index_;
    if (unsaved_bytes_ >= std::max(config_.snapshot_threshold_bytes, snapshot_size_)) return true;
    const bool large = snapshot_size_ > config_.snapshot_threshold_bytes;
    return entries >=
           (large ? std::max(config_.snapshot_entries_max, config_.snapshot_threshold_entries)
                  : config_.snapshot_threshold_entries);
}

// The newest snapshot of the own state, saved or installed, is this one.
void Server::Core::note_snapshot(raft::Index index, const raft::SharedBytes& file,
                                 std::uint64_t applied_since) {
    snapshot_index_ = index.value();
    snapshot_size_ = file ? file->size() : 0;
    unsaved_bytes_ = applied_since;
}

void Server::Core::maybe_save_snapshot(Step& step) {
    const std::uint64_t applied = view_.applied_index();
    if (saving_ || applied < snapshot_retry_ || !snapshot_due()) return;
    const raft::Index index{applied};
    // Applied early, the log may still be on its way to the disk: a snapshot must not outrun it.
    if (raft_.stable_index() < index) return;
    const auto term = raft_.term_at(index);
    if (!term) return;
    SaveSnapshot save = snapshot_at(index, *term);
    save.work = WorkId{++last_work_};
    saving_ = Saving{save.work, save.meta, unsaved_bytes_};
    step.emit(std::move(save));
}

SaveSnapshot Server::Core::snapshot_at(raft::Index index, raft::Term term) const {
    SaveSnapshot save;
    save.view = view_;
    save.meta = {index, term, raft_.conf()};
    save.release = config_.self->release();
    save.kept = kept_sections_;
    return save;
}

// An operator brought another state back: nothing that was known about the old one holds.
void Server::Core::restored(Step& step, const schema::StateRestoration& from) {
    KeptSections kept;
    for (const auto& section : from.sections()) {
        if (!section.ignorable()) continue;
        kept.push_back({section.name(), {section.records().begin(), section.records().end()}});
    }
    kept_sections_ = std::make_shared<const KeptSections>(std::move(kept));
    drop_leaders_work();
    for (const RequestKey key : requests_.in_phase(Phase::parked)) woken_.insert(key);
    step.report(Severity::warning, "the state of a snapshot took the place of ours at entry " +
                                       std::to_string(view_.applied_index()));
}

// What a follower that is being sent a snapshot needs next stays in the log, or it would need
// another snapshot at once.
void Server::Core::compact(Step& step) {
    if (snapshot_index_ <= config_.snapshot_trailing_entries) return;
    raft::Index through{snapshot_index_ - config_.snapshot_trailing_entries};
    if (const auto oldest = outgoing_.oldest()) through = std::min(through, *oldest);
    if (raft_.compact(through)) step.emit(CompactLog{through});
}

void Server::Core::send_snapshots(Step& step) {
    // What was sent before it arrived by the log is held for nothing.
    const auto incoming = receiving_.receiving();
    if (incoming && incoming->index <= raft_.commit_index()) receiving_.forget();
    if (!raft_.leads()) return outgoing_.clear();
    outgoing_.settle(step.now, *raft_.progress());
    SnapshotTransfers::Due due = outgoing_.due(step.now);
    for (SnapshotPart& part : due.parts) {
        const raft::RaftId to = part.announcement.to;
        step.emit(SendMessage{to, std::move(part)});
    }
    for (const raft::RaftId peer : due.unreachable) raft_.report_snapshot(peer, false);
}

void Server::Core::on(Step& step, raft::RaftId from, const SnapshotPart& part) {
    if (part.announcement.from != from || part.announcement.term < raft_.term()) return;
    const raft::EntryId snapshot =
        std::get<raft::MsgSnap>(part.announcement.body).snapshot.meta.id();
    std::uint64_t held = part.size;
    if (snapshot.index > raft_.commit_index()) {
        held = receiving_.take(part);
        if (raft::SharedBytes whole = receiving_.take_whole()) {
            raft::Message message = part.announcement;
            std::get<raft::MsgSnap>(message.body).snapshot.data = std::move(whole);
            hear(step, from, message);
        }
    } else {
        receiving_.forget();
        raft_.receive(step.now, part.announcement);  // answers that there is no need of it
    }
    step.emit(SendMessage{from, SnapshotReceived{snapshot, part.round, held}});
}

void Server::Core::install(Step& step, const raft::Snapshot& snapshot) {
    auto incoming = std::exchange(incoming_, std::nullopt);
    Result<LoadedSnapshot> loaded = incoming && incoming->data == snapshot.data
                                        ? Result<LoadedSnapshot>{std::move(incoming->loaded)}
                                        : load_snapshot(snapshot, state_config_);
    if (!loaded) {
        return halt(step, "the snapshot received at index " +
                              std::to_string(snapshot.meta.index.value()) +
                              " cannot be loaded: " + loaded.error().message);
    }
    state_ = std::move(loaded->state);
    kept_sections_ = std::move(loaded->kept);
    look_at_state();
    note_snapshot(snapshot.meta.index, snapshot.data, 0);
    if (raft_.conf().contains(raft_.id())) removed_ = false;
    // What the log held is gone, and with it the proof of what became of these.
    for (auto slot = slots_.begin(); slot != slots_.end();) {
        if (slot->first.index > snapshot_index_) {
            ++slot;
            continue;
        }
        if (slot->second.request) {
            refuse(step, *slot->second.request, Errc::unknown_outcome,
                   "this server lost leadership before the write was committed, and a snapshot has "
                   "taken the place of the log; read to see whether it took effect");
        }
        slot = slots_.erase(slot);
    }
    for (const RequestKey key : requests_.in_phase(Phase::forwarded))
        requests_.find(key)->fate_hidden = true;
    for (const RequestKey key : requests_.in_phase(Phase::parked)) woken_.insert(key);
    publish_peers(step);
}

}  // namespace drover::server
