// How a leader brings its log to the others, and when an entry counts as committed.
#include <algorithm>
#include <utility>

#include "engine/base/ensure.hpp"
#include "engine/raft/raft.hpp"

namespace drover::raft {

Progress Raft::new_progress(Index next_index) const {
    return {next_index, Inflights{config_.max_inflight_messages, config_.max_inflight_bytes}};
}

void Raft::broadcast_append() {
    auto& leader = std::get<Leader>(role_);
    if (config_.coalesce) {
        leader.appends_due = true;
        return;
    }
    for (const auto& [member, progress] : leader.progress) {
        if (member != id()) send_append(member);
    }
}

void Raft::prompt(RaftId to) {
    if (config_.coalesce) {
        std::get<Leader>(role_).appends_due = true;
    } else {
        send_append(to);
    }
}

void Raft::send_due_appends() {
    auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr || !leader->appends_due) return;
    leader->appends_due = false;
    for (const auto& [member, progress] : leader->progress) {
        if (member == id()) continue;
        bool more = maybe_send_append(member, progress.can_bump_commit(log_.committed()));
        while (more) more = maybe_send_append(member, false);
    }
}

bool Raft::maybe_send_append(RaftId to, bool send_if_empty) {
    Progress& progress = std::get<Leader>(role_).progress.at(to);
    if (progress.paused()) return false;
    const Index before = previous(progress.next);
    const auto term = log_.term_at(before);
    if (!term) return maybe_send_snapshot(to, progress);
    MsgApp append{{*term, before}, log_.committed(), {}};
    // With a full window an empty append still goes out after each heartbeat's answer: if all that
    // filled it was lost, nothing else would ever find out.
    if (progress.state != ProgressState::replicate || !progress.inflights.full()) {
        append.entries = log_.slice(progress.next, log_.last_index(), config_.max_message_bytes);
    }
    if (append.entries.empty() && !send_if_empty) return false;
    std::uint64_t size = 0;
    for (const auto& entry : append.entries) size += entry.size_bytes();
    progress.sent_entries(append.entries.size(), size);
    progress.sent_commit = log_.committed();
    send(to, std::move(append));
    return true;
}

bool Raft::maybe_send_snapshot(RaftId to, Progress& progress) {
    // Nobody is there to take it, or there is none that the log continues.
    if (!progress.recent_active || !snapshot_) return false;
    if (snapshot_->meta.index < log_.base().index) return false;
    progress.become_snapshot(snapshot_->meta.index);
    progress.snapshot_sent = now_;
    send(to, MsgSnap{*snapshot_});
    return true;
}

bool Raft::maybe_commit() {
    auto& leader = std::get<Leader>(role_);
    const Index before = log_.committed();
    const Index agreed = committed_index(conf_, [&leader](RaftId member) {
        const auto found = leader.progress.find(member);
        return found == leader.progress.end() ? Index{} : found->second.match;
    });
    if (agreed <= before) return false;
    // Only entries of our own term are committed by counting replicas; older ones follow along. An
    // older one that a majority holds may still be replaced by a later leader (paper, figure 8).
    if (log_.term_at(agreed) != term_ && !config_.sabotage.commit_old_term) return false;
    log_.commit_to(agreed);
    const Index after = log_.committed();
    for (Index at = std::max(next(before), leader.first_own); at <= after; at = next(at)) {
        leader.uncommitted_bytes -= std::min(leader.uncommitted_bytes, log_.at(at).size_bytes());
    }
    return after > before;
}

void Raft::report_unreachable(RaftId peer) {
    auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr) return;
    const auto found = leader->progress.find(peer);
    // What was sent ahead is probably lost.
    if (found != leader->progress.end() && found->second.state == ProgressState::replicate) {
        found->second.become_probe();
    }
}

void Raft::report_snapshot(RaftId peer, bool delivered) {
    auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr) return;
    const auto found = leader->progress.find(peer);
    if (found == leader->progress.end()) return;
    Progress& progress = found->second;
    if (progress.state != ProgressState::snapshot) return;
    if (!delivered) progress.pending_snapshot = Index{};
    progress.become_probe();
    // Delivered, its answer comes first; lost, the next heartbeat's answer starts it again.
    progress.paused_flow = true;
}

}  // namespace drover::raft
