#include "agent/api/shapes.hpp"

#include <initializer_list>
#include <string_view>

#include "engine/base/uuid.hpp"
#include "engine/schema/json.hpp"

namespace drover::agent {
namespace {

using schema::JsonValue;

// Appends the named members of the message, and no others: a list holds thousands of objects, and a
// stub is a small part of each.
void add_members(JsonValue::Object& stub, const google::protobuf::Message& message,
                 std::initializer_list<std::string_view> names) {
    for (const auto name : names) {
        stub.emplace_back(std::string{name}, schema::to_json_member(message, name));
    }
}

JsonValue legacy_resources(std::int64_t cpu, std::int64_t memory, std::int64_t disk,
                           const JsonValue& networks) {
    return JsonValue::Object{
        {"CPU", cpu},     {"Cores", 0}, {"MemoryMB", memory},   {"MemoryMaxMB", 0},
        {"DiskMB", disk}, {"IOPS", 0},  {"Networks", networks}, {"Devices", JsonValue{}}};
}

JsonValue networks_of(const google::protobuf::RepeatedPtrField<schema::NetworkResource>& networks) {
    JsonValue::Array list;
    for (const auto& network : networks) list.push_back(schema::to_json_value(network));
    return list.empty() ? JsonValue{} : JsonValue{std::move(list)};
}

}  // namespace

std::string id_text(const std::string& raw) {
    const auto id = Uuid::from_raw(raw);
    return id ? id->text() : std::string{};
}

JsonValue job_stub(const schema::Job& job, const schema::JobSummary* summary, bool meta) {
    JsonValue::Object stub;
    add_members(stub, job,
                {"ID", "ParentID", "Name", "Namespace", "Datacenters", "NodePool", "Multiregion",
                 "Type", "Priority"});
    stub.emplace_back("Periodic", job.has_periodic());
    stub.emplace_back("ParameterizedJob", job.has_parameterized_job());
    add_members(stub, job, {"Stop", "Status", "StatusDescription"});
    stub.emplace_back("JobSummary",
                      summary == nullptr ? JsonValue{} : schema::to_json_value(*summary));
    add_members(stub, job, {"CreateIndex", "ModifyIndex", "JobModifyIndex", "SubmitTime"});
    if (meta) add_members(stub, job, {"Meta"});
    return stub;
}

JobsOfAllocations::JobsOfAllocations(const schema::AllocationList& list) {
    for (const auto& job : list.jobs())
        jobs_[{job.namespace_(), job.id(), job.create_index(), job.version()}] = &job;
}

const schema::Job* JobsOfAllocations::of(const schema::Allocation& allocation) const {
    if (allocation.has_job()) return &allocation.job();
    const auto found = jobs_.find({allocation.namespace_(), allocation.job_id(),
                                   allocation.job_create_index(), allocation.job_version()});
    return found == jobs_.end() ? nullptr : found->second;
}

JsonValue allocation_stub(const schema::Allocation& allocation, const schema::Job* job,
                          bool resources, bool task_states) {
    JsonValue::Object stub;
    stub.reserve(28);
    add_members(stub, allocation,
                {"ID", "EvalID", "Name", "Namespace", "NodeID", "NodeName", "JobID"});
    stub.emplace_back("JobType", job == nullptr ? std::string{} : job->type());
    stub.emplace_back("JobVersion", job == nullptr ? allocation.job_version() : job->version());
    stub.emplace_back("TaskGroup", allocation.task_group());
    if (resources) add_members(stub, allocation, {"AllocatedResources"});
    add_members(stub, allocation,
                {"DesiredStatus", "DesiredDescription", "DesiredTransition", "ClientStatus",
                 "ClientDescription"});
    if (task_states) add_members(stub, allocation, {"TaskStates"});
    add_members(stub, allocation,
                {"DeploymentStatus", "FollowupEvalID", "NextAllocation", "RescheduleTracker",
                 "PreemptedAllocations", "PreemptedByAllocation", "CreateIndex", "ModifyIndex",
                 "CreateTime", "ModifyTime"});
    return stub;
}

JsonValue whole_allocation(const schema::Allocation& allocation, const schema::Job* job) {
    JsonValue whole = schema::to_json_value(allocation);
    if (job != nullptr && !allocation.has_job()) whole.set("Job", schema::to_json_value(*job));
    std::int64_t cpu = 0, memory = 0;
    JsonValue::Object tasks;
    for (const auto& task : allocation.allocated_resources().tasks()) {
        cpu += task.cpu().cpu_shares();
        memory += task.memory().memory_mb();
        tasks.emplace_back(task.task(),
                           legacy_resources(task.cpu().cpu_shares(), task.memory().memory_mb(), 0,
                                            networks_of(task.networks())));
    }
    const auto& shared = allocation.allocated_resources().shared();
    whole.set("Resources",
              legacy_resources(cpu, memory, shared.disk_mb(), networks_of(shared.networks())));
    whole.set("SharedResources",
              legacy_resources(0, 0, shared.disk_mb(), networks_of(shared.networks())));
    whole.set("TaskResources", std::move(tasks));
    return whole;
}

JsonValue node_stub(const schema::Node& node, bool resources, bool os) {
    JsonValue::Object stub;
    stub.emplace_back("Address", node.http_addr().substr(0, node.http_addr().rfind(':')));
    stub.emplace_back("ID", id_text(node.id()));
    if (os) {
        JsonValue::Object attributes;
        for (const auto& pair : node.attributes()) {
            if (pair.key() == "os.name") attributes.emplace_back("os.name", pair.value());
        }
        stub.emplace_back("Attributes", std::move(attributes));
    }
    add_members(stub, node, {"Datacenter", "Name", "NodeClass", "NodePool"});
    std::string version;
    for (const auto& pair : node.attributes()) {
        if (pair.key() == "nomad.version") version = pair.value();
    }
    stub.emplace_back("Version", version);
    stub.emplace_back("Drain", node.has_drain_strategy());
    add_members(stub, node,
                {"SchedulingEligibility", "Status", "StatusDescription", "Drivers", "HostVolumes"});
    if (resources) add_members(stub, node, {"NodeResources", "ReservedResources"});
    add_members(stub, node, {"LastDrain", "CreateIndex", "ModifyIndex"});
    return stub;
}

JsonValue whole_node(const schema::Node& node) {
    JsonValue whole = schema::to_json_value(node);
    const auto& resources = node.node_resources();
    whole.set("Drain", node.has_drain_strategy());
    whole.set("Resources",
              legacy_resources(resources.cpu().cpu_shares(), resources.memory().memory_mb(),
                               resources.disk().disk_mb(), networks_of(resources.networks())));
    const auto& reserved = node.reserved_resources();
    whole.set("Reserved",
              legacy_resources(static_cast<std::int64_t>(reserved.cpu().cpu_shares()),
                               static_cast<std::int64_t>(reserved.memory().memory_mb()),
                               static_cast<std::int64_t>(reserved.disk().disk_mb()), JsonValue{}));
    return whole;
}

JsonValue whole_evaluation(const schema::Evaluation& evaluation) {
    return schema::to_json_value(evaluation);
}

JsonValue job_written(const schema::Response& response) {
    const auto& written = response.job_written();
    JsonValue json = JsonValue::Object{{"EvalID", id_text(written.evaluation_id())},
                                       {"EvalCreateIndex", written.evaluation_create_index()},
                                       {"JobModifyIndex", written.job_modify_index()},
                                       {"Warnings", written.warnings()}};
    add_query_meta(json, response);
    return json;
}

void add_query_meta(JsonValue& object, const schema::Response& response) {
    object.set("Index", response.index());
    object.set("LastContact", response.last_contact_ns());
    object.set("KnownLeader", response.known_leader());
    object.set("NextToken", response.next_token());
}

}  // namespace drover::agent
