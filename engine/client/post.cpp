#include "engine/client/post.hpp"

#include <algorithm>
#include <utility>

#include "engine/base/result.hpp"
#include "engine/base/uuid.hpp"
#include "engine/schema/node.pb.h"

namespace drover::client {

Ticket Post::send(schema::Request request, Duration timeout, Turn& turn) {
    request.set_request_id(Uuid::mint(turn.wall, turn.prng).raw());
    request.set_region(turn.config.region);
    request.mutable_authentication()->set_node_id(turn.config.node->id());
    request.mutable_authentication()->set_node_secret(turn.config.node->secret_id());
    request.set_timeout_ns(timeout.count());
    const Ticket ticket{++last_};
    turn.ask(SendRequest{ticket, std::make_shared<const schema::Request>(std::move(request))});
    return ticket;
}

Duration retry_delay(Duration first, Duration bound, std::uint32_t failures, Prng& prng) {
    // Never without any delay: an agent must not spin, whatever its configuration.
    const Duration least = std::chrono::milliseconds{1};
    Duration delay = std::max(first, least);
    const Duration most = std::max(bound, delay);
    for (std::uint32_t doubling = 1; doubling < failures && delay < most; ++doubling) delay *= 2;
    delay = std::min(delay, most);
    return delay + prng.between(Duration{}, delay / 4);
}

bool says_node_unknown(const schema::Response& response) {
    return response.has_failure() &&
           response.failure().code() == static_cast<std::uint32_t>(Errc::not_found);
}

}  // namespace drover::client
