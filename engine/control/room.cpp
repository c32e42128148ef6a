// See room.hpp.
#include "engine/control/room.hpp"

#include <algorithm>
#include <limits>

#include "engine/scheduler/group_shape.hpp"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/scheduler_configuration.pb.h"

namespace drover::control {
namespace {

constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max() / 4;
constexpr std::int32_t priority_gap = 10;  // what is nearer in priority is never preempted

// The groups that failed, and how often. A newly blocked evaluation is told by the one before it.
std::map<std::string, std::int64_t> failed_groups(const state::StateView& view,
                                                  const schema::Evaluation& evaluation) {
    std::map<std::string, std::int64_t> failed;
    const auto collect = [&](const schema::Evaluation& from) {
        for (const auto& pair : from.failed_tg_allocs()) {
            failed[pair.key()] = 1 + pair.value().coalesced_failures();
        }
    };
    collect(evaluation);
    if (!failed.empty() || evaluation.previous_eval().empty()) return failed;
    const auto previous = view.evaluation(state::to_uuid(evaluation.previous_eval()));
    if (previous) collect(*previous);
    return failed;
}

}  // namespace

std::vector<Ask> asks_of(const state::StateView& view, const schema::Evaluation& evaluation) {
    const auto job = view.job({evaluation.namespace_(), evaluation.job_id()});
    if (!job || job->stop()) return {};
    const auto failed = failed_groups(view, evaluation);
    std::vector<Ask> asks;
    for (const auto& group : job->task_groups()) {
        const auto found = failed.find(group.name());
        if (found == failed.end()) continue;
        asks.push_back({scheduler::ask_of(group), std::max<std::int64_t>(found->second, 1)});
    }
    return asks;
}

std::int64_t times(const state::Usage& each, const state::Usage& free) {
    std::int64_t most = unlimited;
    const auto limit = [&](std::int64_t one, std::int64_t all) {
        if (one > 0) most = std::min(most, all < one ? 0 : all / one);
    };
    limit(each.cpu_mhz, free.cpu_mhz);
    limit(each.memory_mb, free.memory_mb);
    limit(each.disk_mb, free.disk_mb);
    limit(each.allocations, free.allocations);
    return most;
}

state::Usage free_on(const state::StateView& view, const Uuid& node,
                     const state::Capacity& capacity) {
    state::Usage free;
    free.cpu_mhz = capacity.cpu_mhz;
    free.memory_mb = capacity.memory_mb;
    free.disk_mb = capacity.disk_mb;
    free.allocations = capacity.allocations > 0 ? capacity.allocations : unlimited;
    return free -= view.usage(node);
}

Room::Room(const state::StateView& view, const Uuid& node, const state::Capacity& capacity)
    : free_{free_on(view, node, capacity)} {
    for (const state::AllocationPtr& row : view.allocations_on(node)) {
        if (row->terminal()) continue;
        by_job_[state::key_of(*row->job)] += row->usage;
        by_priority_[row->job->priority()] += row->usage;
    }
}

state::Usage Room::preemptible(std::int32_t priority) const {
    state::Usage all;
    for (const auto& [other, usage] : by_priority_) {
        if (other + priority_gap <= priority) all += usage;
    }
    return all;
}

bool may_preempt(const state::StateView& view, const schema::Evaluation& evaluation) {
    const auto& configuration = view.scheduler_configuration();
    if (!configuration) return false;
    const auto& kinds = configuration->preemption_config();
    return evaluation.type() == "batch" ? kinds.batch_scheduler_enabled()
                                        : kinds.service_scheduler_enabled();
}

bool anyone_may_preempt(const state::StateView& view) {
    const auto& configuration = view.scheduler_configuration();
    return configuration && (configuration->preemption_config().batch_scheduler_enabled() ||
                             configuration->preemption_config().service_scheduler_enabled());
}

}  // namespace drover::control
