// The scheduler's write: what the plan applier let through of a plan.
#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/placement_batch.hpp"
#include "engine/state/apply.hpp"

namespace drover::state {

namespace {

using schema::Allocation;

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

// What the client reported since the scheduler looked is newer than the plan.
void keep_known(Allocation& allocation, const Allocation& stored) {
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

void link_previous(Context& context, const Allocation& allocation) {
    if (allocation.previous_allocation().empty()) return;
    AllocationPtr previous = context.allocation(to_uuid(allocation.previous_allocation()));
    if (!previous || previous->body.next_allocation() == allocation.id()) return;
    AllocationChange change;
    change.set(Allocation::kNextAllocationFieldNumber, allocation.id())
        .set(Allocation::kModifyIndexFieldNumber, context.index());
    context.write.put_allocation(
        make_allocation_row(change.applied_to(previous->body), previous->usage, previous->job));
}

AllocationJobKey named_job(const Allocation& planned, const schema::Plan& plan) {
    AllocationJobKey key = job_key_of(planned);
    if (key.create_index != 0 || !plan.has_job()) return key;
    return {std::move(key.job), plan.job().create_index(), plan.job().version()};
}

void place_new(Context& context, const schema::Plan& plan, const std::string& node_id,
               const Allocation& planned) {
    JobPtr current = context.job(JobKey{planned.namespace_(), planned.job_id()});
    // The job went away while the plan was under way: its next evaluation would stop this at once.
    if (!current || current->stop()) return;
    const AllocationJobKey key = named_job(planned, plan);
    JobPtr job = find_job(context, key, plan);
    if (!job) return;
    const auto now = static_cast<std::uint64_t>(context.wall_ns);
    AllocationChange change;
    change.set(Allocation::kJobFieldNumber, "")
        .set(Allocation::kJobCreateIndexFieldNumber, key.create_index)
        .set(Allocation::kJobVersionFieldNumber, key.version)
        .set(Allocation::kCreateIndexFieldNumber, context.index())
        .set(Allocation::kModifyIndexFieldNumber, context.index())
        .set(Allocation::kAllocModifyIndexFieldNumber, context.index())
        .set(Allocation::kModifyTimeFieldNumber, now);
    if (planned.create_time() == 0) change.set(Allocation::kCreateTimeFieldNumber, now);
    if (planned.node_id().empty()) change.set(Allocation::kNodeIdFieldNumber, node_id);
    if (planned.client_status().empty()) {
        change.set(Allocation::kClientStatusFieldNumber, "pending");
    }
    if (planned.desired_status().empty()) {
        change.set(Allocation::kDesiredStatusFieldNumber, "run");
    }
    link_previous(context, planned);
    store_allocation(context,
                     make_allocation_row(change.applied_to(PackedAllocation{planned}),
                                         usage_of(planned), std::move(job)),
                     nullptr);
}

// What the state adds to each of a batch, said once for all of them.
Allocation common_row(const Context& context, const schema::PlacementBatch& batch,
                      const AllocationJobKey& key) {
    Allocation common = batch.common();
    common.clear_job();
    common.set_job_create_index(key.create_index);
    common.set_job_version(key.version);
    common.set_create_index(context.index());
    common.set_modify_index(context.index());
    common.set_alloc_modify_index(context.index());
    common.set_modify_time(context.wall_ns);
    if (common.create_time() == 0) common.set_create_time(context.wall_ns);
    if (common.client_status().empty()) common.set_client_status("pending");
    if (common.desired_status().empty()) common.set_desired_status("run");
    return common;
}

void place_batch(Context& context, const schema::Plan& plan, const schema::PlacementBatch& batch) {
    const JobPtr current =
        context.job(JobKey{batch.common().namespace_(), batch.common().job_id()});
    if (!current || current->stop()) return;  // as with a single one
    const AllocationJobKey key = named_job(batch.common(), plan);
    const JobPtr job = find_job(context, key, plan);
    if (!job) return;
    const Allocation common = common_row(context, batch, key);
    const AllocationMould mould{common};
    const Usage usage = usage_of(common);
    schema::for_each_placement(batch, [&](const schema::BatchedPlacement& placed) {
        if (context.allocation(to_uuid(placed.id))) return;  // new ones alone
        const std::string name = schema::numbered_name(common.name(), placed.name_number);
        PackedAllocation body =
            mould.cast({placed.id, name, placed.node_id, placed.node_name, *placed.scores});
        store_allocation(context, make_allocation_row(std::move(body), usage, job), nullptr);
    });
}

// An allocation that stays where it is and has something new to it.
void update(Context& context, const schema::Plan& plan, const std::string& node_id,
            const Allocation& planned, const AllocationPtr& before) {
    AllocationJobKey key = named_job(planned, plan);
    if (key.create_index == 0) {
        key = {std::move(key.job), before->body.job_create_index(), before->body.job_version()};
    }
    const JobPtr job = find_job(context, key, plan);
    if (!job) return;
    Allocation body = planned;
    body.clear_job();
    body.set_job_create_index(key.create_index);
    body.set_job_version(key.version);
    if (body.node_id().empty()) body.set_node_id(node_id);
    keep_known(body, before->body.unpack());
    body.set_modify_index(context.index());
    body.set_alloc_modify_index(context.index());
    body.set_modify_time(context.wall_ns);
    link_previous(context, body);
    store_allocation(context, make_allocation_row(body, job), before);
}

void note_client_status(const Context& context, AllocationChange& change,
                        const PackedAllocation& known, const Allocation& planned) {
    const std::string& status = planned.client_status();
    if (status == known.client_status() || (status != "lost" && status != "unknown")) return;
    std::vector<schema::AllocState> states = known.alloc_states();
    states.emplace_back().set_value(status);
    states.back().set_time(context.wall_ns);
    change.set(Allocation::kClientStatusFieldNumber, status)
        .set(Allocation::kClientDescriptionFieldNumber, planned.client_description())
        .set_all(Allocation::kAllocStatesFieldNumber, states);
}

// Of a stopped or preempted allocation only what the plan may change is taken from it.
void stop(Context& context, const Allocation& planned, const char* desired) {
    AllocationPtr before = context.allocation(to_uuid(planned.id()));
    if (!before) return;
    AllocationChange change;
    change
        .set(Allocation::kDesiredStatusFieldNumber,
             planned.desired_status() == "evict" ? "evict" : desired)
        .set(Allocation::kDesiredDescriptionFieldNumber, planned.desired_description())
        .set(Allocation::kModifyIndexFieldNumber, context.index())
        .set(Allocation::kAllocModifyIndexFieldNumber, context.index())
        .set(Allocation::kModifyTimeFieldNumber, static_cast<std::uint64_t>(context.wall_ns));
    note_client_status(context, change, before->body, planned);
    if (!planned.followup_eval_id().empty()) {
        change.set(Allocation::kFollowupEvalIdFieldNumber, planned.followup_eval_id());
    }
    if (!planned.preempted_by_allocation().empty()) {
        change.set(Allocation::kPreemptedByAllocationFieldNumber,
                   planned.preempted_by_allocation());
    }
    if (planned.has_reschedule_tracker()) {
        change.set(Allocation::kRescheduleTrackerFieldNumber, planned.reschedule_tracker());
    }
    change_allocation(context, before, change);
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
    for (const schema::PlacementBatch& batch : plan.placement_batches()) {
        if (auto checked = schema::check_batch(batch); !checked) return checked;
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
        for (const Allocation& one : node.allocations()) stop(context, one, "stop");
    }
    for (const schema::NodeAllocations& node : plan.preemptions()) {
        for (const Allocation& one : node.allocations()) stop(context, one, "evict");
    }
    for (const schema::NodeAllocations& node : plan.placements()) {
        for (const Allocation& one : node.allocations()) {
            const AllocationPtr before = context.allocation(to_uuid(one.id()));
            if (before)
                update(context, plan, node.node_id(), one, before);
            else
                place_new(context, plan, node.node_id(), one);
        }
    }
    for (const schema::PlacementBatch& batch : plan.placement_batches()) {
        place_batch(context, plan, batch);
    }
    upsert_evaluations(context, body.evaluations());
    return {};
}

}  // namespace drover::state
