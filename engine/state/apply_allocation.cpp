// Allocations as their clients report them and as operators want them moved; the summary counters.
#include "engine/schema/allocation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/state/apply.hpp"

namespace drover::state {

namespace {

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

schema::TaskGroupSummary* group_of(schema::JobSummary& summary, const std::string& name) {
    for (schema::TaskGroupSummary& group : *summary.mutable_summary()) {
        if (group.group() == name) return &group;
    }
    return nullptr;
}

// Health is the client's to tell; whether it is a canary is not.
void merge_deployment_status(schema::Allocation& body, const schema::Allocation& report) {
    if (!report.has_deployment_status()) return;
    const schema::AllocDeploymentStatus& news = report.deployment_status();
    if (!body.has_deployment_status()) {
        *body.mutable_deployment_status() = news;
        return;
    }
    schema::AllocDeploymentStatus& known = *body.mutable_deployment_status();
    if (!news.has_healthy()) return;
    if (known.has_healthy() && known.healthy() == news.healthy()) return;
    known.set_healthy(news.healthy());
    known.set_timestamp(news.timestamp());
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
    schema::Allocation body = before->body.unpack();
    body.set_client_status(report.client_status());
    body.set_client_description(report.client_description());
    *body.mutable_task_states() = report.task_states();
    if (report.has_network_status()) {
        *body.mutable_network_status() = report.network_status();
    }
    merge_deployment_status(body, report);
    body.set_modify_index(context.index());
    body.set_modify_time(report.modify_time() != 0 ? report.modify_time() : context.wall_ns);
    store_allocation(context, std::move(body), before->job, before);
    note_report(context, before->node_id);
}

void merge(schema::DesiredTransition& known, const schema::DesiredTransition& news) {
    // Members that are not set in the news are left alone: that is what merging a message means.
    known.MergeFrom(news);
}

}  // namespace

// Failed and complete only ever grow: they count what has happened, the others what is.
void count_in_summary(Context& context, const schema::Allocation& now, const AllocationRow* before,
                      ClientStatus status) {
    if (before != nullptr && before->client_status == status) return;
    schema::JobSummary* summary = context.edit_summary(JobKey{now.namespace_(), now.job_id()});
    if (summary == nullptr || summary->create_index() != now.job_create_index()) return;
    schema::TaskGroupSummary* group = group_of(*summary, now.task_group());
    if (group == nullptr) return;
    counter_of(status)(*group, 1);
    if (before == nullptr) {
        if (group->queued() > 0) group->set_queued(group->queued() - 1);
        return;
    }
    ClientStatus was = before->client_status;
    if (was != ClientStatus::failed && was != ClientStatus::complete) counter_of(was)(*group, -1);
}

void store_allocation(Context& context, schema::Allocation body, const JobPtr& job,
                      const AllocationPtr& before) {
    count_in_deployment(context, body, before.get());
    AllocationPtr row = make_allocation_row(body, job);
    count_in_summary(context, body, before.get(), row->client_status);
    context.touch_job(job_of(*row));
    context.write.put_allocation(std::move(row));
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
        schema::Allocation now = before->body.unpack();
        merge(*now.mutable_desired_transition(), one.transition());
        now.set_modify_index(context.index());
        now.set_alloc_modify_index(context.index());
        now.set_modify_time(context.wall_ns);
        context.write.put_allocation(make_allocation_row(now, before->job));
    }
    upsert_evaluations(context, body.evaluations());
    return {};
}

}  // namespace drover::state
