// Standing for election and winning it (paper 5.2, thesis 9.6 for the pre-vote).
#include <algorithm>
#include <utility>

#include "engine/base/ensure.hpp"
#include "engine/raft/raft.hpp"

namespace drover::raft {

void Raft::campaign(Instant now) {
    if (violation_) return;
    hup(now, config_.pre_vote ? Campaign::pre_election : Campaign::election);
}

void Raft::hup(Instant now, Campaign kind) {
    if (leads() || !promotable()) return;
    // The configuration that is about to be applied may not have us as a voter.
    if (log_.unapplied_conf_change()) return;
    start_campaign(now, kind);
}

void Raft::start_campaign(Instant now, Campaign kind) {
    const bool pre = kind == Campaign::pre_election;
    if (pre) {
        // Nothing but the role changes: neither term nor vote.
        role_ = PreCandidate{};
    } else {
        reset(now, next(term_));
        role_ = Candidate{};
        vote_ = id();
    }
    if (config_.campaign_ticks > 0) {
        timer_start_ = now;
        election_wait_ = between_once_and_twice(
            config_.tick * std::min(config_.campaign_ticks, config_.election_ticks));
    }
    const Term term = pre ? next(term_) : term_;
    std::set<RaftId> voters = conf_.voters;
    voters.insert(conf_.voters_outgoing.begin(), conf_.voters_outgoing.end());
    for (const RaftId voter : voters) {
        if (voter == id()) {
            // Our own vote counts when it is durable, like any other.
            if (pre) {
                send_after_write(term, voter, MsgPreVoteResp{true, {}});
            } else {
                send_after_write(term, voter, MsgVoteResp{true, {}});
            }
        } else if (pre) {
            send_at(term, voter, MsgPreVote{log_.last()});
        } else {
            send_at(term, voter, MsgVote{log_.last(), kind == Campaign::transfer});
        }
    }
}

void Raft::on(Instant now, const Message& message, const MsgVoteResp& body) {
    if (!body.granted) learn_commit(now, body.commit);
    auto* candidate = std::get_if<Candidate>(&role_);
    if (candidate != nullptr) tally(now, candidate->votes, message.from, body.granted);
}

void Raft::on(Instant now, const Message& message, const MsgPreVoteResp& body) {
    if (!body.granted) learn_commit(now, body.commit);
    auto* candidate = std::get_if<PreCandidate>(&role_);
    // A grant belongs to one election only; one for another term came late.
    const bool stale = body.granted && message.term != next(term_);
    if (candidate != nullptr && !stale) tally(now, candidate->votes, message.from, body.granted);
}

// An entry that we hold and somebody knows to be committed is committed.
void Raft::learn_commit(Instant now, EntryId commit) {
    if (!config_.learn_commit_from_refusals || leads()) return;
    if (commit.index <= log_.committed() || !log_.holds(commit)) return;
    log_.commit_to(commit.index);
    const bool stands = !std::holds_alternative<Follower>(role_);
    if (stands && log_.unapplied_conf_change()) become_follower(now, term_, std::nullopt);
}

void Raft::tally(Instant now, Votes& votes, RaftId from, bool granted) {
    votes.emplace(from, granted);  // the first word counts
    switch (vote_result(conf_, votes)) {
        case VoteResult::pending:
            return;
        case VoteResult::lost:
            return become_follower(now, term_, std::nullopt);
        case VoteResult::won:
            break;
    }
    if (std::holds_alternative<PreCandidate>(role_)) {
        start_campaign(now, Campaign::election);
    } else {
        become_leader(now);
    }
}

void Raft::become_leader(Instant now) {
    reset(now, term_);
    Leader leader;
    leader.first_own = next(log_.last_index());
    // There may be a configuration change among the entries that are not applied yet.
    leader.pending_conf_index = log_.last_index();
    leader.heartbeat_due = now + config_.heartbeat_interval();
    leader.quorum_check_due = now + config_.election_timeout();
    last_contact_ = now;
    for (const RaftId member : conf_.members()) {
        leader.progress.emplace(member, new_progress(leader.first_own));
    }
    Progress& own = leader.progress.at(id());
    own.match = log_.stable();
    own.become_replicate();
    own.recent_active = true;
    role_ = std::move(leader);
    // Entries of older terms are only committed along with one of ours (thesis 3.6.2).
    const auto appended = append_own(EntryKind::normal, nullptr);
    ENSURE(appended.has_value());
    broadcast_append();
}

}  // namespace drover::raft
