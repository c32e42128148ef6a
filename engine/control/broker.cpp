// See broker.hpp.
#include "engine/control/broker.hpp"

#include <algorithm>
#include <utility>

#include "engine/base/ensure.hpp"
#include "engine/schema/evaluation.pb.h"

namespace drover::control {

JobKey job_of(const schema::Evaluation& evaluation) {
    return {evaluation.namespace_(), evaluation.job_id()};
}

Uuid id_of(const schema::Evaluation& evaluation) {
    return Uuid::from_raw(evaluation.id()).value_or(Uuid{});
}

Broker::ReadyOrder Broker::ready_order(const schema::Evaluation& evaluation) {
    return {-std::int64_t{evaluation.priority()}, evaluation.create_index(), id_of(evaluation)};
}

Broker::PendingOrder Broker::pending_order(const schema::Evaluation& evaluation) {
    return {-std::int64_t{evaluation.priority()}, ~evaluation.modify_index(), id_of(evaluation)};
}

void Broker::enqueue(EvaluationPtr evaluation, Instant now, WallTime wall) {
    const Uuid id = id_of(*evaluation);
    if (known_.contains(id)) return;
    Duration delay{evaluation->wait()};
    if (evaluation->wait_until() != 0) delay = WallTime{evaluation->wait_until()} - wall;
    Known& known = known_[id];
    known.evaluation = std::move(evaluation);
    if (delay <= Duration::zero()) return admit(known);
    known.place = Place::waiting;
    set_timer(known, now + delay);
}

// Into its job's place, or behind whoever holds it.
void Broker::admit(Known& known) {
    const Uuid id = id_of(*known.evaluation);
    const auto [holder, first] = job_holder_.try_emplace(job_of(*known.evaluation), id);
    if (holder->second == id) return make_ready(known);
    ENSURE(!first);
    known.place = Place::pending;
    pending_[holder->first].insert(pending_order(*known.evaluation));
}

void Broker::make_ready(Known& known) {
    known.place = Place::ready;
    ready_.insert(ready_order(*known.evaluation));
}

void Broker::set_timer(Known& known, std::optional<Instant> at) {
    const Uuid id = id_of(*known.evaluation);
    if (known.timer) timers_.erase({*known.timer, id});
    known.timer = at;
    if (at) timers_.insert({*at, id});
}

EvaluationPtr Broker::dequeue(Instant now) {
    if (!has_work()) return nullptr;
    const Uuid id = std::get<Uuid>(*ready_.begin());
    ready_.erase(ready_.begin());
    Known& known = known_.at(id);
    known.place = Place::out;
    known.deliveries += 1;
    set_timer(known, now + config_.evaluation_nack_timeout);
    return known.evaluation;
}

void Broker::nack(const Uuid& id, Instant now) {
    const auto found = known_.find(id);
    if (found == known_.end() || found->second.place != Place::out) return;
    Known& known = found->second;
    set_timer(known, std::nullopt);
    if (known.deliveries >= config_.evaluation_delivery_limit) {
        known.place = Place::given_up;
        failed_.push_back(known.evaluation);
        return;
    }
    // The job's place is kept meanwhile: a run that failed must not be overtaken by a newer one.
    known.place = Place::waiting;
    const Duration delay = known.deliveries <= 1
                               ? config_.evaluation_nack_delay_first
                               : config_.evaluation_nack_delay_next * (known.deliveries - 1);
    set_timer(known, now + delay);
}

void Broker::remove(const Uuid& id) {
    const auto found = known_.find(id);
    if (found == known_.end()) return;
    Known& known = found->second;
    const EvaluationPtr evaluation = known.evaluation;
    set_timer(known, std::nullopt);
    ready_.erase(ready_order(*evaluation));
    const auto same = [&](const EvaluationPtr& other) { return other == evaluation; };
    std::erase_if(failed_, same);
    std::erase_if(cancelable_, same);
    const JobKey job = job_of(*evaluation);
    if (const auto queue = pending_.find(job); queue != pending_.end()) {
        queue->second.erase(pending_order(*evaluation));
        if (queue->second.empty()) pending_.erase(queue);
    }
    known_.erase(found);
    if (const auto holder = job_holder_.find(job);
        holder != job_holder_.end() && holder->second == id) {
        free_job(job);
    }
}

// Of those that waited, one run is enough: it sees everything that the others would have seen.
void Broker::free_job(const JobKey& job) {
    job_holder_.erase(job);
    const auto queue = pending_.find(job);
    if (queue == pending_.end()) return;
    const std::set<PendingOrder> waiting = std::move(queue->second);
    pending_.erase(queue);
    for (const PendingOrder& order : waiting) {
        Known& known = known_.at(std::get<Uuid>(order));
        if (order == *waiting.begin()) {
            admit(known);
        } else {
            known.place = Place::given_up;
            cancelable_.push_back(known.evaluation);
        }
    }
}

void Broker::pass_time(Instant now) {
    while (!timers_.empty() && timers_.begin()->first <= now) {
        const Uuid id = timers_.begin()->second;
        Known& known = known_.at(id);
        if (known.place == Place::out) {
            nack(id, now);
        } else {
            set_timer(known, std::nullopt);
            admit(known);
        }
    }
}

std::optional<Instant> Broker::next_deadline() const {
    if (timers_.empty()) return std::nullopt;
    return timers_.begin()->first;
}

std::vector<EvaluationPtr> Broker::take_cancelable() { return std::exchange(cancelable_, {}); }
std::vector<EvaluationPtr> Broker::take_failed() { return std::exchange(failed_, {}); }

}  // namespace drover::control
