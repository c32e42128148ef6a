// Timers: elections for those who follow, heartbeats and the quorum check for who leads.
#include <utility>

#include "engine/raft/raft.hpp"

namespace drover::raft {

void Raft::time_passed(Instant now) {
    if (violation_) return;
    now_ = now;
    if (leads()) return leader_time_passed(now);
    if (!promotable() || now < election_due()) return;
    timer_start_ = now;
    campaign(now);
}

std::optional<Instant> Raft::next_deadline() const {
    if (violation_) return std::nullopt;
    // Applying what was handed out may have set something in motion: it is to be drained at once.
    if (has_ready()) return now_;
    if (const auto* leader = leadership()) {
        const bool checks = config_.check_quorum || leader->transferee;
        return checks ? std::min(leader->heartbeat_due, leader->quorum_check_due)
                      : leader->heartbeat_due;
    }
    return promotable() ? std::optional{election_due()} : std::nullopt;
}

void Raft::leader_time_passed(Instant now) {
    auto& leader = std::get<Leader>(role_);
    if (now >= leader.quorum_check_due) {
        leader.quorum_check_due = now + config_.election_timeout();
        if (config_.check_quorum && !quorum_active()) {
            return become_follower(now, term_, std::nullopt);
        }
        last_contact_ = now;
        for (auto& [member, progress] : leader.progress) {
            if (!config_.check_quorum || member == id()) continue;
            progress.active_before = std::exchange(progress.recent_active, false);
        }
        give_up_transfer(now);
    }
    if (now >= leader.heartbeat_due) {
        leader.heartbeat_due = now + config_.heartbeat_interval();
        broadcast_heartbeat();
    }
}

bool Raft::quorum_active() const {
    Votes active;
    for (const auto& [member, progress] : std::get<Leader>(role_).progress) {
        active.emplace(member, member == id() || progress.recent_active);
    }
    return vote_result(conf_, active) == VoteResult::won;
}

}  // namespace drover::raft
