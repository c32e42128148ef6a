// Requests about allocations: operators stop them, clients report on them. See draft.hpp.
#include <algorithm>
#include <map>
#include <utility>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/server/draft.hpp"

namespace drover::server {
namespace {

bool is_client_terminal(const schema::Allocation& update) {
    return update.client_status() == "complete" || update.client_status() == "failed" ||
           update.client_status() == "lost";
}

const schema::TaskGroup* group_of(const schema::Job& job, std::string_view name) {
    for (const auto& group : job.task_groups()) {
        if (group.name() == name) return &group;
    }
    return nullptr;
}

bool may_be_rescheduled(const schema::TaskGroup& group, const state::AllocationRow& row,
                        WallTime wall) {
    if (!group.has_reschedule_policy()) return false;
    const auto& policy = group.reschedule_policy();
    if (policy.unlimited()) return true;
    const std::int64_t since = wall.value() - policy.interval();
    const auto tracker = row.body.reschedule_tracker();
    const auto& events = tracker.events();
    const auto used = std::count_if(events.begin(), events.end(), [&](const auto& event) {
        return event.reschedule_time() > since;
    });
    return used < policy.attempts();
}

// Why this report makes the job worth another look; null where it does not.
const char* trigger_of(const state::StateView& view, const state::AllocationRow& row,
                       const schema::Allocation& update, WallTime wall) {
    const bool was_unknown = row.client_status == state::ClientStatus::unknown;
    if (!is_client_terminal(update) && !was_unknown) return nullptr;
    const state::JobPtr job = view.job(state::key_of(*row.job));
    if (!job) return "job-deregister";
    if (was_unknown) return "reconnect";
    const schema::TaskGroup* group = group_of(*job, row.body.task_group());
    if (group == nullptr || update.client_status() != "failed") return nullptr;
    if (!row.body.followup_eval_id().empty()) return nullptr;
    return may_be_rescheduled(*group, row, wall) ? "alloc-failure" : nullptr;
}

Result<void> check_reporter(const DraftContext& context, const Uuid& node_id) {
    const state::NodePtr node = context.view.node(node_id);
    if (!node) {
        return fail(Errc::not_found,
                    "node " + node_id.text() + " is not registered; register it before reporting");
    }
    if (node->status() == "down" || node->status() == "disconnected") {
        return fail(Errc::conflict, "node " + node_id.text() + " is " + node->status() +
                                        "; it must heartbeat before it reports on allocations");
    }
    return {};
}

}  // namespace

Result<Draft> draft_stop_allocation(const DraftContext& context) {
    const auto& request = context.request.stop_allocation();
    const Uuid id = state::to_uuid(request.allocation_id());
    const state::AllocationPtr row = context.view.allocation(id);
    if (!row) return fail(Errc::not_found, "allocation not found: " + id.text());
    auto entry = entry_for(context);
    auto& body = *entry->mutable_transition_allocations();
    auto& one = *body.add_transitions();
    one.set_allocation_id(row->id.raw());
    one.mutable_transition()->set_migrate(true);
    if (request.no_shutdown_delay()) one.mutable_transition()->set_no_shutdown_delay(true);
    const state::JobPtr job = context.view.job(state::key_of(*row->job));
    *body.add_evaluations() =
        control::new_evaluation(context.mint, job ? *job : *row->job, "alloc-stop");
    return Draft{sealed(std::move(entry))};
}

Result<Draft> draft_update_allocations(const DraftContext& context) {
    auto entry = entry_for(context);
    auto& body = *entry->mutable_update_allocations();
    std::map<state::JobKey, schema::Evaluation> evaluations;
    std::map<Uuid, bool> checked_nodes;
    for (const auto& update : context.request.update_allocations().allocations()) {
        const state::AllocationPtr row = context.view.allocation(state::to_uuid(update.id()));
        if (!row) continue;  // collected meanwhile: the client will hear of it
        if (!std::exchange(checked_nodes[row->node_id], true)) {
            if (const auto checked = check_reporter(context, row->node_id); !checked) {
                return tl::unexpected{checked.error()};
            }
        }
        schema::Allocation& kept = *body.add_allocations();
        kept = update;
        kept.clear_job();
        kept.set_modify_time(context.mint.wall.value());
        const char* trigger = trigger_of(context.view, *row, update, context.mint.wall);
        const state::JobKey key = state::key_of(*row->job);
        if (trigger == nullptr || evaluations.contains(key)) continue;
        const state::JobPtr job = context.view.job(key);
        evaluations.emplace(key,
                            control::new_evaluation(context.mint, job ? *job : *row->job, trigger));
    }
    for (auto& [key, evaluation] : evaluations) *body.add_evaluations() = std::move(evaluation);
    if (body.allocations().empty()) return Draft{nullptr};
    return Draft{sealed(std::move(entry))};
}

}  // namespace drover::server
