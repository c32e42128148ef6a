// Snapshots: saving the own state now and then, and starting over from a leader's. See core.hpp.
#include <utility>

#include "engine/server/core.hpp"
#include "engine/server/snapshot.hpp"

namespace drover::server {

void Server::Core::maybe_save_snapshot(Step& step) {
    const std::uint64_t applied = view_.applied_index();
    if (saving_ || applied < snapshot_retry_) return;
    if (applied < snapshot_index_ + config_.snapshot_threshold_entries) return;
    const raft::Index index{applied};
    // Applied early, the log may still be on its way to the disk: a snapshot must not outrun it.
    if (raft_.stable_index() < index) return;
    const auto term = raft_.term_at(index);
    if (!term) return;
    SaveSnapshot save;
    save.work = WorkId{++last_work_};
    save.view = view_;
    save.meta = {index, *term, raft_.conf()};
    save.release = config_.self->release();
    save.kept = kept_sections_;
    saving_ = Saving{save.work, save.meta};
    step.emit(std::move(save));
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
    view_ = state_.view();
    snapshot_index_ = snapshot.meta.index.value();
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
