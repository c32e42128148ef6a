// See blocked.hpp.
#include "engine/control/blocked.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/schema/evaluation.pb.h"
#include "engine/schema/node.pb.h"

namespace drover::control {
namespace {

// What is woken beyond what fits, the first time that room was offered in vain; doubled from there.
constexpr std::size_t first_extra = 4;

constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();
constexpr state::Usage huge{no_limit, no_limit, no_limit, no_limit, no_limit};

bool waits_for_a_node(const schema::Evaluation& evaluation) {
    return evaluation.type() == "system" || evaluation.type() == "sysbatch";
}

// None: this evaluation has never seen the class.
std::optional<bool> eligibility(const schema::Evaluation& evaluation,
                                const std::string& computed_class) {
    for (const auto& pair : evaluation.class_eligibility()) {
        if (pair.key() == computed_class) return pair.value();
    }
    return std::nullopt;
}

bool helped_by(const schema::Evaluation& evaluation, const std::string& computed_class) {
    return evaluation.escaped_computed_class() ||
           eligibility(evaluation, computed_class).value_or(true);
}

std::uint64_t seen_index(const schema::Evaluation& evaluation) {
    return std::max(evaluation.create_index(), evaluation.snapshot_index());
}

void lower(state::Usage& to, const state::Usage& by) {
    to.cpu_mhz = std::min(to.cpu_mhz, by.cpu_mhz);
    to.memory_mb = std::min(to.memory_mb, by.memory_mb);
    to.disk_mb = std::min(to.disk_mb, by.disk_mb);
    to.allocations = std::min(to.allocations, by.allocations);
}

void raise(state::Usage& to, const state::Usage& by) {
    to.cpu_mhz = std::max(to.cpu_mhz, by.cpu_mhz);
    to.memory_mb = std::max(to.memory_mb, by.memory_mb);
    to.disk_mb = std::max(to.disk_mb, by.disk_mb);
    to.allocations = std::max(to.allocations, by.allocations);
}

state::Usage all_of(const state::Usage& each, std::int64_t count) {
    return {each.cpu_mhz * count, each.memory_mb * count, each.memory_max_mb * count,
            each.disk_mb * count, each.allocations * count};
}

state::Usage sum(state::Usage a, const state::Usage& b) { return a += b; }

// What of the room the asks can use together; none where not even one of them fits.
std::optional<state::Usage> share(const std::vector<Ask>& asks, state::Usage room) {
    if (asks.empty()) return state::Usage{};
    state::Usage taken;
    bool any = false;
    for (const Ask& ask : asks) {
        const std::int64_t count = std::min(ask.wanted, times(ask.each, room));
        if (count <= 0) continue;
        any = true;
        taken += all_of(ask.each, count);
        room -= all_of(ask.each, count);
    }
    return any ? std::optional{taken} : std::nullopt;
}

}  // namespace

struct BlockedEvaluations::Pass {
    Uuid node;
    std::uint64_t index{};
    const std::string* computed_class{};
    const Room* room{};
    const state::StateView* view{};
    state::Usage left;      // free, and set aside for nobody
    std::size_t extra = 0;  // to be woken although nothing is left
};

BlockedEvaluations::Order BlockedEvaluations::order_of(const schema::Evaluation& evaluation) {
    return {-std::int64_t{evaluation.priority()}, evaluation.create_index(), id_of(evaluation)};
}

EvaluationPtr BlockedEvaluations::blocked_of_same_job(const schema::Evaluation& evaluation) const {
    if (waits_for_a_node(evaluation)) return nullptr;
    const auto found = by_job_.find(job_of(evaluation));
    if (found == by_job_.end() || found->second == id_of(evaluation)) return nullptr;
    return blocked_.at(found->second).evaluation;
}

void BlockedEvaluations::block(EvaluationPtr evaluation, const state::StateView& view) {
    if (const EvaluationPtr other = blocked_of_same_job(*evaluation)) {
        if (seen_index(*other) > seen_index(*evaluation)) {
            duplicates_.push_back(std::move(evaluation));
            return;
        }
        forget(id_of(*other));
        duplicates_.push_back(other);
    }
    const Uuid id = id_of(*evaluation);
    if (waits_for_a_node(*evaluation)) {
        by_node_[state::to_uuid(evaluation->node_id())].insert(id);
        blocked_[id] = {std::move(evaluation), {}};
    } else {
        by_job_[job_of(*evaluation)] = id;
        order_.insert(order_of(*evaluation));
        std::vector<Ask> asks = asks_of(view, *evaluation);
        if (order_.size() == 1) least_ = huge;
        lower_least(asks);
        blocked_[id] = {std::move(evaluation), std::move(asks)};
    }
    fresh_.insert(id);
}

void BlockedEvaluations::lower_least(const std::vector<Ask>& asks) {
    if (asks.empty()) least_ = {};
    for (const Ask& ask : asks) lower(least_, ask.each);
}

// Those that asked for little may have left.
void BlockedEvaluations::renew_least() {
    least_ = huge;
    for (const auto& [id, blocked] : blocked_) {
        if (!waits_for_a_node(*blocked.evaluation)) lower_least(blocked.asks);
    }
}

void BlockedEvaluations::forget(const Uuid& id) {
    const auto found = blocked_.find(id);
    if (found == blocked_.end()) return;
    const schema::Evaluation& evaluation = *found->second.evaluation;
    order_.erase(order_of(evaluation));
    const auto of_job = by_job_.find(job_of(evaluation));
    if (of_job != by_job_.end() && of_job->second == id) by_job_.erase(of_job);
    const auto of_node = by_node_.find(state::to_uuid(evaluation.node_id()));
    if (of_node != by_node_.end()) {
        of_node->second.erase(id);
        if (of_node->second.empty()) by_node_.erase(of_node);
    }
    blocked_.erase(found);
}

void BlockedEvaluations::remove(const Uuid& id) {
    forget(id);
    const auto awaiting = awaiting_.find(id);
    if (awaiting == awaiting_.end()) return;
    const auto offer = offers_.find(awaiting->second);
    if (offer != offers_.end()) {
        offer->second.awaited.erase(id);
        if (offer->second.awaited.empty()) {
            offer->second.extra = std::max(first_extra, 2 * offer->second.extra);
            touched_.insert(awaiting->second);
        }
    }
    awaiting_.erase(awaiting);
}

void BlockedEvaluations::wake(const Uuid& id) {
    woken_.push_back(blocked_.at(id).evaluation);
    forget(id);
}

void BlockedEvaluations::node_changed(const Uuid& node, std::uint64_t index, Instant now) {
    Change& change = changes_[node];
    changes_by_index_.erase({change.index, node});
    change = {index, now};
    changes_by_index_.insert({index, node});
    if (const auto offer = offers_.find(node); offer != offers_.end()) offer->second.extra = 0;
    touched_.insert(node);
    woken_systems_.insert(node);
}

void BlockedEvaluations::job_changed(const JobKey& job, std::uint64_t index) {
    const auto found = by_job_.find(job);
    if (found == by_job_.end()) return;
    const Uuid id = found->second;
    if (blocked_.at(id).evaluation->snapshot_index() < index) wake(id);
}

void BlockedEvaluations::retry_failed() {
    std::vector<Uuid> failed;
    for (const auto& [id, blocked] : blocked_) {
        if (blocked.evaluation->triggered_by() == "max-plan-attempts") failed.push_back(id);
    }
    for (const Uuid& id : failed) wake(id);
}

void BlockedEvaluations::anything_changed(const state::StateView& view) {
    // The most that any one node of a class has: too much for none of them, so nothing is missed.
    std::map<std::string, state::Usage> rooms;
    for (const state::NodeFacts& facts : view.node_facts().all()) {
        if (!facts.ready) continue;
        const Uuid node = state::to_uuid(facts.node->id());
        raise(rooms[facts.node->computed_class()], free_on(view, node, facts.capacity));
    }
    std::vector<Uuid> helped;
    for (const auto& [id, blocked] : blocked_) {
        const schema::Evaluation& evaluation = *blocked.evaluation;
        const bool may_be =
            waits_for_a_node(evaluation) || may_preempt(view, evaluation) ||
            !view.allocations_of(job_of(evaluation)).empty() ||
            std::any_of(rooms.begin(), rooms.end(), [&](const auto& pair) {
                return helped_by(evaluation, pair.first) && share(blocked.asks, pair.second);
            });
        if (may_be) helped.push_back(id);
    }
    for (const Uuid& id : helped) wake(id);
}

const Room* BlockedEvaluations::room_of(const Uuid& node, const state::StateView& view,
                                        Rooms& rooms) {
    const auto known = rooms.find(node);
    if (known != rooms.end()) return known->second ? &*known->second : nullptr;
    auto& room = rooms[node];
    const state::NodeFacts* facts = view.node_facts().find(node);
    if (facts != nullptr && facts->ready) room.emplace(view, node, facts->capacity);
    return room ? &*room : nullptr;
}

std::optional<BlockedEvaluations::Pass> BlockedEvaluations::begin_pass(const Uuid& node,
                                                                       const state::StateView& view,
                                                                       Rooms& rooms) {
    const auto change = changes_.find(node);
    const Room* room = room_of(node, view, rooms);
    if (change == changes_.end() || room == nullptr) return std::nullopt;
    const std::string& computed_class = view.node_facts().find(node)->node->computed_class();
    Pass pass{node, change->second.index, &computed_class, room, &view, room->free(), 0};
    if (const auto offer = offers_.find(node); offer != offers_.end()) {
        pass.extra = offer->second.extra;
        for (const auto& [id, usage] : offer->second.awaited) pass.left -= usage;
    }
    return pass;
}

// Wakes it if this node's room may be what it waits for.
void BlockedEvaluations::consider(Pass& pass, const Uuid& id) {
    const Blocked& blocked = blocked_.at(id);
    const schema::Evaluation& evaluation = *blocked.evaluation;
    if (evaluation.snapshot_index() >= pass.index) return;  // has seen it, and had no use for it
    if (!helped_by(evaluation, *pass.computed_class)) return;
    state::Usage more;  // beside what is free
    if (const auto& own = pass.room->by_job(); !own.empty()) {
        const auto found = own.find(job_of(evaluation));
        if (found != own.end()) more += found->second;
    }
    if (may_preempt(*pass.view, evaluation)) more += pass.room->preemptible(evaluation.priority());
    auto set_aside = share(blocked.asks, sum(pass.left, more));
    if (!set_aside) {
        if (pass.extra == 0 || !share(blocked.asks, sum(pass.room->free(), more))) return;
        --pass.extra;
        set_aside = state::Usage{};
    }
    pass.left -= *set_aside;
    offers_[pass.node].awaited[id] = *set_aside;
    awaiting_[id] = pass.node;
    wake(id);
}

void BlockedEvaluations::offer(const Uuid& node, const state::StateView& view, Rooms& rooms) {
    auto pass = order_.empty() ? std::nullopt : begin_pass(node, view, rooms);
    if (pass) {
        // A job's own allocations make room that others do not see.
        for (const auto& [job, usage] : pass->room->by_job()) {
            const auto found = by_job_.find(job);
            if (found != by_job_.end()) consider(*pass, Uuid{found->second});
        }
        const bool preemption = anyone_may_preempt(view);
        const auto enough = [&] {
            return !preemption && times(least_, pass->left) == 0 &&
                   (pass->extra == 0 || times(least_, pass->room->free()) == 0);
        };
        auto next = order_.begin();
        while (next != order_.end() && !enough()) consider(*pass, std::get<Uuid>(*next++));
        if (next == order_.end()) renew_least();
    }
    const auto made = offers_.find(node);
    if (made != offers_.end() && made->second.awaited.empty()) offers_.erase(made);
}

void BlockedEvaluations::offer_what_it_missed(const Uuid& id, const state::StateView& view,
                                              Rooms& rooms) {
    const schema::Evaluation& evaluation = *blocked_.at(id).evaluation;
    const std::uint64_t seen = evaluation.snapshot_index();
    if (waits_for_a_node(evaluation)) {
        const Uuid node = state::to_uuid(evaluation.node_id());
        const auto change = changes_.find(node);
        if (change != changes_.end() && change->second.index > seen) wake_system_jobs(node, view);
        return;
    }
    auto next = changes_by_index_.lower_bound({seen + 1, Uuid{}});
    for (; next != changes_by_index_.end() && blocked_.contains(id); ++next) {
        if (auto pass = begin_pass(next->second, view, rooms)) consider(*pass, id);
    }
}

void BlockedEvaluations::wake_system_jobs(const Uuid& node, const state::StateView& view) {
    const auto waiting = by_node_.find(node);
    const state::NodeFacts* facts = view.node_facts().find(node);
    if (waiting == by_node_.end() || facts == nullptr || !facts->ready) return;
    for (const Uuid& id : std::set<Uuid>{waiting->second}) wake(id);
}

std::vector<EvaluationPtr> BlockedEvaluations::take_woken(const state::StateView& view) {
    Rooms rooms;
    for (const Uuid& node : std::exchange(woken_systems_, {})) wake_system_jobs(node, view);
    for (const Uuid& node : std::exchange(touched_, {})) offer(node, view, rooms);
    for (const Uuid& id : std::exchange(fresh_, {})) {
        if (blocked_.contains(id)) offer_what_it_missed(id, view, rooms);
    }
    return std::exchange(woken_, {});
}

std::vector<EvaluationPtr> BlockedEvaluations::take_duplicates() {
    return std::exchange(duplicates_, {});
}

void BlockedEvaluations::prune(Instant older_than) {
    std::erase_if(changes_, [&](const auto& entry) {
        const auto& [node, change] = entry;
        const bool old = change.at < older_than && !offers_.contains(node);
        if (old) changes_by_index_.erase({change.index, node});
        return old;
    });
}

}  // namespace drover::control
