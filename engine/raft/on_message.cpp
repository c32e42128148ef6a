// What happens to every message before its kind matters: the rules of terms (paper 5.1), with the
// lease and the exceptions that pre-vote needs.
#include "engine/base/match.hpp"
#include "engine/raft/raft.hpp"

namespace drover::raft {
namespace {

template <class Body>
bool is(const Message& message) {
    return std::holds_alternative<Body>(message.body);
}

bool from_leader(const Message& message) {
    return is<MsgApp>(message) || is<MsgHeartbeat>(message) || is<MsgSnap>(message);
}

bool is_answer(const Message& message) {
    return is<MsgAppResp>(message) || is<MsgVoteResp>(message) || is<MsgPreVoteResp>(message) ||
           is<MsgHeartbeatResp>(message) || is<MsgReadIndexResp>(message);
}

}  // namespace

void Raft::receive(Instant now, const Message& message) {
    // Only we speak to ourselves, and not over the network.
    if (message.to != id() || message.from == id() || message.from == RaftId{}) return;
    // We ask members only. One that was removed meanwhile would, with the term of its own vain
    // elections, depose a leader that does not count on it any more.
    if (is_answer(message) && !conf_.contains(message.from)) return;
    step(now, message);
}

void Raft::step(Instant now, const Message& message) {
    if (violation_) return;
    now_ = now;
    if (message.term < term_) return answer_lower_term(message);
    if (message.term > term_ && !take_higher_term(now, message)) return;
    std::visit([&](const auto& body) { on(now, message, body); }, message.body);
}

// Heard from a leader less than the shortest election timeout ago: whoever wants to replace it is
// probably cut off or removed (thesis 4.2.3).
bool Raft::in_lease(Instant now) const {
    if (!config_.check_quorum) return false;
    // What it promised a leader before it started again it has forgotten, and must keep.
    if (bounded_lease() && now < started_ + config_.election_timeout()) return true;
    return leads() || (leader() && now < timer_start_ + config_.election_timeout());
}

bool Raft::take_higher_term(Instant now, const Message& message) {
    const auto* vote = std::get_if<MsgVote>(&message.body);
    const bool asks = vote != nullptr || is<MsgPreVote>(message);
    const bool forced = vote != nullptr && vote->transfer;
    if (asks && !forced && in_lease(now)) return false;
    if (is<MsgPreVote>(message)) return true;
    const auto* reply = std::get_if<MsgPreVoteResp>(&message.body);
    // A granted pre-vote carries the term of the election that may follow. A refused one carries
    // the refuser's, and teaches it to us.
    if (reply != nullptr && reply->granted) return true;
    become_follower(now, message.term,
                    from_leader(message) ? std::optional{message.from} : std::nullopt);
    return true;
}

void Raft::answer_lower_term(const Message& message) {
    if ((config_.check_quorum || config_.pre_vote) &&
        (is<MsgApp>(message) || is<MsgHeartbeat>(message))) {
        // A leader that our own, higher term keeps from reaching us: we cannot depose it by asking
        // for votes while others honour its lease, so we tell it our term.
        send_after_write(term_, message.from, MsgAppResp{});
    } else if (is<MsgPreVote>(message)) {
        // Silence could lock a group whose longer log sits at a lower term.
        send_after_write(term_, message.from, MsgPreVoteResp{false, committed_id()});
    }
}

bool Raft::follow(Instant now, RaftId leader) {
    last_contact_ = now;
    if (auto* follower = std::get_if<Follower>(&role_)) {
        timer_start_ = now;
        follower->leader = leader;
        return true;
    }
    if (leads()) {
        violate("server " + std::to_string(leader.value()) + " leads in term " +
                std::to_string(term_.value()) + " too");
        return false;
    }
    become_follower(now, term_, leader);
    return true;
}

}  // namespace drover::raft
