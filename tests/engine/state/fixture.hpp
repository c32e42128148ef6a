// Short ways to say what happens to a state in a test.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "engine/schema/entry.pb.h"
#include "engine/state/state.hpp"

namespace drover::state::testing {

inline Uuid id_of(std::uint8_t kind, std::uint32_t number) {
    Uuid id;
    id.bytes[0] = kind;
    for (std::size_t i = 0; i < 4; ++i) {
        id.bytes[5 - i] = static_cast<std::uint8_t>(number >> (8 * i));
        // The text form begins with these: different ids must differ there too.
        id.bytes[6 + i] = static_cast<std::uint8_t>((number * 2654435761U + kind) >> (8 * i));
    }
    return id;
}
inline Uuid node_id(std::uint32_t number) { return id_of(1, number); }
inline Uuid evaluation_id(std::uint32_t number) { return id_of(2, number); }
inline Uuid allocation_id(std::uint32_t number) { return id_of(3, number); }
inline Uuid deployment_id(std::uint32_t number) { return id_of(4, number); }

inline JobKey job_key(const std::string& id) { return JobKey{"default", id}; }

inline schema::Job make_job(const std::string& id, int count = 1,
                            const std::string& type = "service") {
    schema::Job job;
    job.set_id(id);
    job.set_name(id);
    job.set_namespace_("default");
    job.set_region("global");
    job.set_type(type);
    job.set_priority(50);
    schema::TaskGroup& group = *job.add_task_groups();
    group.set_name("web");
    group.set_count(count);
    schema::Task& task = *group.add_tasks();
    task.set_name("server");
    task.set_driver("mock_driver");
    return job;
}

inline schema::Evaluation make_evaluation(std::uint32_t number, const std::string& job_id,
                                          const std::string& status = "pending") {
    schema::Evaluation evaluation;
    evaluation.set_id(evaluation_id(number).raw());
    evaluation.set_namespace_("default");
    evaluation.set_job_id(job_id);
    evaluation.set_type("service");
    evaluation.set_priority(50);
    evaluation.set_triggered_by("job-register");
    evaluation.set_status(status);
    return evaluation;
}

inline schema::Allocation make_allocation(std::uint32_t number, const std::string& job_id,
                                          std::uint32_t node = 1) {
    schema::Allocation allocation;
    allocation.set_id(allocation_id(number).raw());
    allocation.set_namespace_("default");
    allocation.set_job_id(job_id);
    allocation.set_eval_id(evaluation_id(1).raw());
    allocation.set_name(job_id + ".web[0]");
    allocation.set_node_id(node_id(node).raw());
    allocation.set_task_group("web");
    schema::AllocatedTaskResources& task =
        *allocation.mutable_allocated_resources()->add_tasks();
    task.set_task("server");
    task.mutable_cpu()->set_cpu_shares(100);
    task.mutable_memory()->set_memory_mb(64);
    return allocation;
}

// A state, the next index, and a clock that moves one second with every entry.
struct World {
    State state;
    std::uint64_t next = 10;
    std::int64_t wall_ns = 1'700'000'000'000'000'000;

    ApplyResult apply(schema::Entry entry) {
        wall_ns += 1'000'000'000;
        entry.set_wall_ns(wall_ns);
        return state.apply(next++, entry);
    }
    void must(schema::Entry entry) {
        ApplyResult result = apply(std::move(entry));
        ASSERT_EQ(result.outcome, Applied::done) << result.error.message;
    }

    void register_job(schema::Job job, std::uint32_t evaluation = 0) {
        schema::Entry entry;
        *entry.mutable_register_job()->mutable_job() = std::move(job);
        if (evaluation != 0) {
            *entry.mutable_register_job()->mutable_evaluation() =
                make_evaluation(evaluation, entry.register_job().job().id());
        }
        must(std::move(entry));
    }
    void register_node(std::uint32_t number) {
        schema::Entry entry;
        schema::Node& node = *entry.mutable_register_node()->mutable_node();
        node.set_id(node_id(number).raw());
        node.set_name("node-" + std::to_string(number));
        node.set_datacenter("dc1");
        must(std::move(entry));
    }
    // Places the allocation as a plan for the job as it stands.
    void place(schema::Allocation allocation, const schema::Deployment* deployment = nullptr) {
        schema::Entry entry;
        schema::Plan& plan = *entry.mutable_apply_plan()->mutable_plan();
        JobPtr job = state.view().job(job_key(allocation.job_id()));
        if (job) *plan.mutable_job() = *job;
        if (deployment != nullptr) *plan.mutable_deployment() = *deployment;
        schema::NodeAllocations& node = *plan.add_placements();
        node.set_node_id(allocation.node_id());
        *node.add_allocations() = std::move(allocation);
        must(std::move(entry));
    }
    void stop(std::uint32_t number, const std::string& client_status = "") {
        schema::Entry entry;
        schema::NodeAllocations& node =
            *entry.mutable_apply_plan()->mutable_plan()->add_stops();
        schema::Allocation& allocation = *node.add_allocations();
        allocation.set_id(allocation_id(number).raw());
        allocation.set_desired_description("not needed");
        allocation.set_client_status(client_status);
        must(std::move(entry));
    }
    void report(std::uint32_t number, const std::string& client_status) {
        schema::Entry entry;
        schema::Allocation& allocation = *entry.mutable_update_allocations()->add_allocations();
        allocation.set_id(allocation_id(number).raw());
        allocation.set_client_status(client_status);
        must(std::move(entry));
    }
    void evaluate(schema::Evaluation evaluation) {
        schema::Entry entry;
        *entry.mutable_upsert_evaluations()->add_evaluations() = std::move(evaluation);
        must(std::move(entry));
    }
};

}  // namespace drover::state::testing
