// Handing over leadership because somebody asks for it: an operator who names the next leader, or a
// server that is about to stop and asks itself. Asked twice for the same leader, it is done once.
// See core.hpp.
#include <algorithm>
#include <utility>

#include "engine/server/core.hpp"

namespace drover::server {

void Server::Core::route_hand_over(Step& step, RequestKey key) {
    const schema::Request& request = *requests_.find(key)->request;
    const raft::RaftId wanted{request.transfer_leadership().raft_id()};
    const auto leader = leader_id();
    const bool anybody = wanted == raft::RaftId{};
    if (leader && (anybody ? *leader != raft_.id() : *leader == wanted)) {
        return tell_leader(step, key);
    }
    if (raft_.leads()) return hand_over(step, key);
    if (anybody) return refuse(step, key, Errc::no_leader, "this server does not lead");
    if (request.forwarded()) {
        return refuse(step, key, Errc::not_leader, "this server does not lead");
    }
    if (leader) return forward(step, key, *leader);
    hold(step, key);
}

void Server::Core::hand_over(Step& step, RequestKey key) {
    Pending& pending = *requests_.find(key);
    const raft::RaftId wanted{pending.request->transfer_leadership().raft_id()};
    if (wanted != raft::RaftId{} && !everybody_speaks_protocol_3()) {
        return refuse(step, key, Errc::conflict,
                      "leadership goes where it is told only once every server speaks Raft "
                      "protocol 3; `operator raft list-peers` shows who does not");
    }
    const auto successor = wanted == raft::RaftId{} ? best_successor() : wanted;
    if (!successor) {
        return refuse(step, key, Errc::conflict,
                      "leadership stays where it is: no other voter is in reach");
    }
    const auto begun = raft_.transfer_leadership(step.now, *successor);
    if (!begun) return refuse(step, key, begun.error().code, begun.error().message);
    pending.phase = Phase::handing_over;
    handing_over_.insert(key);
    pending.successor = successor;
    requests_.wake_at(key, pending.deadline);
}

// The voter that lacks the least, of those that were heard of lately; of equals, one that was heard
// of since the last quorum check. Just after a check nobody was.
std::optional<raft::RaftId> Server::Core::best_successor() const {
    std::optional<raft::RaftId> best;
    std::pair<raft::Index, bool> merits;
    for (const auto& [member, progress] : *raft_.progress()) {
        if (member == raft_.id() || !raft_.conf().votes(member)) continue;
        if (!progress.recent_active && !progress.active_before) continue;
        const std::pair theirs{progress.match, progress.recent_active};
        if (best && theirs <= merits) continue;
        best = member;
        merits = theirs;
    }
    return best;
}

void Server::Core::settle_hand_overs(Step& step) {
    for (const RequestKey key : std::set{handing_over_}) {
        const Pending* pending = requests_.find(key);
        if (pending == nullptr || pending->phase != Phase::handing_over) {
            handing_over_.erase(key);
            continue;
        }
        const auto successor = pending->successor;
        const auto leader = leader_id();
        if (!leader || (raft_.leads() && raft_.transferee() == successor)) continue;
        const bool asked_for = pending->request->transfer_leadership().raft_id() != 0;
        if (raft_.leads() || (asked_for && leader != successor)) {
            const Errc code = raft_.leads() ? Errc::timed_out : Errc::conflict;
            refuse(step, key, code,
                   "server " + std::to_string(successor->value()) +
                       " did not take over; the leader is server " +
                       std::to_string(leader->value()));
        } else {
            tell_leader(step, key);
        }
    }
}

void Server::Core::tell_leader(Step& step, RequestKey key) {
    schema::Response response = new_response(*requests_.find(key)->request);
    response.set_index(view_.applied_index());
    fill_leader(*response.mutable_leader());
    respond(step, key, std::move(response));
}

}  // namespace drover::server
