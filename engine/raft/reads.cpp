// Linearizable reads without a log entry (thesis 6.4): note the commit index, make sure that we
// still lead, and answer. Reads that come in one batch share one round of heartbeats.
#include <algorithm>
#include <utility>

#include "engine/raft/raft.hpp"

namespace drover::raft {

bool Raft::committed_in_own_term() const { return log_.term_at(log_.committed()) == term_; }

Result<void> Raft::read_index(Instant now, std::uint64_t context) {
    if (violation_) return fail(Errc::no_leader, "this server has stopped");
    now_ = now;
    if (const auto* leader = leadership()) {
        if (leader->pending_reads >= config_.max_pending_reads) {
            return fail(Errc::overloaded, std::to_string(leader->pending_reads) +
                                              " reads wait for a quorum: try again later");
        }
        ask_read({id(), context});
        return {};
    }
    if (!leader()) return fail(Errc::no_leader, "there is no leader that could confirm a read");
    send(*leader(), MsgReadIndex{context});
    return {};
}

void Raft::on(Instant, const Message& message, const MsgReadIndex& body) {
    const auto* leader = leadership();
    // One too many is dropped, like a lost message: its asker will ask again.
    if (leader == nullptr || leader->pending_reads >= config_.max_pending_reads) return;
    ask_read({message.from, body.context});
}

void Raft::on(Instant, const Message&, const MsgReadIndexResp& body) {
    reads_.push_back({body.index, body.context});
}

void Raft::ask_read(PendingRead read) {
    auto& leader = std::get<Leader>(role_);
    // What earlier leaders have committed is known for sure only with an entry of our own.
    if (!committed_in_own_term()) {
        ++leader.pending_reads;
        leader.early_reads.push_back(read);
        return;
    }
    const bool alone = conf_.voters.size() == 1 && !conf_.joint() && conf_.voters.contains(id());
    const bool leased = config_.read_only == ReadOnly::lease && (!bounded_lease() || lease_holds());
    if (alone || leased) return answer_read(read, log_.committed());
    if (!leader.round_open) {
        leader.rounds.push_back({++leader.last_round, Index{}, {}, {{id(), true}}});
        leader.round_open = true;
    }
    ++leader.pending_reads;
    leader.rounds.back().index = log_.committed();
    leader.rounds.back().reads.push_back(read);
}

bool Raft::lease_holds() const {
    const auto& leader = std::get<Leader>(role_);
    if (!leader.lease_since || leader.lease_given_up) return false;
    return now_ < *leader.lease_since + config_.election_timeout() - *config_.lease_drift;
}

void Raft::acknowledge_lease(RaftId from, std::uint64_t round) {
    auto& leader = std::get<Leader>(role_);
    auto& rounds = leader.lease_rounds;
    for (auto& one : rounds) {
        if (one.round == round) one.acknowledged[from] = true;
    }
    const auto newest = std::find_if(rounds.rbegin(), rounds.rend(), [&](const LeaseRound& one) {
        return vote_result(conf_, one.acknowledged) == VoteResult::won;
    });
    if (newest == rounds.rend()) return;
    leader.lease_since = newest->sent;
    rounds.erase(rounds.begin(), newest.base());
}

void Raft::answer_read(const PendingRead& read, Index index) {
    if (read.asker == id()) {
        reads_.push_back({index, read.context});
    } else {
        send(read.asker, MsgReadIndexResp{index, read.context});
    }
}

void Raft::release_early_reads() {
    auto& leader = std::get<Leader>(role_);
    if (leader.early_reads.empty() || !committed_in_own_term()) return;
    const auto reads = std::exchange(leader.early_reads, {});
    leader.pending_reads -= reads.size();
    for (const auto& read : reads) ask_read(read);
}

void Raft::acknowledge_rounds(RaftId from, std::uint64_t round) {
    acknowledge_lease(from, round);
    for (auto& open : std::get<Leader>(role_).rounds) {
        if (open.round <= round) open.acknowledged[from] = true;
    }
    answer_confirmed_rounds();
}

// An answer to a later round confirms the earlier ones, so they are confirmed in order.
void Raft::answer_confirmed_rounds() {
    auto& leader = std::get<Leader>(role_);
    while (!leader.rounds.empty() &&
           vote_result(conf_, leader.rounds.front().acknowledged) == VoteResult::won) {
        const ReadRound done = std::move(leader.rounds.front());
        leader.rounds.pop_front();
        if (leader.rounds.empty()) leader.round_open = false;
        leader.pending_reads -= done.reads.size();
        for (const auto& read : done.reads) answer_read(read, done.index);
    }
}

}  // namespace drover::raft
