// See plan_check.hpp.
#include "engine/control/plan_check.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/scheduler/deployment.hpp"
#include "engine/scheduler/fit.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/placement_batch.hpp"

namespace drover::control {
namespace {

using Groups = google::protobuf::RepeatedPtrField<schema::NodeAllocations>;

void drop_nodes(Groups& groups, const std::set<Uuid>& refused) {
    Groups kept;
    for (schema::NodeAllocations& group : groups) {
        if (!refused.contains(state::to_uuid(group.node_id()))) kept.Add(std::move(group));
    }
    groups.Swap(&kept);
}

void drop_batched(schema::Plan& plan, const std::set<Uuid>& refused) {
    google::protobuf::RepeatedPtrField<schema::PlacementBatch> kept;
    for (const schema::PlacementBatch& batch : plan.placement_batches()) {
        auto rest = schema::without_nodes(
            batch, [&](std::string_view node) { return refused.contains(state::to_uuid(node)); });
        if (!rest.nodes().empty()) kept.Add(std::move(rest));
    }
    plan.mutable_placement_batches()->Swap(&kept);
}

void drop_ended_preemptions(const state::StateView& view, schema::Plan& plan) {
    for (auto& group : *plan.mutable_preemptions()) {
        google::protobuf::RepeatedPtrField<schema::Allocation> kept;
        for (auto& allocation : *group.mutable_allocations()) {
            const state::AllocationPtr row = view.allocation(state::to_uuid(allocation.id()));
            if (row && !row->terminal()) kept.Add(std::move(allocation));
        }
        group.mutable_allocations()->Swap(&kept);
    }
}

// A plan that moves the numbers of a deployment has no say in its status: an operator or the leader
// may have changed that since the plan was made. What has ended stays as it is.
void keep_status(const state::StateView& view, schema::Plan& plan) {
    if (!plan.has_deployment()) return;
    const auto stored = view.deployment(state::to_uuid(plan.deployment().id()));
    if (!stored) return;
    if (!scheduler::is_active(*stored)) return plan.clear_deployment();
    plan.mutable_deployment()->set_status(stored->status());
    plan.mutable_deployment()->set_status_description(stored->status_description());
}

bool no_allocations(const Groups& groups) {
    return std::all_of(groups.begin(), groups.end(),
                       [](const auto& group) { return group.allocations().empty(); });
}

}  // namespace

CheckedPlan check_plan(const state::StateView& view, schema::Plan plan) {
    CheckedPlan checked;
    std::set<Uuid> refused;
    for (auto& [node, reason] : scheduler::refusals(view, plan)) {
        refused.insert(node);
        checked.refusals.push_back({node, std::move(reason)});
    }
    if (!refused.empty() && plan.all_at_once()) {
        plan.clear_stops();
        plan.clear_placements();
        plan.clear_placement_batches();
        plan.clear_preemptions();
        plan.clear_deployment();
        plan.clear_deployment_updates();
    } else if (!refused.empty()) {
        drop_nodes(*plan.mutable_stops(), refused);
        drop_nodes(*plan.mutable_placements(), refused);
        drop_nodes(*plan.mutable_preemptions(), refused);
        drop_batched(plan, refused);
    }
    drop_ended_preemptions(view, plan);
    keep_status(view, plan);
    checked.plan = std::move(plan);
    return checked;
}

bool changes_nothing(const schema::Plan& plan) {
    return no_allocations(plan.stops()) && no_allocations(plan.placements()) &&
           plan.placement_batches().empty() && !plan.has_deployment() &&
           plan.deployment_updates().empty();
}

}  // namespace drover::control
