#include "engine/client/node_registration.hpp"

#include <algorithm>
#include <string>

#include "engine/base/match.hpp"
#include "engine/base/result.hpp"
#include "engine/client/instants.hpp"
#include "engine/schema/node.pb.h"

namespace drover::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration request_timeout = seconds{30};
// A heartbeat whose answer was lost must leave time for another within the servers' grace.
constexpr Duration heartbeat_timeout = seconds{4};
constexpr Duration least_ttl = milliseconds{10};

}  // namespace

Duration heartbeat_retry_delay(Duration left, Prng& prng) {
    if (left < -seconds{30}) {
        left = -left;
    } else if (left < Duration{}) {
        return seconds{1} + prng.between(Duration{}, seconds{1});
    }
    const Duration drawn = prng.between(Duration{}, left);
    if (drawn < seconds{1}) return seconds{1} + prng.between(Duration{}, seconds{1});
    if (drawn > seconds{30}) return seconds{25} + prng.between(Duration{}, seconds{5});
    return drawn;
}

bool NodeRegistration::registered() const {
    return std::holds_alternative<Resting>(phase_) || std::holds_alternative<Beating>(phase_);
}

bool NodeRegistration::awaits(Ticket ticket) const {
    const auto* registering = std::get_if<Registering>(&phase_);
    const auto* beating = std::get_if<Beating>(&phase_);
    return (registering != nullptr && registering->ticket == ticket) ||
           (beating != nullptr && beating->ticket == ticket);
}

void NodeRegistration::forgotten(Turn& turn) {
    if (!registered()) return;
    turn.report(Severity::warning, "the servers do not know this node: registering it again");
    ++failures_;
    phase_ = Unregistered{
        after(turn.now, retry_delay(turn.config.retry_first, turn.config.registration_retry,
                                    failures_, turn.prng))};
}

void NodeRegistration::reports_taken(Instant now) {
    auto* resting = std::get_if<Resting>(&phase_);
    if (ready_ || hurried_ || resting == nullptr) return;
    hurried_ = true;
    resting->next_at = now;
}

void NodeRegistration::beat(Post& post, Turn& turn) {
    schema::Request request;
    auto* status = request.mutable_update_node_status();
    status->set_node_id(turn.config.node->id());
    status->set_status("ready");
    phase_ = Beating{post.send(std::move(request), heartbeat_timeout, turn)};
}

void NodeRegistration::advance(Post& post, Turn& turn) {
    if (const auto* resting = std::get_if<Resting>(&phase_)) {
        if (turn.now >= resting->next_at) beat(post, turn);
        return;
    }
    const auto* unregistered = std::get_if<Unregistered>(&phase_);
    if (unregistered == nullptr || turn.now < unregistered->try_at) return;
    schema::Request request;
    auto* node = request.mutable_register_node()->mutable_node();
    *node = *turn.config.node;
    node->set_status("initializing");
    phase_ = Registering{post.send(std::move(request), request_timeout, turn)};
}

std::optional<Instant> NodeRegistration::deadline() const {
    if (const auto* unregistered = std::get_if<Unregistered>(&phase_)) return unregistered->try_at;
    if (const auto* resting = std::get_if<Resting>(&phase_)) return resting->next_at;
    return std::nullopt;
}

bool NodeRegistration::on(const ResponseReceived& news, Post& post, Turn& turn) {
    if (!awaits(news.ticket)) return false;
    const bool was_registering = std::holds_alternative<Registering>(phase_);
    const auto& response = *news.response;
    if (response.has_failure()) {
        const auto code = response.failure().code();
        const bool no_leader = code == static_cast<std::uint32_t>(Errc::no_leader) ||
                               code == static_cast<std::uint32_t>(Errc::not_leader);
        if (was_registering) {
            registration_failed(response.failure().message(), turn);
        } else if (says_node_unknown(response)) {
            forgotten(turn);
        } else {
            heartbeat_failed(response.failure().message(), no_leader, turn);
        }
        return true;
    }
    failures_ = 0;
    last_success_ = turn.now;
    if (was_registering) {
        turn.report(Severity::info, "node registered");
        beat(post, turn);
        return true;
    }
    ever_beaten_ = true;
    const auto& status = response.node_written().status();
    ready_ = status.empty() || status == "ready";
    // Once per time to live: a node that waits for something else must not ask in circles.
    reports_wanted_ = !ready_ && !std::exchange(hurried_, false);
    ttl_ = std::max(Duration{response.node_written().heartbeat_ttl_ns()}, least_ttl);
    // A little early, so that the heartbeats of a fleet that started together drift apart.
    phase_ = Resting{after(turn.now, ttl_ - turn.prng.between(Duration{}, ttl_ / 16))};
    return true;
}

bool NodeRegistration::on(const RequestFailed& news, Turn& turn) {
    if (!awaits(news.ticket)) return false;
    if (std::holds_alternative<Registering>(phase_)) {
        registration_failed(news.reason, turn);
    } else {
        heartbeat_failed(news.reason, false, turn);
    }
    return true;
}

void NodeRegistration::registration_failed(const std::string& reason, Turn& turn) {
    ++failures_;
    const Duration delay = retry_delay(turn.config.retry_first, turn.config.registration_retry,
                                       failures_, turn.prng);
    turn.report(Severity::warning, "registration of the node failed: " + reason);
    phase_ = Unregistered{after(turn.now, delay)};
}

void NodeRegistration::heartbeat_failed(const std::string& reason, bool no_leader, Turn& turn) {
    ++failures_;
    turn.report(Severity::warning, "heartbeat failed: " + reason);
    const Duration soon = retry_delay(turn.config.retry_first, turn.config.heartbeat_retry,
                                      failures_, turn.prng);
    Duration delay = soon;
    if (ever_beaten_ && !no_leader) {
        const Duration left = last_success_ + ttl_ - turn.now;
        delay = std::min(soon, heartbeat_retry_delay(left, turn.prng));
    }
    phase_ = Resting{after(turn.now, delay)};
}

}  // namespace drover::client
