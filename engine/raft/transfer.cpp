// Handing leadership to a named voter (thesis 3.10): bring its log up to date, stop proposing, and
// tell it to stand for election at once.
#include "engine/raft/raft.hpp"

namespace drover::raft {

Result<void> Raft::transfer_leadership(Instant now, RaftId target) {
    const auto name = std::to_string(target.value());
    auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr) {
        if (!this->leader()) {
            return fail(Errc::no_leader,
                        "there is no leader whose leadership could be transferred");
        }
        send(*this->leader(), MsgTransferLeader{target});
        return {};
    }
    if (target == id()) {
        return fail(Errc::invalid_argument, "server " + name + " is the leader already");
    }
    if (!conf_.votes(target) || conf_.learners.contains(target)) {
        return fail(Errc::invalid_argument,
                    "leadership cannot go to server " + name + ": it is not a voter");
    }
    if (leader->transferee == target) return {};
    leader->transferee = target;
    leader->lease_given_up = true;
    // It has one election timeout to succeed.
    leader->quorum_check_due = now + config_.election_timeout();
    if (leader->progress.at(target).match == log_.last_index()) {
        send(target, MsgTimeoutNow{});
    } else {
        send_append(target);
    }
    return {};
}

void Raft::give_up_transfer(Instant now) {
    auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr || !leader->transferee) return;
    leader->transferee.reset();
    leave_joint_if_due(now);
}

void Raft::on(Instant now, const Message&, const MsgTransferLeader& body) {
    if (leads()) (void)transfer_leadership(now, body.target);
}

// No pre-vote and no lease: the leader itself has asked for this.
void Raft::on(Instant now, const Message&, const MsgTimeoutNow&) {
    if (std::holds_alternative<Follower>(role_)) hup(now, Campaign::transfer);
}

}  // namespace drover::raft
