// Members that leave: because an operator says so, dead or alive. The change is an entry; with it
// goes the server's row in the state, so that nobody takes it for a newcomer. Whoever left and did
// not hear of it is told when it next asks a member for anything. See core.hpp.
#include <algorithm>
#include <utility>

#include "engine/base/uuid.hpp"
#include "engine/raft/conf_change.hpp"
#include "engine/server/core.hpp"

namespace drover::server {
namespace {

constexpr const char* list_them = "`operator raft list-peers` lists them";

std::string name_of(const schema::RaftPeer& peer) {
    return peer.name().empty() ? "server " + std::to_string(peer.raft_id()) : peer.name();
}

bool has_id(const schema::RaftPeer& peer, const std::string& text) {
    const auto id = Uuid::from_raw(peer.id());
    return id && id == Uuid::from_text(text);
}

// Protocol 2 knows servers by address only; from 3 on an address may be used again by another
// server, and names nobody for certain. Of who never made itself known no protocol is known.
Result<void> check_protocol(const schema::RaftPeer& peer, const schema::RemovePeerRequest& named) {
    const bool by_id = !named.id().empty();
    if (by_id && peer.raft_protocol() == 2) {
        return fail(Errc::invalid_argument, name_of(peer) +
                                                " speaks Raft protocol 2, which knows servers by "
                                                "address only: name it by its address, \"" +
                                                peer.address() + "\"");
    }
    if (!by_id && peer.raft_protocol() >= 3) {
        const auto id = Uuid::from_raw(peer.id());
        return fail(Errc::invalid_argument,
                    name_of(peer) + " speaks Raft protocol " +
                        std::to_string(peer.raft_protocol()) +
                        ", which names servers by id: name it by its id, \"" +
                        (id ? id->text() : "") + "\"");
    }
    return {};
}

}  // namespace

// On the leader, which hands over first where it is itself the one to go: a group that waits for
// the next election loses more time than one that is told who comes.
void Server::Core::remove_peer(Step& step, RequestKey key) {
    const RequestPtr request = requests_.find(key)->request;
    const auto target = peer_to_remove(request->remove_peer());
    if (!target) return refuse(step, key, target.error().code, target.error().message);
    if (*target == raft_.id()) {
        const auto successor = best_successor();
        if (successor) (void)raft_.transfer_leadership(step.now, *successor);
        return wait_to_remove(step, key,
                              {Errc::conflict,
                               "the leader is to go, and no other voter is in reach that could "
                               "take over; start one, then try again"});
    }
    raft::ConfChange change;
    change.changes.push_back({raft::ConfChangeKind::remove, *target});
    change.context = request->request_id();
    const auto receipt = raft_.propose_conf_change(step.now, change);
    if (!receipt) return wait_to_remove(step, key, receipt.error());
    slots_[{receipt->index.value(), receipt->term.value()}] = {nullptr, key};
    requests_.find(key)->phase = Phase::proposed;
}

// Another change is under way, or leadership is: it is tried again until the request's time is up.
void Server::Core::wait_to_remove(Step& step, RequestKey key, Error why) {
    hold(step, key);
    Pending& pending = *requests_.find(key);
    pending.hold_until = pending.deadline;
    pending.held_for = std::move(why);
}

Result<raft::RaftId> Server::Core::peer_to_remove(const schema::RemovePeerRequest& named) const {
    if (named.id().empty() == named.address().empty()) {
        return fail(Errc::invalid_argument, "name the peer either by its id or by its address");
    }
    const schema::RaftConfiguration configuration = raft_configuration();
    std::vector<const schema::RaftPeer*> meant;
    for (const schema::RaftPeer& peer : configuration.servers()) {
        if (named.id().empty() ? peer.address() == named.address() : has_id(peer, named.id())) {
            meant.push_back(&peer);
        }
    }
    const std::string described = named.id().empty() ? "the address \"" + named.address() + "\""
                                                     : "the id \"" + named.id() + "\"";
    if (meant.empty()) return fail(Errc::not_found, "no peer has " + described + "; " + list_them);
    if (meant.size() > 1) {
        return fail(Errc::invalid_argument, std::to_string(meant.size()) + " peers have " +
                                                described + ": name the one by its id");
    }
    const schema::RaftPeer& peer = *meant.front();
    if (auto right = check_protocol(peer, named); !right) return tl::unexpected{right.error()};
    const raft::RaftId id{peer.raft_id()};
    const auto& voters = raft_.conf().voters;
    if (voters.size() == 1 && voters.contains(id)) {
        return fail(Errc::invalid_argument,
                    name_of(peer) +
                        " is the last voter: without it nothing could be decided any "
                        "more; add another server first");
    }
    return id;
}

void Server::Core::apply_conf_change(Step& step, const raft::Entry& entry) {
    const auto change = raft::decode_conf_change(entry.payload());
    if (!change) {
        return halt(step, "entry " + std::to_string(entry.index.value()) +
                              " is no configuration change: " + change.error().message +
                              "; restore this server from its peers");
    }
    // A refusal is the same on every member, and leaves the configuration as it is.
    const raft::ConfState before = raft_.conf();
    const auto outcome = raft_.apply_conf_change(step.now, *change);
    const state::Changes changes =
        state_.apply_departures(entry.index.value(), raft::departed(before, raft_.conf()));
    look_at_state();
    for (const auto waiter : watchers_.woken(changes)) woken_.insert(waiter);
    if (leader_) leader_->applied_empty(entry.index.value());
    publish_peers(step);
    next_reconciliation_ = step.now;
    if (const auto passed_on = requests_.forwarded_with_id(change->context)) {
        answer_conf_change(step, *passed_on, outcome);
    }
    if (const auto asked = settle_slots(step, entry)) answer_conf_change(step, *asked, outcome);
    if (raft_.conf().contains(raft_.id())) {
        removed_ = false;
    } else if (before.contains(raft_.id())) {
        leave(step, "by the entry at index " + std::to_string(entry.index.value()));
    }
}

void Server::Core::answer_conf_change(Step& step, RequestKey key,
                                      const Result<raft::ConfState>& outcome) {
    if (!outcome) return refuse(step, key, outcome.error().code, outcome.error().message);
    schema::Response response = new_response(*requests_.find(key)->request);
    response.set_index(state_.applied_index());
    respond(step, key, std::move(response));
}

// The leader does not speak any more to whoever it removed: one that was cut off hears of it when
// it asks for something. Who does not vote never asks for votes, so every question counts.
void Server::Core::tell_if_no_member(Step& step, raft::RaftId from) {
    const raft::ConfState& conf = raft_.conf();
    if (conf == raft::ConfState{} || conf.contains(from)) return;
    step.emit(SendMessage{from, NoMember{raft::Index{view_.applied_index()}}});
}

// What somebody applied without us there counts only where it is newer than what we know: we may
// have been added since.
void Server::Core::on_no_member(Step& step, raft::RaftId from, const NoMember& told) {
    if (removed_ || told.index <= raft_.commit_index() || !raft_.conf().contains(raft_.id())) {
        return;
    }
    raft_.abstain(step.now);
    leave(step, "before index " + std::to_string(told.index.value()) + ", as server " +
                    std::to_string(from.value()) + " tells");
}

void Server::Core::leave(Step& step, const std::string& how) {
    removed_ = true;
    raft_.forget_leader();
    // No news comes any more, nor what a read still lacks. What became of a write that was passed
    // on the leader may yet tell.
    for (const Phase phase : {Phase::held, Phase::reading, Phase::confirmed, Phase::parked}) {
        for (const RequestKey key : requests_.in_phase(phase)) refuse_as_removed(step, key);
    }
    step.report(Severity::warning,
                "this server was removed from its group " + how +
                    "; it takes no part any more. Stop it; to let it join again, as a new server, "
                    "empty its data directory first");
}

// With the code that makes a node agent turn to another server.
void Server::Core::refuse_as_removed(Step& step, RequestKey key) {
    refuse(step, key, Errc::no_leader,
           "this server was removed from its group, and knows no leader: ask another server");
}

// A late message of the leader makes consensus follow it once more, and for ever, because nothing
// else comes that could end that. To whoever asks us, it leads us no more.
std::optional<raft::RaftId> Server::Core::leader_id() const {
    return removed_ ? std::nullopt : raft_.leader();
}

}  // namespace drover::server
