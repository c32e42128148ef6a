// See quorum.hpp.
#include "engine/raft/quorum.hpp"

namespace drover::raft {

VoteResult vote_result(const std::set<RaftId>& voters, const Votes& votes) {
    if (voters.empty()) return VoteResult::won;
    std::size_t granted = 0;
    std::size_t missing = 0;
    for (const RaftId id : voters) {
        const auto vote = votes.find(id);
        if (vote == votes.end()) {
            ++missing;
        } else if (vote->second) {
            ++granted;
        }
    }
    const std::size_t quorum = voters.size() / 2 + 1;
    if (granted >= quorum) return VoteResult::won;
    return granted + missing >= quorum ? VoteResult::pending : VoteResult::lost;
}

VoteResult vote_result(const ConfState& conf, const Votes& votes) {
    const VoteResult incoming = vote_result(conf.voters, votes);
    const VoteResult outgoing = vote_result(conf.voters_outgoing, votes);
    if (incoming == outgoing) return incoming;
    if (incoming == VoteResult::lost || outgoing == VoteResult::lost) return VoteResult::lost;
    return VoteResult::pending;
}

}  // namespace drover::raft
