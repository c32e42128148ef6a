// The configuration changes when the entry that says so is applied, on every member alike.
#include <utility>

#include "engine/raft/raft.hpp"

namespace drover::raft {

Result<ConfState> Raft::apply_conf_change(Instant now, const ConfChange& change) {
    auto outcome = changed(conf_, change);
    if (!outcome) return tl::unexpected{outcome.error()};
    switch_to(now, std::move(*outcome));
    return conf_;
}

void Raft::switch_to(Instant now, ConfOutcome outcome) {
    conf_ = std::move(outcome.conf);
    abstains_ = false;
    auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr) return;
    // Those who honour the lease need not be a quorum of the new configuration.
    leader->lease_since.reset();
    leader->lease_rounds.clear();
    std::erase_if(leader->progress, [&](const auto& one) {
        return !conf_.contains(one.first) || outcome.joined.contains(one.first);
    });
    for (const RaftId member : outcome.joined) {
        // Counted as active, or the quorum check could fail before it had a chance to speak.
        auto progress = new_progress(std::max(log_.last_index(), Index{1}));
        progress.recent_active = true;
        leader->progress.emplace(member, std::move(progress));
    }
    if (!conf_.votes(id())) {
        if (config_.step_down_on_removal) become_follower(now, term_, std::nullopt);
        return;
    }
    if (leader->transferee && !conf_.votes(*leader->transferee)) leader->transferee.reset();
    // A smaller quorum may have what it needs already; newcomers need not wait for a heartbeat.
    if (maybe_commit()) {
        release_early_reads();
        broadcast_append();
    } else if (config_.coalesce) {
        leader->appends_due = true;
    } else {
        for (const auto& [member, progress] : leader->progress) {
            if (member != id()) (void)maybe_send_append(member, false);
        }
    }
    answer_confirmed_rounds();
}

// A joint configuration that leaves by itself is left by whoever leads once it is in force. While a
// transfer runs the next leader does it.
void Raft::leave_joint_if_due(Instant) {
    auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr || violation_ || !conf_.auto_leave || leader->transferee) return;
    if (log_.applied() < leader->pending_conf_index || !leader->progress.contains(id())) return;
    const auto receipt = append_own(EntryKind::conf_change, nullptr);
    if (!receipt) return;
    leader->pending_conf_index = receipt->index;
    broadcast_append();
}

}  // namespace drover::raft
