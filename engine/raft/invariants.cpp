// See invariants.hpp. Each rule is one line of a list, so that a failure names what it broke. Only
// the part of the log that may still change is walked: these run after every step.
#include "engine/raft/invariants.hpp"

namespace drover::raft {
namespace {

using Broken = std::optional<std::string>;

std::string name(const char* what, Index index) {
    return std::string{what} + " (index " + std::to_string(index.value()) + ")";
}

Broken broken_log(const Raft& raft) {
    const Log& log = raft.log();
    const Index last = log.last_index();
    if (log.stable() < log.base().index || log.stable() > last)
        return "stable lies outside the log";
    if (log.committed() < log.base().index) return "the base is not committed";
    if (log.committed() > last) return "more is committed than the log holds";
    if (log.applied() > log.applying()) return "more is applied than was handed out";
    if (log.applying() > log.committed()) return "something was handed out before it was committed";
    if (!log.snapshot_pending() && log.applied() < log.base().index) {
        return "entries left the log before they were applied";
    }
    if (!raft.config().apply_before_durable && !raft.config().sabotage.acknowledge_early &&
        log.applying() > log.stable()) {
        return "something was handed out before it was durable";
    }
    if (log.last().term > raft.term()) return "the log is of a later term than its owner";
    for (Index at = next(std::max(log.base().index, log.committed())); at <= last; at = next(at)) {
        if (log.at(at).index != at) return name("an entry lies in the wrong place", at);
        if (log.at(at).term < log.term_at(previous(at)).value_or(Term{})) {
            return name("the term falls along the log", at);
        }
    }
    return std::nullopt;
}

Broken broken_progress(const Raft& raft, RaftId member, const Progress& progress) {
    const std::string who = " of server " + std::to_string(member.value());
    if (!raft.conf().contains(member)) return "progress" + who + ", which is not a member";
    if (progress.match >= progress.next) return "match is not below next" + who;
    if (progress.match > raft.last_index()) return "match is beyond our own log" + who;
    if (progress.sent_commit > raft.commit_index()) return "a commit was sent that is none" + who;
    const bool in_snapshot = progress.state == ProgressState::snapshot;
    if (!in_snapshot && progress.pending_snapshot != Index{})
        return "a snapshot is forgotten" + who;
    if (progress.state != ProgressState::replicate && progress.inflights.count() != 0) {
        return "appends in flight outside of replication" + who;
    }
    return std::nullopt;
}

Broken broken_leader(const Raft& raft, const Leader& leader) {
    if (raft.vote() != raft.id()) return "a leader did not vote for itself";
    if (leader.first_own > raft.last_index()) return "a leader has no entry of its term";
    if (leader.first_own >= raft.first_index() && raft.term_at(leader.first_own) != raft.term()) {
        return "a leader's first entry is of another term";
    }
    for (const auto& [member, progress] : leader.progress) {
        if (auto broken = broken_progress(raft, member, progress)) return broken;
    }
    for (const RaftId voter : raft.conf().voters) {
        if (!leader.progress.contains(voter)) return "a voter without progress";
    }
    for (const RaftId learner : raft.conf().learners) {
        if (!leader.progress.contains(learner)) return "a learner without progress";
    }
    const auto own = leader.progress.find(raft.id());
    if (own != leader.progress.end() && own->second.match > raft.stable_index() &&
        !raft.config().sabotage.acknowledge_early) {
        return "a leader counts entries that its own disk has not confirmed";
    }
    std::uint64_t reads = leader.early_reads.size();
    for (const auto& round : leader.rounds) reads += round.reads.size();
    if (reads != leader.pending_reads) return "pending reads are counted wrongly";
    return std::nullopt;
}

}  // namespace

std::optional<std::string> broken_invariant(const Raft& raft) {
    if (raft.violation()) return raft.violation();
    if (auto broken = broken_log(raft)) return broken;
    if (const auto sound = validate(raft.conf()); !sound) return sound.error().message;
    if (raft.role() == Role::candidate && raft.vote() != raft.id()) {
        return "a candidate did not vote for itself";
    }
    const auto* leader = raft.leadership();
    return leader != nullptr ? broken_leader(raft, *leader) : std::nullopt;
}

std::optional<std::string> broken_invariant(const Raft& before, const Raft& after) {
    if (after.term() < before.term()) return "the term fell";
    if (after.commit_index() < before.commit_index()) return "the commit index fell";
    if (after.applied_index() < before.applied_index()) return "the applied index fell";
    if (after.log().base().index < before.log().base().index) return "the log's beginning fell";
    const Index committed = before.commit_index();
    if (committed >= after.log().base().index &&
        after.term_at(committed) != before.term_at(committed)) {
        return name("a committed entry was replaced", committed);
    }
    if (after.term() != before.term()) return std::nullopt;
    if (before.vote() && after.vote() != before.vote()) return "two votes in one term";
    if (before.leader() && after.leader() && before.leader() != after.leader()) {
        return "two leaders in one term";
    }
    if (before.leads() && after.role() != Role::leader && after.role() != Role::follower) {
        return "a leader stands for election in its own term";
    }
    if (before.leads() && after.leads()) {
        const Index last = before.last_index();
        if (last > after.last_index()) return "a leader removed entries of its own log";
        if (last >= after.log().base().index && after.term_at(last) != before.term_at(last)) {
            return name("a leader replaced an entry of its own log", last);
        }
    }
    return std::nullopt;
}

}  // namespace drover::raft
