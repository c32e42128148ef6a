// Being asked for a vote or for a pre-vote (paper 5.2 and 5.4.1). Learners answer too: one that was
// promoted may not have heard of it, and its vote may be the one that is missing.
#include "engine/raft/raft.hpp"

namespace drover::raft {

void Raft::on(Instant now, const Message& message, const MsgVote& body) {
    const bool free = vote_ == message.from || (!vote_ && !leader());
    if (!free || !log_.up_to_date(body.last)) {
        send_after_write(term_, message.from, MsgVoteResp{false, committed_id()});
        return;
    }
    send_after_write(term_, message.from, MsgVoteResp{true, {}});
    timer_start_ = now;
    vote_ = message.from;
}

void Raft::on(Instant, const Message& message, const MsgPreVote& body) {
    const bool free = message.term > term_ || vote_ == message.from || (!vote_ && !leader());
    if (!free || !log_.up_to_date(body.last)) {
        send_after_write(term_, message.from, MsgPreVoteResp{false, committed_id()});
        return;
    }
    // With the asked term: ours would make the asker take the grant for an old one. Neither our
    // term nor our timer moves: a member that can only pre-vote must not hold up elections.
    send_after_write(message.term, message.from, MsgPreVoteResp{true, {}});
}

}  // namespace drover::raft
