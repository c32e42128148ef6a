// See plan_memory.hpp.
#include "engine/scheduler/plan_memory.hpp"

#include <algorithm>
#include <utility>

#include "engine/schema/job.pb.h"

namespace drover::scheduler {
namespace {

constexpr std::size_t kept_max = 16;

// All that a group's ranking follows from while none of its allocations is placed; empty where it
// is not worth keeping: how a group is spread, and which ports and devices are free, differs from
// job to job.
std::string what_it_asks(const GroupShape& shape, const PlanInputs& inputs) {
    if (shape.asks_ports() || shape.asks_devices() || !shape.spreads.empty() ||
        !shape.distinct_properties.empty()) {
        return {};
    }
    schema::Job asked;
    *asked.mutable_datacenters() = shape.job->datacenters();
    asked.set_node_pool(shape.job->node_pool());
    *asked.mutable_constraints() = shape.job->constraints();
    *asked.mutable_affinities() = shape.job->affinities();
    auto& group = *asked.add_task_groups();
    group.set_name(shape.name);
    *group.mutable_constraints() = shape.group->constraints();
    *group.mutable_affinities() = shape.group->affinities();
    *group.mutable_networks() = shape.group->networks();
    *group.mutable_volumes() = shape.group->volumes();
    *group.mutable_ephemeral_disk() = shape.group->ephemeral_disk();
    for (const auto& task : shape.group->tasks()) {
        auto& one = *group.add_tasks();
        one.set_driver(task.driver());
        *one.mutable_constraints() = task.constraints();
        *one.mutable_affinities() = task.affinities();
        *one.mutable_resources() = task.resources();
        if (task.has_lifecycle()) *one.mutable_lifecycle() = task.lifecycle();
    }
    return asked.SerializeAsString() + (inputs.algorithm == Algorithm::binpack ? 'b' : 's') +
           (inputs.memory_oversubscription ? 'o' : '-');
}

}  // namespace

Fleet& PlanMemory::begin(const state::StateView& view, const state::JobKey& job,
                         std::uint64_t order) {
    ++run_;
    if (fleet_ && order == order_ && fleet_->can_go_on_with(view)) {
        fleet_->go_on_with(view, job);
        return *fleet_;
    }
    kept_.clear();
    order_ = order;
    return fleet_.emplace(view, job, order);
}

Ranking& PlanMemory::ranking(GroupShape shape, const PlanInputs& inputs) {
    const std::string key = what_it_asks(shape, inputs);
    const auto known = key.empty() ? kept_.end() : kept_.find(key);
    if (known != kept_.end() && known->second.used_in != run_) {
        known->second.used_in = run_;
        known->second.ranking.serve(std::move(shape));
        return known->second.ranking;
    }
    if (key.empty() || known != kept_.end()) {
        return of_this_run_.emplace_back(*fleet_, std::move(shape), inputs.algorithm);
    }
    if (kept_.size() == kept_max) forget_oldest();
    return kept_.try_emplace(key, Kept{Ranking{*fleet_, std::move(shape), inputs.algorithm}, run_})
        .first->second.ranking;
}

void PlanMemory::forget_oldest() {
    const auto oldest = std::min_element(
        kept_.begin(), kept_.end(),
        [](const auto& a, const auto& b) { return a.second.used_in < b.second.used_in; });
    // What this run has in its hands stays.
    if (oldest->second.used_in != run_) kept_.erase(oldest);
}

void PlanMemory::end() {
    of_this_run_.clear();
    if (fleet_) fleet_->let_go_of_view();
}

}  // namespace drover::scheduler
