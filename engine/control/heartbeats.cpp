// See heartbeats.hpp.
#include "engine/control/heartbeats.hpp"

#include <algorithm>

namespace drover::control {

void Heartbeats::set(const Uuid& node, Instant at) {
    forget(node);
    timers_[node] = at;
    order_.insert({at, node});
}

void Heartbeats::forget(const Uuid& node) {
    const auto found = timers_.find(node);
    if (found == timers_.end()) return;
    order_.erase({found->second, node});
    timers_.erase(found);
}

void Heartbeats::take_over(const Uuid& node, Instant now) {
    set(node, now + config_.heartbeat_failover_ttl);
}

Duration Heartbeats::heard_of(const Uuid& node, Instant now) {
    const auto nodes = static_cast<std::int64_t>(timers_.size());
    const auto rate =
        static_cast<std::int64_t>(std::max<std::uint64_t>(config_.heartbeat_rate_max, 1));
    const Duration least =
        std::max<Duration>(config_.heartbeat_ttl_min, std::chrono::seconds{1} * nodes / rate);
    const Duration ttl = least + prng_.between(Duration{0}, least);
    set(node, now + ttl + config_.heartbeat_grace);
    return ttl;
}

std::vector<Uuid> Heartbeats::expired(Instant now) {
    std::vector<Uuid> nodes;
    while (!order_.empty() && order_.begin()->first <= now) {
        nodes.push_back(order_.begin()->second);
        forget(nodes.back());
    }
    return nodes;
}

void Heartbeats::retry(const Uuid& node, Instant now) { set(node, now + std::chrono::seconds{1}); }

std::optional<Instant> Heartbeats::next_deadline() const {
    if (order_.empty()) return std::nullopt;
    return order_.begin()->first;
}

}  // namespace drover::control
