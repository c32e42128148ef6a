// Small conversions between the schema and the state's own vocabulary.
#include "engine/state/types.hpp"

#include <algorithm>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/state/row_hash.hpp"

namespace drover::state {

namespace {

DesiredStatus desired_status_of(std::string_view text) {
    if (text == "stop") return DesiredStatus::stop;
    if (text == "evict") return DesiredStatus::evict;
    return DesiredStatus::run;
}

ClientStatus client_status_of(std::string_view text) {
    if (text == "running") return ClientStatus::running;
    if (text == "complete") return ClientStatus::complete;
    if (text == "failed") return ClientStatus::failed;
    if (text == "lost") return ClientStatus::lost;
    if (text == "unknown") return ClientStatus::unknown;
    return ClientStatus::pending;
}

const schema::AllocTaskLifecycle* lifecycle_of(const schema::AllocatedResources& resources,
                                               const std::string& task) {
    for (const schema::TaskLifecyclePair& pair : resources.task_lifecycles()) {
        if (pair.key() == task && pair.has_value() && !pair.value().hook().empty()) {
            return &pair.value();
        }
    }
    return nullptr;
}

void raise_to(Usage& usage, const Usage& other) {
    usage.cpu_mhz = std::max(usage.cpu_mhz, other.cpu_mhz);
    usage.memory_mb = std::max(usage.memory_mb, other.memory_mb);
    usage.memory_max_mb = std::max(usage.memory_max_mb, other.memory_max_mb);
}

}  // namespace

Capacity capacity_of(const schema::Node& node) {
    const auto& total = node.node_resources();
    const auto& reserved = node.reserved_resources();
    const auto without = [](std::int64_t amount, std::uint64_t kept) {
        return amount - static_cast<std::int64_t>(kept);
    };
    return {without(total.cpu().cpu_shares(), reserved.cpu().cpu_shares()),
            without(total.memory().memory_mb(), reserved.memory().memory_mb()),
            without(total.disk().disk_mb(), reserved.disk().disk_mb()), node.node_max_allocs()};
}

bool ready_for_placement(const schema::Node& node) {
    return node.status() == "ready" && !node.has_drain_strategy() &&
           node.scheduling_eligibility() != "ineligible";
}

// Tasks that run before the main ones and end, those beside them, and those after them never hold
// their resources at the same time: the largest of the three sums counts. A task with cores of its
// own keeps them throughout, so its share of the CPU is always added.
Usage usage_of(const schema::Allocation& allocation) {
    const schema::AllocatedResources& resources = allocation.allocated_resources();
    Usage main;
    Usage before;
    Usage after;
    std::int64_t pinned_cpu = 0;
    for (const schema::AllocatedTaskResources& task : resources.tasks()) {
        Usage one{
            .cpu_mhz = task.cpu().cpu_shares(),
            .memory_mb = task.memory().memory_mb(),
            .memory_max_mb = std::max(task.memory().memory_mb(), task.memory().memory_max_mb())};
        if (task.cpu().reserved_cores_size() > 0) {
            pinned_cpu += one.cpu_mhz;
            one.cpu_mhz = 0;
        }
        const schema::AllocTaskLifecycle* lifecycle = lifecycle_of(resources, task.task());
        if (lifecycle == nullptr || lifecycle->hook() == "poststart") {
            main += one;
        } else if (lifecycle->hook() == "poststop") {
            after += one;
        } else {
            before += one;
            if (lifecycle->sidecar()) main += one;
        }
    }
    raise_to(main, before);
    raise_to(main, after);
    main.cpu_mhz += pinned_cpu;
    main.disk_mb = resources.shared().disk_mb();
    main.allocations = 1;
    return main;
}

AllocationPtr make_allocation_row(PackedAllocation body, const Usage& usage, JobPtr job) {
    auto row = std::make_shared<AllocationRow>();
    row->id = to_uuid(body.id());
    row->node_id = to_uuid(body.node_id());
    row->desired_status = desired_status_of(body.desired_status());
    row->client_status = client_status_of(body.client_status());
    row->usage = usage;
    row->body = std::move(body);
    row->job = std::move(job);
    return row;
}

AllocationPtr make_allocation_row(const schema::Allocation& body, JobPtr job) {
    return make_allocation_row(PackedAllocation{body}, usage_of(body), std::move(job));
}

JobKey key_of(const schema::Job& job) { return JobKey{job.namespace_(), job.id()}; }

JobKey job_of(const AllocationRow& row) {
    return JobKey{std::string{row.body.namespace_()}, std::string{row.body.job_id()}};
}

AllocationJobKey job_key_of(const AllocationRow& row) {
    return AllocationJobKey{job_of(row), row.body.job_create_index(), row.body.job_version()};
}

AllocationJobKey job_key_of(const schema::Allocation& allocation) {
    return AllocationJobKey{JobKey{allocation.namespace_(), allocation.job_id()},
                            allocation.job_create_index(), allocation.job_version()};
}

Uuid to_uuid(std::string_view raw) { return Uuid::from_raw(raw).value_or(Uuid{}); }

}  // namespace drover::state
