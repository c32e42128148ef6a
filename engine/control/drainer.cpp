// See drainer.hpp.
#include "engine/control/drainer.hpp"

#include <algorithm>
#include <utility>

#include "engine/control/node_changes.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"

namespace drover::control {
namespace {

constexpr Duration round_interval = std::chrono::seconds{1};
constexpr Duration retry_interval = std::chrono::seconds{1};

using Marks = std::map<Uuid, DrainRound::Mark>;

bool of_every_node(const state::AllocationRow& row) {
    return row.job->type() == "system" || row.job->type() == "sysbatch";
}

bool of_batch(const state::AllocationRow& row) { return row.job->type() == "batch"; }

bool is_marked(const state::AllocationRow& row) { return row.body.desired_transition().migrate(); }

void mark(Marks& marks, const state::AllocationPtr& row) {
    if (!is_marked(*row)) marks[row->id] = {row, !of_batch(*row)};
}

std::optional<WallTime> deadline_of(const schema::Node& node) {
    const std::int64_t deadline = node.drain_strategy().force_deadline();
    if (deadline == 0) return std::nullopt;
    return WallTime{deadline};
}

// What a drain has to move off a node and has not moved yet.
struct Remaining {
    std::vector<state::AllocationPtr> ordinary;
    std::vector<state::AllocationPtr> of_system;  // empty where the drain leaves them alone
};

Remaining remaining_on(const state::StateView& view, const schema::Node& node) {
    Remaining remaining;
    for (const state::AllocationPtr& row : view.allocations_on(state::to_uuid(node.id()))) {
        if (row->client_terminal()) continue;
        if (!of_every_node(*row)) {
            remaining.ordinary.push_back(row);
        } else if (!node.drain_strategy().ignore_system_jobs()) {
            remaining.of_system.push_back(row);
        }
    }
    return remaining;
}

// Those of one job that are still where they must not stay, by group.
using Leaving = std::map<std::string, std::vector<state::AllocationPtr>>;

// How many of the group may go now, so that at least count - max_parallel stay that have proved
// themselves. One that turned out unhealthy counts as well: else a broken job would never move.
std::int64_t may_go(const state::StateView& view, const state::JobKey& key,
                    const schema::TaskGroup& group, const Marks& marks) {
    std::int64_t judged = 0;
    for (const state::AllocationPtr& row : view.allocations_of(key)) {
        if (row->terminal() || row->body.task_group() != group.name()) continue;
        if (is_marked(*row) || marks.contains(row->id)) continue;
        if (row->body.deployment_status().has_healthy()) ++judged;
    }
    return judged - (group.count() - group.migrate().max_parallel());
}

void mark_by_group(const state::StateView& view, const state::JobKey& key, const Leaving& leaving,
                   Marks& marks) {
    const state::JobPtr job = view.job(key);
    if (!job || job->stop()) return;  // all of it is stopped anyway
    for (const auto& group : job->task_groups()) {
        const auto here = leaving.find(group.name());
        if (here == leaving.end() || !group.has_migrate()) continue;
        std::int64_t left = may_go(view, key, group, marks);
        for (const state::AllocationPtr& row : here->second) {
            if (is_marked(*row) || marks.contains(row->id)) continue;
            if (left-- <= 0) break;
            mark(marks, row);
        }
    }
}

EntryPtr transition(const state::StateView& view, const DrainRound& round, const Mint& mint) {
    auto entry = new_entry(mint);
    auto& body = *entry->mutable_transition_allocations();
    std::map<state::JobKey, state::JobPtr> jobs;
    for (const auto& [row, replace] : round.marks) {
        auto& one = *body.add_transitions();
        one.set_allocation_id(row->id.raw());
        one.mutable_transition()->set_migrate(true);
        if (!replace) one.mutable_transition()->set_migrate_disable_placement(true);
        const state::JobKey key = state::job_of(*row);
        const state::JobPtr registered = view.job(key);
        jobs.try_emplace(key, registered ? registered : row->job);
    }
    for (const auto& [key, job] : jobs) {
        *body.add_evaluations() = new_evaluation(mint, *job, "node-drain");
    }
    seal(*entry);
    return entry;
}

EntryPtr completion(const DrainRound::Emptied& emptied, const Mint& mint) {
    auto entry = new_entry(mint);
    auto& body = *entry->mutable_change_node_drain();
    body.set_node_id(emptied.node->id());
    body.set_outcome("complete");
    body.set_updated_at_ns(mint.wall.value());
    add_node_event(*body.mutable_event(), "Drain", "Node drain complete", mint.wall);
    if (emptied.at_deadline) {
        auto& detail = *body.mutable_event()->add_details();
        detail.set_key("deadline_reached");
        detail.set_value("true");
    }
    seal(*entry);
    return entry;
}

}  // namespace

DrainRound decide_drain(const state::StateView& view, const std::set<Uuid>& draining,
                        WallTime wall) {
    DrainRound round;
    Marks marks;
    std::map<state::JobKey, Leaving> leaving;
    for (const Uuid& id : draining) {
        const state::NodePtr node = view.node(id);
        if (!node || !node->has_drain_strategy()) continue;
        const Remaining remaining = remaining_on(view, *node);
        const auto deadline = deadline_of(*node);
        const bool over = deadline && *deadline <= wall;
        if (over || remaining.ordinary.empty()) {
            for (const auto& row : remaining.ordinary) mark(marks, row);
            for (const auto& row : remaining.of_system) mark(marks, row);
            round.emptied.push_back({node, over && !remaining.ordinary.empty()});
            continue;
        }
        if (deadline && (!round.next_deadline || *deadline < *round.next_deadline)) {
            round.next_deadline = deadline;
        }
        for (const auto& row : remaining.ordinary) {
            if (of_batch(*row)) continue;  // may finish
            leaving[state::job_of(*row)][std::string{row->body.task_group()}].push_back(row);
        }
    }
    for (const auto& [key, groups] : leaving) mark_by_group(view, key, groups, marks);
    for (auto& [id, one] : marks) round.marks.push_back(std::move(one));
    return round;
}

void Drainer::look_at(Instant at) {
    if (!next_round_ || at < *next_round_) next_round_ = at;
}

void Drainer::take_over(const state::StateView& view) {
    for (const state::NodePtr& node : view.nodes()) {
        if (node->has_drain_strategy()) nodes_.insert(state::to_uuid(node->id()));
    }
    if (!nodes_.empty()) look_at(Instant{});
}

void Drainer::changed(const state::Changes& changes, Instant now) {
    for (const state::NodePtr& node : changes.nodes) {
        const Uuid id = state::to_uuid(node->id());
        if (!node->has_drain_strategy()) {
            nodes_.erase(id);
        } else if (nodes_.insert(id).second) {
            look_at(now);
        } else {
            look_at(now + round_interval);
        }
    }
    if (!nodes_.empty() && !changes.allocations.empty()) look_at(now + round_interval);
}

void Drainer::applied(const Uuid& request) { in_flight_.erase(request); }

void Drainer::refused(const Uuid& request, Instant now) {
    if (in_flight_.erase(request) > 0) look_at(now + retry_interval);
}

std::vector<EntryPtr> Drainer::work(const state::StateView& applied, Moment moment, Prng& prng) {
    std::vector<EntryPtr> entries;
    if (!next_round_ || *next_round_ > moment.now || !in_flight_.empty()) return entries;
    next_round_.reset();
    const DrainRound round = decide_drain(applied, nodes_, moment.wall);
    const Mint mint{moment.wall, prng};
    if (!round.marks.empty()) entries.push_back(transition(applied, round, mint));
    for (const auto& emptied : round.emptied) entries.push_back(completion(emptied, mint));
    for (const EntryPtr& entry : entries) in_flight_.insert(state::to_uuid(entry->request_id()));
    if (round.next_deadline) look_at(moment.now + (*round.next_deadline - moment.wall));
    return entries;
}

std::optional<Instant> Drainer::next_deadline() const {
    return in_flight_.empty() ? next_round_ : std::nullopt;
}

}  // namespace drover::control
