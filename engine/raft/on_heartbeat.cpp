// Heartbeats and their answers: they keep followers quiet, tell the commit index, wake a stuck flow
// and confirm reads.
#include "engine/raft/raft.hpp"

namespace drover::raft {
namespace {

constexpr std::size_t lease_rounds_max = 64;  // unanswered; older ones would begin no lease

}  // namespace

void Raft::broadcast_heartbeat() {
    auto& leader = std::get<Leader>(role_);
    std::uint64_t round = leader.rounds.empty() ? 0 : leader.rounds.back().round;
    if (bounded_lease()) {
        round = ++leader.last_round;
        leader.lease_rounds.push_back({round, now_, {{id(), true}}});
        if (leader.lease_rounds.size() > lease_rounds_max) leader.lease_rounds.pop_front();
    }
    leader.round_open = false;
    for (auto& [member, progress] : leader.progress) {
        if (member == id()) continue;
        // Not beyond what the member is known to hold: the rest of its log may differ from ours.
        const Index commit = std::min(progress.match, log_.committed());
        send(member, MsgHeartbeat{commit, round});
        progress.sent_commit = commit;
    }
}

void Raft::on(Instant now, const Message& message, const MsgHeartbeat& body) {
    if (!follow(now, message.from)) return;
    log_.commit_to(body.commit);
    send(message.from, MsgHeartbeatResp{body.round});
}

void Raft::on(Instant now, const Message& message, const MsgHeartbeatResp& body) {
    auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr) return;
    const auto found = leader->progress.find(message.from);
    if (found == leader->progress.end()) return;
    Progress& progress = found->second;
    progress.recent_active = true;
    progress.paused_flow = false;
    if (progress.state == ProgressState::snapshot &&
        now >= progress.snapshot_sent + config_.tick * config_.snapshot_retry_ticks) {
        // The snapshot or the answer to it is lost, and no transport has said so.
        progress.pending_snapshot = Index{};
        progress.become_probe();
    }
    if (progress.match < log_.last_index() || progress.state == ProgressState::probe) {
        send_append(message.from);
    }
    if (body.round != 0) acknowledge_rounds(message.from, body.round);
}

}  // namespace drover::raft
