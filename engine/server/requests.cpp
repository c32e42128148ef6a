// Requests from their arrival to their answer. A write passes through one of three gates: it is
// proposed here, passed on to the leader, or held until there is a leader. From the first two on
// its fate may not be known; it is then answered "unknown outcome", never "failed". See core.hpp.
#include <algorithm>
#include <utility>

#include "engine/acl/authorise.hpp"
#include "engine/base/match.hpp"
#include "engine/server/core.hpp"

namespace drover::server {
namespace {

constexpr std::uint64_t request_overhead_bytes = 256;
constexpr Duration retry_interval = std::chrono::milliseconds{100};

constexpr const char* unknown_fate =
    "the outcome of this write is not known: it may have happened or may yet happen; read before "
    "trying again";
constexpr const char* no_leader = "No cluster leader";

void fill_failure(schema::Response& response, Errc code, std::string message) {
    response.mutable_failure()->set_code(static_cast<std::uint32_t>(code));
    response.mutable_failure()->set_message(std::move(message));
}

bool nothing_was_proposed(const schema::Response& response) {
    if (!response.has_failure()) return false;
    const auto code = static_cast<Errc>(response.failure().code());
    return code == Errc::not_leader || code == Errc::no_leader;
}

}  // namespace

void Server::Core::accept(Step& step, Origin origin, RequestPtr request) {
    // The network may repeat what another server passed on; a write must not be taken up twice.
    const auto* const peer = std::get_if<PeerTicket>(&origin);
    if (peer != nullptr && (requests_.of(origin) || taken_up_.contains(*peer))) return;
    const std::uint64_t bytes = request->ByteSizeLong() + request_overhead_bytes;
    if (requests_.bytes() + bytes > config_.pending_request_bytes_max) {
        return refuse_at_once(step, origin, *request, Errc::overloaded,
                              "too many requests are waiting on this server; try again later");
    }
    const std::string& region = request->region();
    if (!region.empty() && region != config_.self->region()) {
        return refuse_at_once(step, origin, *request, Errc::unsupported,
                              "no path to region \"" + region + "\": this server is in \"" +
                                  config_.self->region() + "\"");
    }
    if (auto allowed = acl::authorise(*request, view_); !allowed) {
        return refuse_at_once(step, origin, *request, allowed.error().code,
                              allowed.error().message);
    }
    if (is_write(*request) && request->request_id().empty()) {
        auto named = std::make_shared<schema::Request>(*request);
        named->set_request_id(Uuid::mint(step.wall, id_prng_).raw());
        request = std::move(named);
    }
    const Duration timeout =
        request->timeout_ns() > 0 ? Duration{request->timeout_ns()} : config_.request_timeout;
    Pending pending{std::move(origin), std::move(request), bytes};
    pending.deadline = step.now + std::min<Duration>(timeout, std::chrono::hours{1});
    pending.hold_until = std::min(pending.deadline, step.now + config_.hold_timeout);
    route(step, requests_.add(std::move(pending)));
}

void Server::Core::route(Step& step, RequestKey key) {
    const Pending& pending = *requests_.find(key);
    const bool stale =
        pending.request->has_query() && pending.request->consistency() == schema::STALE;
    if (stale) return finish_read(step, key);
    if (removed_) return refuse_as_removed(step, key);
    switch (pending.request->body_case()) {
        case schema::Request::kQuery:
            return ask_read_index(step, key);
        case schema::Request::kPlanJob:
            return ask_read_index(step, key);
        case schema::Request::kTransferLeadership:
            return route_hand_over(step, key);
        case schema::Request::BODY_NOT_SET:
            return refuse(step, key, Errc::invalid_argument,
                          "the request has no body that this release knows");
        default:
            return route_write(step, key);
    }
}

void Server::Core::route_write(Step& step, RequestKey key) {
    const Pending& pending = *requests_.find(key);
    // Whoever passed it on takes the end of that term for proof that it never happens.
    const auto* const peer = std::get_if<PeerTicket>(&pending.origin);
    if (peer != nullptr && peer->term && *peer->term != raft_.term()) {
        return refuse(step, key, Errc::not_leader, "this server does not lead that term any more");
    }
    if (leader_) return execute(step, key);
    const auto leader = leader_id();
    const bool leader_elsewhere = leader && *leader != raft_.id();
    if (pending.request->forwarded() && !raft_.leads()) {
        return refuse(step, key, Errc::not_leader, "this server does not lead");
    }
    if (leader_elsewhere) return forward(step, key, *leader);
    hold(step, key);
}

void Server::Core::execute(Step& step, RequestKey key) {
    Pending& pending = *requests_.find(key);
    const RequestPtr request = pending.request;
    if (const auto* peer = std::get_if<PeerTicket>(&pending.origin)) taken_up_.add(*peer);
    if (request->has_remove_peer()) return remove_peer(step, key);
    if (auto allowed = may_finalize(*request); !allowed) {
        return refuse(step, key, allowed.error().code, std::move(allowed.error().message));
    }
    auto drafted = draft({view_, *request, {step.wall, id_prng_}, config_.control.zones.get()});
    if (!drafted) {
        return refuse(step, key, drafted.error().code, std::move(drafted.error().message));
    }
    pending.warnings = std::move(drafted->warnings);
    if (!drafted->entry) {
        schema::Response response = new_response(*request);
        fill_unchanged(response, *request, view_);
        heard_of_node(step, *request, response);
        return respond(step, key, std::move(response));
    }
    const auto receipt = propose(step, drafted->entry, key);
    if (receipt) {
        pending.phase = Phase::proposed;
    } else if (receipt.error().code == Errc::unsupported) {
        refuse(step, key, Errc::unsupported, receipt.error().message);
    } else if (receipt.error().code == Errc::overloaded) {
        refuse(step, key, Errc::overloaded, "too much is waiting to be committed; try again later");
    } else {
        hold(step, key);
    }
}

void Server::Core::forward(Step& step, RequestKey key, raft::RaftId leader) {
    Pending& pending = *requests_.find(key);
    auto passed_on = std::make_shared<schema::Request>(*pending.request);
    passed_on->set_forwarded(true);
    passed_on->set_timeout_ns(
        std::max<Duration>(pending.deadline - step.now, retry_interval).count());
    pending.phase = Phase::forwarded;
    pending.forwarded_to = leader;
    pending.forwarded_in = raft_.term();
    pending.fate_hidden = false;
    requests_.note_forwarded(key, pending.request->request_id());
    requests_.wake_at(key, pending.deadline);
    step.emit(
        SendMessage{leader, ForwardedRequest{Ticket{key}, std::move(passed_on), raft_.term()}});
}

// Nothing was proposed (or provably never will be committed): it may be tried again.
void Server::Core::hold(Step& step, RequestKey key) {
    Pending& pending = *requests_.find(key);
    pending.phase = Phase::held;
    pending.held_for.reset();
    const auto leader = leader_id();
    const auto not_done_by = std::exchange(pending.forwarded_to, std::nullopt);
    if (const auto* peer = std::get_if<PeerTicket>(&pending.origin)) taken_up_.forget(*peer);
    if (step.now >= pending.hold_until) {
        // Found out late that it did not happen; there may be a leader by now.
        pending.hold_until = std::min(pending.deadline, step.now + config_.hold_timeout);
    }
    // Where another leader is known than the one that has not done it, nothing is to be waited for.
    const bool elsewhere = leader && *leader != raft_.id() && leader != not_done_by;
    const Duration pause = elsewhere ? Duration::zero() : retry_interval;
    requests_.wake_at(key, std::min(step.now + pause, pending.hold_until));
}

void Server::Core::retry_held(Step& step) {
    for (const RequestKey key : requests_.in_phase(Phase::held)) route(step, key);
}

void Server::Core::leader_changed(Step& step) {
    const auto leader = leader_id();
    for (const RequestKey key : requests_.in_phase(Phase::forwarded)) {
        Pending& pending = *requests_.find(key);
        if (pending.forwarded_to == leader) continue;
        // Its answer will hardly come; our own log may still show whether it happened.
        pending.deadline = std::min(pending.deadline, step.now + config_.hold_timeout);
        requests_.wake_at(key, pending.deadline);
    }
    if (!leader) return;
    next_registration_ = std::min(next_registration_, step.now);
    // Reads that waited for the former leader are never answered.
    for (const RequestKey key : requests_.in_phase(Phase::reading)) ask_read_index(step, key);
    retry_held(step);
}

void Server::Core::expire(Step& step, RequestKey key) {
    Pending& pending = *requests_.find(key);
    const bool over = step.now >= pending.deadline;
    switch (pending.phase) {
        case Phase::held:
            if (step.now < pending.hold_until) return route(step, key);
            return pending.held_for
                       ? refuse(step, key, pending.held_for->code, pending.held_for->message)
                       : refuse(step, key, Errc::no_leader, no_leader);
        case Phase::forwarded:
        case Phase::proposed:
            if (!over) return requests_.wake_at(key, pending.deadline);
            return refuse(step, key, Errc::unknown_outcome, unknown_fate);
        case Phase::reading:
            if (!over) return ask_read_index(step, key);
            return refuse(
                step, key, leader_id() ? Errc::timed_out : Errc::no_leader,
                leader_id() ? "the read did not finish in time; it is safe to repeat" : no_leader);
        case Phase::confirmed:
        case Phase::planning:
            if (!over) return requests_.wake_at(key, pending.deadline);
            return refuse(step, key, Errc::timed_out,
                          "the request did not finish in time; it is safe to repeat");
        case Phase::handing_over:
            if (!over) return requests_.wake_at(key, pending.deadline);
            return refuse(step, key, Errc::timed_out,
                          "leadership was given up, and no new leader is known yet");
        case Phase::parked:
            return answer_query(step, key);
    }
}

void Server::Core::answer_written(Step& step, RequestKey key, const schema::Entry& entry,
                                  const state::ApplyResult& result) {
    const Pending& pending = *requests_.find(key);
    schema::Response response = new_response(*pending.request);
    response.set_index(view_.applied_index());
    if (result.outcome == state::Applied::done) {
        fill_written(response, *pending.request, entry, view_);
        if (response.has_job_written()) {
            response.mutable_job_written()->set_warnings(pending.warnings);
        }
        heard_of_node(step, *pending.request, response);
    } else {
        fill_refused(response, *pending.request, result.error);
    }
    respond(step, key, std::move(response));
}

// A node's word about itself counts as a heartbeat, and is answered with what it needs to go on.
void Server::Core::heard_of_node(Step& step, const schema::Request& request,
                                 schema::Response& response) {
    std::string raw;
    if (request.has_register_node()) raw = request.register_node().node().id();
    if (request.has_update_node_status()) raw = request.update_node_status().node_id();
    const auto id = Uuid::from_raw(raw);
    if (!id) return;
    auto& written = *response.mutable_node_written();
    const state::NodePtr node = view_.node(*id);
    written.set_heartbeat_ttl_ns(config_.control.heartbeat_ttl_min.count());
    if (node) written.set_status(node->status());
    if (leader_ && node && node->status() != "down") {
        written.set_heartbeat_ttl_ns(leader_->heard_of(*id, step.now).count());
    }
    for (const auto& [raft_id, server] : published_peers_) *written.add_servers() = *server;
}

void Server::Core::on_forwarded_response(Step& step, raft::RaftId from,
                                         const ForwardedResponse& answer) {
    const RequestKey key = answer.ticket.value();
    const Pending* pending = requests_.find(key);
    if (pending == nullptr || pending->phase != Phase::forwarded || pending->forwarded_to != from) {
        return;
    }
    if (pending->request->request_id() != answer.response->request_id()) return;
    // An answer to an earlier try, in a term of which nothing more can come, says nothing about
    // this.
    if (answer.term && answer.term != pending->forwarded_in) return;
    if (nothing_was_proposed(*answer.response)) return hold(step, key);
    respond(step, key, *answer.response);
}

schema::Response Server::Core::new_response(const schema::Request& request) const {
    schema::Response response;
    response.set_request_id(request.request_id());
    response.set_known_leader(leader_id().has_value());
    response.set_last_contact_ns(last_contact().count());
    return response;
}

void Server::Core::refuse(Step& step, RequestKey key, Errc code, std::string message) {
    const Pending* pending = requests_.find(key);
    if (pending == nullptr) return;
    schema::Response response = new_response(*pending->request);
    response.set_index(view_.applied_index());
    fill_failure(response, code, std::move(message));
    respond(step, key, std::move(response));
}

void Server::Core::refuse_at_once(Step& step, const Origin& origin, const schema::Request& request,
                                  Errc code, std::string message) {
    schema::Response response = new_response(request);
    fill_failure(response, code, std::move(message));
    send_answer(step, origin, std::move(response));
}

void Server::Core::respond(Step& step, RequestKey key, schema::Response response) {
    const Origin origin = requests_.find(key)->origin;
    forget(key);
    send_answer(step, origin, std::move(response));
}

void Server::Core::send_answer(Step& step, const Origin& origin, schema::Response response) {
    auto answer = std::make_shared<const schema::Response>(std::move(response));
    std::visit(Match{[&](const Ticket& ticket) { step.emit(Respond{ticket, answer}); },
                     [&](const PeerTicket& peer) {
                         step.emit(SendMessage{peer.peer,
                                               ForwardedResponse{peer.ticket, answer, peer.term}});
                     },
                     [&](const OwnWork&) {
                         registering_ = false;
                         next_registration_ = step.now + std::chrono::seconds{1};
                     }},
               origin);
}

}  // namespace drover::server
