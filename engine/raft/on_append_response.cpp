// A member accepted or refused what the leader sent. The leader's own disk answers here too.
#include "engine/raft/raft.hpp"

namespace drover::raft {

void Raft::on(Instant, const Message& message, const MsgAppResp& body) {
    auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr) return;
    const auto found = leader->progress.find(message.from);
    if (found == leader->progress.end()) return;
    found->second.recent_active = true;
    if (body.rejected()) {
        on_rejected(message.from, found->second, body);
    } else if (body.index <= log_.last_index()) {
        on_accepted(message.from, found->second, body.index);
    }
}

// Each side skips what cannot agree, so that there is at most one probe for every term in the log:
// terms never fall along a log, so entries of ours with a term above the hint's cannot be there.
void Raft::on_rejected(RaftId from, Progress& progress, const MsgAppResp& body) {
    Index probe = body.hint->index;
    if (body.hint->term > Term{}) {
        probe =
            log_.find_conflict_by_term(std::min(probe, log_.last_index()), body.hint->term).index;
    }
    if (!progress.maybe_decrease(body.index, probe)) return;
    if (progress.state == ProgressState::replicate) progress.become_probe();
    send_append(from);
}

void Raft::on_accepted(RaftId from, Progress& progress, Index index) {
    const bool confirms_probe = progress.match == index && progress.state == ProgressState::probe;
    if (!progress.maybe_update(index) && !confirms_probe) return;
    switch (progress.state) {
        case ProgressState::probe:
            progress.become_replicate();
            break;
        case ProgressState::replicate:
            progress.inflights.free_through(index);
            break;
        case ProgressState::snapshot:
            // Whatever snapshot it has: enough that our log continues where it is.
            if (next(progress.match) >= log_.first_index()) progress.become_replicate();
            break;
    }
    if (maybe_commit()) {
        release_early_reads();
        broadcast_append();
    } else if (from != id() && progress.can_bump_commit(log_.committed())) {
        prompt(from);
    }
    if (from == id()) return;
    if (config_.coalesce) {
        prompt(from);
    } else {
        while (maybe_send_append(from, false)) {
        }
    }
    if (transferee() == from && progress.match == log_.last_index()) send(from, MsgTimeoutNow{});
}

}  // namespace drover::raft
