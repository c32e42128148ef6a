// Allocations as their clients report them and as operators want them moved; the summary counters.
#include "engine/schema/allocation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/state/apply.hpp"
#include "engine/state/children.hpp"

namespace drover::state {

namespace {

using schema::Allocation;
using Counter = void (*)(schema::TaskGroupSummary&, std::int32_t);

template <std::int32_t (schema::TaskGroupSummary::*Get)() const,
          void (schema::TaskGroupSummary::*Set)(std::int32_t)>
void count(schema::TaskGroupSummary& group, std::int32_t by) {
    std::int32_t value = (group.*Get)() + by;
    (group.*Set)(value < 0 ? 0 : value);
}

using Group = schema::TaskGroupSummary;

Counter counter_of(ClientStatus status) {
    switch (status) {
        case ClientStatus::pending:
            return count<&Group::starting, &Group::set_starting>;
        case ClientStatus::running:
            return count<&Group::running, &Group::set_running>;
        case ClientStatus::complete:
            return count<&Group::complete, &Group::set_complete>;
        case ClientStatus::failed:
            return count<&Group::failed, &Group::set_failed>;
        case ClientStatus::lost:
            return count<&Group::lost, &Group::set_lost>;
        case ClientStatus::unknown:
            return count<&Group::unknown, &Group::set_unknown>;
    }
    return nullptr;
}

schema::TaskGroupSummary* group_of(schema::JobSummary& summary, std::string_view name) {
    for (schema::TaskGroupSummary& group : *summary.mutable_summary()) {
        if (group.group() == name) return &group;
    }
    return nullptr;
}

// Health is the client's to tell; whether it is a canary is not. None where there is no news.
std::optional<schema::AllocDeploymentStatus> merged_deployment_status(
    const PackedAllocation& body, const schema::Allocation& report) {
    if (!report.has_deployment_status()) return std::nullopt;
    const schema::AllocDeploymentStatus& news = report.deployment_status();
    if (!body.has_deployment_status()) return news;
    schema::AllocDeploymentStatus known = body.deployment_status();
    if (!news.has_healthy()) return std::nullopt;
    if (known.has_healthy() && known.healthy() == news.healthy()) return std::nullopt;
    known.set_healthy(news.healthy());
    known.set_timestamp(news.timestamp());
    return known;
}

// The first report after a missed heartbeat tells that the client is up to date again.
void note_report(Context& context, const Uuid& node_id) {
    NodePtr stored = context.node(node_id);
    if (!stored || stored->last_alloc_update_index() > stored->last_missed_heartbeat_index()) {
        return;
    }
    auto node = std::make_shared<schema::Node>(*stored);
    node->set_last_alloc_update_index(context.index());
    context.write.put_node(std::move(node));
}

void apply_report(Context& context, const schema::Allocation& report) {
    AllocationPtr before = context.allocation(to_uuid(report.id()));
    if (!before) return;  // removed in the meantime
    const std::int64_t told = report.modify_time();
    AllocationChange change;
    change.set(Allocation::kClientStatusFieldNumber, report.client_status())
        .set(Allocation::kClientDescriptionFieldNumber, report.client_description())
        .set_all(Allocation::kTaskStatesFieldNumber, report.task_states())
        .set(Allocation::kModifyIndexFieldNumber, context.index())
        .set(Allocation::kModifyTimeFieldNumber,
             static_cast<std::uint64_t>(told != 0 ? told : context.wall_ns));
    if (report.has_network_status()) {
        change.set(Allocation::kNetworkStatusFieldNumber, report.network_status());
    }
    if (const auto status = merged_deployment_status(before->body, report)) {
        change.set(Allocation::kDeploymentStatusFieldNumber, *status);
    }
    change_allocation(context, before, change);
    note_report(context, before->node_id);
}

// Failed and complete only ever grow: they count what has happened, the others what is.
void count_in_summary(Context& context, const AllocationRow& now, const AllocationRow* before) {
    if (before != nullptr && before->client_status == now.client_status) return;
    schema::JobSummary* summary = context.edit_summary(job_of(now));
    if (summary == nullptr || summary->create_index() != now.body.job_create_index()) return;
    schema::TaskGroupSummary* group = group_of(*summary, now.body.task_group());
    if (group == nullptr) return;
    counter_of(now.client_status)(*group, 1);
    if (before == nullptr) {
        if (group->queued() > 0) group->set_queued(group->queued() - 1);
        return;
    }
    ClientStatus was = before->client_status;
    if (was != ClientStatus::failed && was != ClientStatus::complete) counter_of(was)(*group, -1);
}

void count_children_anew(Context& context, const JobKey& key, schema::JobSummary& summary) {
    if (!summary.has_children()) return;
    schema::JobChildrenSummary children;
    for (const JobPtr& child : children_of(context.tables(), key)) {
        if (child->status() == "pending") children.set_pending(children.pending() + 1);
        if (child->status() == "running") children.set_running(children.running() + 1);
        if (child->status() == "dead") children.set_dead(children.dead() + 1);
    }
    *summary.mutable_children() = children;
}

}  // namespace

Result<void> apply_body(Context& context, const schema::SummaryReconciliation&) {
    std::vector<JobKey> keys;
    for (const JobSummaryPtr& row : context.tables().job_summaries.all()) {
        keys.push_back({row->namespace_(), row->job_id()});
    }
    for (const JobKey& key : keys) {
        schema::JobSummary& summary = *context.edit_summary(key);
        for (schema::TaskGroupSummary& group : *summary.mutable_summary()) {
            schema::TaskGroupSummary anew;
            anew.set_group(group.group());
            anew.set_queued(group.queued());  // the latest evaluation's word, not an allocation's
            group = std::move(anew);
        }
        count_children_anew(context, key, summary);
    }
    for (const AllocationPtr& row : context.tables().allocations.all()) {
        schema::JobSummary* summary = context.edit_summary(job_of(*row));
        if (summary == nullptr || summary->create_index() != row->body.job_create_index()) continue;
        schema::TaskGroupSummary* group = group_of(*summary, row->body.task_group());
        if (group != nullptr) counter_of(row->client_status)(*group, 1);
    }
    return {};
}

void store_allocation(Context& context, const AllocationPtr& row, const AllocationPtr& before) {
    AllocationPtr now = row;
    if (count_in_deployment(context, *row, before.get())) {
        schema::AllocDeploymentStatus note = row->body.deployment_status();
        note.set_modify_index(context.index());
        AllocationChange change;
        change.set(Allocation::kDeploymentStatusFieldNumber, note);
        now = make_allocation_row(change.applied_to(row->body), row->usage, row->job);
    }
    count_in_summary(context, *now, before.get());
    context.touch_job(job_of(*now));
    context.write.put_allocation(std::move(now));
}

void change_allocation(Context& context, const AllocationPtr& before,
                       const AllocationChange& change) {
    store_allocation(
        context, make_allocation_row(change.applied_to(before->body), before->usage, before->job),
        before);
}

Result<void> apply_body(Context& context, const schema::AllocationClientUpdate& body) {
    if (auto checked = check_ids("an evaluation", body.evaluations()); !checked) return checked;
    for (const schema::Allocation& report : body.allocations()) apply_report(context, report);
    upsert_evaluations(context, body.evaluations());
    return {};
}

Result<void> apply_body(Context& context, const schema::AllocationTransition& body) {
    if (auto checked = check_ids("an evaluation", body.evaluations()); !checked) return checked;
    for (const schema::AllocationTransition::One& one : body.transitions()) {
        AllocationPtr before = context.allocation(to_uuid(one.allocation_id()));
        if (!before) {
            return fail(Errc::not_found,
                        "allocation " + to_uuid(one.allocation_id()).text() + " not found");
        }
    }
    for (const schema::AllocationTransition::One& one : body.transitions()) {
        AllocationPtr before = context.allocation(to_uuid(one.allocation_id()));
        // Members that are not set in the news are left alone: that is what merging means.
        schema::DesiredTransition transition = before->body.desired_transition();
        transition.MergeFrom(one.transition());
        AllocationChange change;
        change.set(Allocation::kDesiredTransitionFieldNumber, transition)
            .set(Allocation::kModifyIndexFieldNumber, context.index())
            .set(Allocation::kAllocModifyIndexFieldNumber, context.index())
            .set(Allocation::kModifyTimeFieldNumber, static_cast<std::uint64_t>(context.wall_ns));
        context.write.put_allocation(
            make_allocation_row(change.applied_to(before->body), before->usage, before->job));
    }
    upsert_evaluations(context, body.evaluations());
    return {};
}

}  // namespace drover::state
