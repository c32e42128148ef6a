// See pending.hpp.
#include "engine/server/pending.hpp"

namespace drover::server {
namespace {

constexpr std::size_t taken_up_max = 16384;

}  // namespace

void TakenUp::add(const PeerTicket& ticket) {
    if (!known_.emplace(ticket, last_ + 1).second) return;
    order_.emplace(++last_, ticket);
    if (order_.size() <= taken_up_max) return;
    known_.erase(order_.begin()->second);
    order_.erase(order_.begin());
}

void TakenUp::forget(const PeerTicket& ticket) {
    const auto found = known_.find(ticket);
    if (found == known_.end()) return;
    order_.erase(found->second);
    known_.erase(found);
}

RequestKey Requests::add(Pending pending) {
    const RequestKey key = ++last_;
    bytes_ += pending.bytes;
    if (!std::holds_alternative<OwnWork>(pending.origin)) by_origin_[pending.origin] = key;
    const Instant deadline = pending.deadline;
    pending_.emplace(key, std::move(pending));
    wake_at(key, deadline);
    return key;
}

void Requests::erase(RequestKey key) {
    const auto found = pending_.find(key);
    if (found == pending_.end()) return;
    bytes_ -= found->second.bytes;
    if (const auto origin = by_origin_.find(found->second.origin);
        origin != by_origin_.end() && origin->second == key) {
        by_origin_.erase(origin);
    }
    if (const auto id = id_of_forwarded_.find(key); id != id_of_forwarded_.end()) {
        forwarded_ids_.erase(id->second);
        id_of_forwarded_.erase(id);
    }
    if (const auto timer = timers_.find(key); timer != timers_.end()) {
        order_.erase({timer->second, key});
        timers_.erase(timer);
    }
    pending_.erase(found);
}

Pending* Requests::find(RequestKey key) {
    const auto found = pending_.find(key);
    return found == pending_.end() ? nullptr : &found->second;
}

std::optional<RequestKey> Requests::of(const Origin& origin) const {
    const auto found = by_origin_.find(origin);
    if (found == by_origin_.end()) return std::nullopt;
    return found->second;
}

std::vector<RequestKey> Requests::in_phase(Phase phase) const {
    std::vector<RequestKey> keys;
    for (const auto& [key, pending] : pending_) {
        if (pending.phase == phase) keys.push_back(key);
    }
    return keys;
}

std::optional<RequestKey> Requests::forwarded_with_id(const std::string& request_id) const {
    const auto found = forwarded_ids_.find(request_id);
    if (found == forwarded_ids_.end()) return std::nullopt;
    return found->second;
}

void Requests::note_forwarded(RequestKey key, const std::string& request_id) {
    if (request_id.empty()) return;
    forwarded_ids_[request_id] = key;
    id_of_forwarded_[key] = request_id;
}

void Requests::wake_at(RequestKey key, Instant at) {
    if (const auto timer = timers_.find(key); timer != timers_.end()) {
        order_.erase({timer->second, key});
    }
    timers_[key] = at;
    order_.insert({at, key});
}

std::vector<RequestKey> Requests::due(Instant now) {
    std::vector<RequestKey> keys;
    while (!order_.empty() && order_.begin()->first <= now) {
        keys.push_back(order_.begin()->second);
        timers_.erase(keys.back());
        order_.erase(order_.begin());
    }
    return keys;
}

std::optional<Instant> Requests::next_deadline() const {
    if (order_.empty()) return std::nullopt;
    return order_.begin()->first;
}

}  // namespace drover::server
