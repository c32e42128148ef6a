// Deployments: counters moved by their allocations, health told from outside, promotion, status.
#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/state/apply.hpp"

namespace drover::state {

namespace {

schema::DeploymentState* group_of(schema::Deployment& row, std::string_view group) {
    for (schema::DeploymentState& state : *row.mutable_task_groups()) {
        if (state.group() == group) return &state;
    }
    return nullptr;
}

bool contains(const google::protobuf::RepeatedPtrField<std::string>& ids, const std::string& id) {
    for (const std::string& one : ids) {
        if (one == id) return true;
    }
    return false;
}

struct HealthMove {
    int healthy = 0;
    int unhealthy = 0;
};

using HealthNote = schema::AllocDeploymentStatus;

HealthMove health_move(const HealthNote& now, const HealthNote& before) {
    if (!now.has_healthy()) return {};
    if (!before.has_healthy()) return now.healthy() ? HealthMove{1, 0} : HealthMove{0, 1};
    // A way back from unhealthy is not counted.
    if (before.healthy() && !now.healthy()) return HealthMove{-1, 1};
    return {};
}

void move_progress_deadline(schema::DeploymentState& state, std::int64_t begins) {
    const std::int64_t until = begins + state.progress_deadline();
    if (state.progress_deadline() > 0 && until > state.require_progress_by()) {
        state.set_require_progress_by(until);
    }
}

int healthy_canaries(const Context& context, const schema::DeploymentState& state) {
    int count = 0;
    for (const std::string& raw : state.placed_canaries()) {
        AllocationPtr row = context.allocation(to_uuid(raw));
        if (row && !row->terminal() && row->body.deployment_status().healthy()) ++count;
    }
    return count;
}

bool selected(const schema::DeploymentChange& body, const std::string& group) {
    return body.promote_all() || contains(body.promoted_groups(), group);
}

bool promotes(const schema::DeploymentChange& body) {
    return body.promote_all() || !body.promoted_groups().empty();
}

Result<void> check_promotion(const Context& context, const schema::DeploymentChange& body,
                             const schema::Deployment& row) {
    if (!promotes(body)) return {};
    for (const schema::DeploymentState& state : row.task_groups()) {
        if (!selected(body, state.group()) || state.desired_canaries() == 0) continue;
        int healthy = healthy_canaries(context, state);
        if (healthy >= state.desired_canaries()) continue;
        return fail(Errc::conflict,
                    "Task group \"" + state.group() + "\" has " + std::to_string(healthy) + "/" +
                        std::to_string(state.desired_canaries()) + " healthy allocations");
    }
    return {};
}

Result<void> check_health(const Context& context, const schema::DeploymentChange& body) {
    for (const auto* ids : {&body.healthy_allocation_ids(), &body.unhealthy_allocation_ids()}) {
        for (const std::string& raw : *ids) {
            AllocationPtr row = context.allocation(to_uuid(raw));
            std::string name = "allocation " + to_uuid(raw).text();
            if (!row) return fail(Errc::not_found, name + " not found");
            if (row->body.deployment_id() != body.deployment_id()) {
                return fail(Errc::invalid_argument, name + " is not part of deployment " +
                                                        to_uuid(body.deployment_id()).text());
            }
        }
    }
    return {};
}

void set_health(Context& context, const std::string& raw_id, bool healthy) {
    AllocationPtr before = context.allocation(to_uuid(raw_id));
    HealthNote note = before->body.deployment_status();
    note.set_healthy(healthy);
    note.set_timestamp(context.wall_ns);
    note.set_modify_index(context.index());
    AllocationChange change;
    change.set(schema::Allocation::kDeploymentStatusFieldNumber, note)
        .set(schema::Allocation::kModifyIndexFieldNumber, context.index())
        .set(schema::Allocation::kModifyTimeFieldNumber,
             static_cast<std::uint64_t>(context.wall_ns));
    change_allocation(context, before, change);
}

void release_canary(Context& context, const std::string& raw_id) {
    AllocationPtr before = context.allocation(to_uuid(raw_id));
    if (!before || before->terminal()) return;
    HealthNote note = before->body.deployment_status();
    if (!note.healthy()) return;
    note.set_canary(false);
    note.set_modify_index(context.index());
    AllocationChange change;
    change.set(schema::Allocation::kDeploymentStatusFieldNumber, note)
        .set(schema::Allocation::kModifyIndexFieldNumber, context.index())
        .set(schema::Allocation::kAllocModifyIndexFieldNumber, context.index());
    context.write.put_allocation(
        make_allocation_row(change.applied_to(before->body), before->usage, before->job));
}

bool requires_promotion(const schema::Deployment& row) {
    for (const schema::DeploymentState& state : row.task_groups()) {
        if (state.desired_canaries() > 0 && !state.promoted()) return true;
    }
    return false;
}

void promote(Context& context, const schema::DeploymentChange& body) {
    schema::Deployment& row = *context.edit_deployment(to_uuid(body.deployment_id()));
    for (schema::DeploymentState& state : *row.mutable_task_groups()) {
        if (!selected(body, state.group())) continue;
        state.set_promoted(true);
        if (state.progress_deadline() > 0 && state.require_progress_by() != 0) {
            state.set_require_progress_by(context.wall_ns + state.progress_deadline());
        }
        if (state.desired_canaries() == 0) continue;
        for (const std::string& raw : state.placed_canaries()) release_canary(context, raw);
    }
    if (row.status() == "running" && !requires_promotion(row)) {
        row.set_status_description("Deployment is running");
    }
    row.set_modify_index(context.index());
    row.set_modify_time(context.wall_ns);
}

Result<void> check(const Context& context, const schema::DeploymentChange& body) {
    if (body.has_status()) {
        auto checked = check_deployment_status(context, body.status());
        if (!checked) return checked;
    }
    if (body.has_evaluation()) {
        auto checked = check_id("an evaluation", body.evaluation().id());
        if (!checked) return checked;
    }
    if (body.deployment_id().empty()) {
        if (!promotes(body) && body.healthy_allocation_ids().empty() &&
            body.unhealthy_allocation_ids().empty()) {
            return {};
        }
        return fail(Errc::invalid_argument,
                    "promotion and health need the deployment_id that they are about");
    }
    const schema::Deployment* row = context.deployment(to_uuid(body.deployment_id()));
    if (row == nullptr) {
        return fail(Errc::not_found,
                    "deployment " + to_uuid(body.deployment_id()).text() + " not found");
    }
    if (deployment_terminal(*row)) {
        return fail(Errc::conflict, "deployment " + to_uuid(body.deployment_id()).text() +
                                        " has terminal status \"" + row->status() + "\"");
    }
    if (auto checked = check_promotion(context, body, *row); !checked) return checked;
    return check_health(context, body);
}

void mark_stable(Context& context, const std::string& raw_id) {
    const schema::Deployment* row = context.deployment(to_uuid(raw_id));
    if (row == nullptr) return;
    set_job_stability(context, {JobKey{row->namespace_(), row->job_id()}, row->job_version()},
                      true);
}

}  // namespace

bool deployment_terminal(const schema::Deployment& row) {
    return row.status() == "failed" || row.status() == "successful" || row.status() == "cancelled";
}

bool count_in_deployment(Context& context, const AllocationRow& now, const AllocationRow* before) {
    if (now.body.deployment_id().empty()) return false;
    const Uuid id = to_uuid(now.body.deployment_id());
    if (context.deployment(id) == nullptr) return false;
    const bool placed =
        before == nullptr || before->body.deployment_id() != now.body.deployment_id();
    const HealthNote note = now.body.deployment_status();
    const HealthMove move =
        placed ? HealthMove{} : health_move(note, before->body.deployment_status());
    if (!placed && move.healthy == 0 && move.unhealthy == 0) return false;
    schema::Deployment& row = *context.edit_deployment(id);
    schema::DeploymentState* state = group_of(row, now.body.task_group());
    if (state == nullptr) return false;
    row.set_modify_index(context.index());
    row.set_modify_time(now.body.modify_time());
    state->set_placed_allocs(state->placed_allocs() + (placed ? 1 : 0));
    state->set_healthy_allocs(state->healthy_allocs() + move.healthy);
    state->set_unhealthy_allocs(state->unhealthy_allocs() + move.unhealthy);
    const std::string raw_id = now.id.raw();
    if (note.canary() && !contains(state->placed_canaries(), raw_id)) {
        state->add_placed_canaries(raw_id);
    }
    if (placed && state->require_progress_by() == 0) {
        move_progress_deadline(*state, now.body.modify_time());
    } else if (!placed && move.healthy != 0) {
        move_progress_deadline(*state, note.timestamp());
    }
    return !placed;
}

// The scheduler computes a deployment from a view that may be old: what allocations have reported
// since then is kept, and so is a promotion.
void upsert_deployment(Context& context, schema::Deployment row) {
    const schema::Deployment* stored = context.deployment(to_uuid(row.id()));
    row.set_modify_index(context.index());
    row.set_modify_time(context.wall_ns);
    if (stored == nullptr) {
        row.set_create_index(context.index());
        row.set_create_time(context.wall_ns);
        context.new_deployment(std::move(row));
        return;
    }
    row.set_create_index(stored->create_index());
    row.set_create_time(stored->create_time());
    for (const schema::DeploymentState& kept : stored->task_groups()) {
        schema::DeploymentState* state = group_of(row, kept.group());
        if (state == nullptr) {
            *row.add_task_groups() = kept;
            continue;
        }
        state->set_healthy_allocs(kept.healthy_allocs());
        state->set_unhealthy_allocs(kept.unhealthy_allocs());
        state->set_placed_allocs(kept.placed_allocs());
        state->set_require_progress_by(kept.require_progress_by());
        state->set_promoted(state->promoted() || kept.promoted());
        for (const std::string& raw : kept.placed_canaries()) {
            if (!contains(state->placed_canaries(), raw)) state->add_placed_canaries(raw);
        }
    }
    context.new_deployment(std::move(row));
}

Result<void> check_deployment_status(const Context& context,
                                     const schema::DeploymentStatusUpdate& update) {
    const schema::Deployment* row = context.deployment(to_uuid(update.deployment_id()));
    std::string name = "deployment " + to_uuid(update.deployment_id()).text();
    if (row == nullptr) return fail(Errc::not_found, name + " not found");
    if (!deployment_terminal(*row)) return {};
    return fail(Errc::conflict, name + " has terminal status \"" + row->status() + "\"");
}

void apply_deployment_status(Context& context, const schema::DeploymentStatusUpdate& update) {
    schema::Deployment& row = *context.edit_deployment(to_uuid(update.deployment_id()));
    row.set_status(update.status());
    row.set_status_description(update.description());
    row.set_modify_index(context.index());
    row.set_modify_time(context.wall_ns);
    if (update.status() == "running" || update.status() == "paused") {
        for (schema::DeploymentState& state : *row.mutable_task_groups()) {
            if (state.progress_deadline() > 0 && state.require_progress_by() != 0) {
                state.set_require_progress_by(context.wall_ns + state.progress_deadline());
            }
        }
    }
    if (update.status() == "successful") mark_stable(context, update.deployment_id());
    context.touch_job(JobKey{row.namespace_(), row.job_id()});
}

Result<void> apply_body(Context& context, const schema::DeploymentChange& body) {
    if (auto checked = check(context, body); !checked) return checked;
    for (const std::string& raw : body.healthy_allocation_ids()) set_health(context, raw, true);
    for (const std::string& raw : body.unhealthy_allocation_ids()) set_health(context, raw, false);
    if (promotes(body)) promote(context, body);
    if (body.has_status()) apply_deployment_status(context, body.status());
    if (body.mark_job_stable()) {
        mark_stable(context,
                    body.has_status() ? body.status().deployment_id() : body.deployment_id());
    }
    if (body.has_revert_to()) upsert_job(context, body.revert_to());
    if (body.has_evaluation()) upsert_evaluation(context, body.evaluation());
    return {};
}

}  // namespace drover::state
