// The scheduler's write: what the plan applier let through of a plan.
#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/state/apply.hpp"

namespace drover::state {

namespace {

bool is_record(const schema::Job& job, const AllocationJobKey& key) {
    return key_of(job) == key.job && job.create_index() == key.create_index &&
           job.version() == key.version;
}

// The record of the job that an allocation was placed for: shared with those that have it already.
JobPtr find_job(const Context& context, const AllocationJobKey& key, const schema::Plan& plan) {
    if (const AllocationJob* held = context.tables().allocation_jobs.find(key)) return held->job;
    const auto* version = context.tables().job_versions.find({key.job, key.version});
    if (version != nullptr && is_record(**version, key)) return *version;
    if (plan.has_job() && is_record(plan.job(), key)) {
        return std::make_shared<schema::Job>(plan.job());
    }
    return nullptr;
}

void name_job(schema::Allocation& allocation, const schema::Plan& plan) {
    if (allocation.job_create_index() != 0 || !plan.has_job()) return;
    allocation.set_job_create_index(plan.job().create_index());
    allocation.set_job_version(plan.job().version());
}

void introduce(schema::Allocation& allocation, const Context& context) {
    allocation.set_create_index(context.index());
    if (allocation.create_time() == 0) allocation.set_create_time(context.wall_ns);
    if (allocation.client_status().empty()) allocation.set_client_status("pending");
    if (allocation.desired_status().empty()) allocation.set_desired_status("run");
}

// What the client reported since the scheduler looked is newer than the plan.
void keep_known(schema::Allocation& allocation, const schema::Allocation& stored) {
    allocation.set_create_index(stored.create_index());
    allocation.set_create_time(stored.create_time());
    allocation.set_next_allocation(stored.next_allocation());
    *allocation.mutable_task_states() = stored.task_states();
    if (stored.has_network_status()) {
        *allocation.mutable_network_status() = stored.network_status();
    }
    if (allocation.client_status() != "lost" && allocation.client_status() != "unknown") {
        allocation.set_client_status(stored.client_status());
        allocation.set_client_description(stored.client_description());
    }
    bool same_deployment = allocation.deployment_id() == stored.deployment_id();
    if (same_deployment && stored.deployment_status().has_healthy() &&
        !allocation.deployment_status().has_healthy()) {
        *allocation.mutable_deployment_status() = stored.deployment_status();
    }
}

void link_previous(Context& context, const schema::Allocation& allocation) {
    if (allocation.previous_allocation().empty()) return;
    AllocationPtr previous = context.allocation(to_uuid(allocation.previous_allocation()));
    if (!previous || previous->body.next_allocation() == allocation.id()) return;
    schema::Allocation body = previous->body.unpack();
    body.set_next_allocation(allocation.id());
    body.set_modify_index(context.index());
    context.write.put_allocation(make_allocation_row(body, previous->job));
}

void place(Context& context, const schema::Plan& plan, const std::string& node_id,
           const schema::Allocation& planned) {
    AllocationPtr before = context.allocation(to_uuid(planned.id()));
    JobPtr current = context.job(JobKey{planned.namespace_(), planned.job_id()});
    // The job went away while the plan was under way: its next evaluation would stop this at once.
    if (!before && (!current || current->stop())) return;
    schema::Allocation body = planned;
    body.clear_job();
    name_job(body, plan);
    if (body.node_id().empty()) body.set_node_id(node_id);
    if (before && body.job_create_index() == 0) {
        body.set_job_create_index(before->body.job_create_index());
        body.set_job_version(before->body.job_version());
    }
    JobPtr job = find_job(context, job_key_of(body), plan);
    if (!job) return;
    if (before)
        keep_known(body, before->body.unpack());
    else
        introduce(body, context);
    body.set_modify_index(context.index());
    body.set_alloc_modify_index(context.index());
    body.set_modify_time(context.wall_ns);
    link_previous(context, body);
    store_allocation(context, std::move(body), job, before);
}

void note_client_status(schema::Allocation& body, const schema::Allocation& planned,
                        std::int64_t wall_ns) {
    if (planned.client_status().empty() || planned.client_status() == body.client_status()) return;
    if (planned.client_status() != "lost" && planned.client_status() != "unknown") return;
    body.set_client_status(planned.client_status());
    body.set_client_description(planned.client_description());
    schema::AllocState* state = body.add_alloc_states();
    state->set_value(planned.client_status());
    state->set_time(wall_ns);
}

// Of a stopped or preempted allocation only what the plan may change is taken from it.
void stop(Context& context, const schema::Allocation& planned, const char* desired) {
    AllocationPtr before = context.allocation(to_uuid(planned.id()));
    if (!before) return;
    schema::Allocation body = before->body.unpack();
    body.set_desired_status(planned.desired_status() == "evict" ? "evict" : desired);
    body.set_desired_description(planned.desired_description());
    note_client_status(body, planned, context.wall_ns);
    if (!planned.followup_eval_id().empty()) body.set_followup_eval_id(planned.followup_eval_id());
    if (!planned.preempted_by_allocation().empty()) {
        body.set_preempted_by_allocation(planned.preempted_by_allocation());
    }
    if (planned.has_reschedule_tracker()) {
        *body.mutable_reschedule_tracker() = planned.reschedule_tracker();
    }
    body.set_modify_index(context.index());
    body.set_alloc_modify_index(context.index());
    body.set_modify_time(context.wall_ns);
    store_allocation(context, std::move(body), before->job, before);
}

void bump_evaluation(Context& context, const std::string& raw_id) {
    const auto* stored = context.tables().evaluations.find(to_uuid(raw_id));
    if (stored == nullptr) return;
    auto row = std::make_shared<schema::Evaluation>(**stored);
    row->set_modify_index(context.index());
    row->set_modify_time(context.wall_ns);
    context.write.put_evaluation(std::move(row));
}

Result<void> check(const schema::PlanResult& body) {
    const schema::Plan& plan = body.plan();
    if (plan.has_deployment()) {
        auto checked = check_id("a deployment", plan.deployment().id());
        if (!checked) return checked;
    }
    for (const schema::NodeAllocations& node : plan.placements()) {
        auto checked = check_ids("an allocation", node.allocations());
        if (!checked) return checked;
    }
    return check_ids("an evaluation", body.evaluations());
}

}  // namespace

Result<void> apply_body(Context& context, const schema::PlanResult& body) {
    if (auto checked = check(body); !checked) return checked;
    const schema::Plan& plan = body.plan();
    if (plan.has_deployment()) upsert_deployment(context, plan.deployment());
    for (const schema::DeploymentStatusUpdate& update : plan.deployment_updates()) {
        // Somebody else may have ended it since the plan was made: then there is nothing to say.
        if (check_deployment_status(context, update)) apply_deployment_status(context, update);
    }
    bump_evaluation(context, plan.evaluation_id());
    for (const schema::NodeAllocations& node : plan.stops()) {
        for (const schema::Allocation& one : node.allocations()) stop(context, one, "stop");
    }
    for (const schema::NodeAllocations& node : plan.preemptions()) {
        for (const schema::Allocation& one : node.allocations()) stop(context, one, "evict");
    }
    for (const schema::NodeAllocations& node : plan.placements()) {
        for (const schema::Allocation& one : node.allocations()) {
            place(context, plan, node.node_id(), one);
        }
    }
    upsert_evaluations(context, body.evaluations());
    return {};
}

}  // namespace drover::state
