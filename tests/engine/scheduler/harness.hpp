// A small world for the scheduler: a state, a wall clock that the test moves, and whoever commits
// its plans whole.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/prng.hpp"
#include "engine/scheduler/node_class.hpp"
#include "engine/scheduler/plan.hpp"
#include "engine/scheduler/plan_memory.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/schema/placement_batch.hpp"
#include "engine/state/state.hpp"

namespace drover::scheduler::testing {

constexpr Duration second = std::chrono::seconds{1};
constexpr Duration minute = std::chrono::minutes{1};

inline Uuid node_id(std::uint32_t number) {
    Uuid id;
    id.bytes[0] = 1;
    for (std::size_t i = 0; i < 4; ++i) {
        id.bytes[5 - i] = static_cast<std::uint8_t>(number >> (8 * i));
    }
    return id;
}

inline schema::Node make_node(std::uint32_t number) {
    schema::Node node;
    node.set_id(node_id(number).raw());
    node.set_name("node-" + std::to_string(number));
    node.set_datacenter("dc1");
    node.set_node_pool("default");
    node.set_status("ready");
    node.set_scheduling_eligibility("eligible");
    auto& resources = *node.mutable_node_resources();
    resources.mutable_cpu()->set_cpu_shares(4000);
    resources.mutable_memory()->set_memory_mb(8192);
    resources.mutable_disk()->set_disk_mb(100000);
    auto& driver = *node.add_attributes();
    driver.set_key("driver.mock");
    driver.set_value("1");
    return node;
}

inline void set_attribute(schema::Node& node, const std::string& key, const std::string& value) {
    auto& pair = *node.add_attributes();
    pair.set_key(key);
    pair.set_value(value);
}

inline void set_meta(schema::Node& node, const std::string& key, const std::string& value) {
    auto& pair = *node.add_meta();
    pair.set_key(key);
    pair.set_value(value);
}

inline schema::Job make_job(const std::string& id, int count, const std::string& type = "service") {
    schema::Job job;
    job.set_id(id);
    job.set_name(id);
    job.set_namespace_("default");
    job.set_type(type);
    job.set_priority(50);
    job.add_datacenters("*");
    job.set_node_pool("default");
    auto& group = *job.add_task_groups();
    group.set_name("web");
    group.set_count(count);
    group.mutable_ephemeral_disk()->set_size_mb(100);
    auto& policy = *group.mutable_reschedule_policy();
    if (type == "service") {
        policy.set_unlimited(true);
        policy.set_delay(second.count() * 30);
        policy.set_delay_function("exponential");
        policy.set_max_delay(minute.count() * 60);
    } else {
        policy.set_attempts(1);
        policy.set_interval(minute.count() * 60 * 24);
        policy.set_delay(second.count() * 5);
        policy.set_delay_function("constant");
    }
    auto& task = *group.add_tasks();
    task.set_name("server");
    task.set_driver("mock");
    task.mutable_resources()->set_cpu(500);
    task.mutable_resources()->set_memory_mb(256);
    return job;
}

inline schema::TaskGroup& group_of(schema::Job& job) { return *job.mutable_task_groups(0); }

inline void add_constraint(schema::Job& job, const std::string& left, const std::string& operation,
                           const std::string& right) {
    auto& constraint = *job.add_constraints();
    constraint.set_l_target(left);
    constraint.set_operand(operation);
    constraint.set_r_target(right);
}

// Rolling updates, watched by a deployment.
inline void set_update(schema::Job& job, int max_parallel, int canary = 0) {
    auto& update = *group_of(job).mutable_update();
    update.set_max_parallel(max_parallel);
    update.set_canary(canary);
    update.set_progress_deadline(minute.count() * 10);
}

class Harness {
public:
    explicit Harness(std::uint64_t seed = 1) : seeds_{seed} {}

    WallTime wall{1'700'000'000'000'000'000};

    [[nodiscard]] state::StateView view() const { return state_.view(); }

    void apply(schema::Entry entry) {
        entry.set_wall_ns(wall.value());
        const auto result = state_.apply(++index_, entry);
        ASSERT_EQ(result.outcome, state::Applied::done) << result.error.message;
    }

    void add(schema::Node node) {
        if (node.computed_class().empty()) node.set_computed_class(computed_class(node));
        schema::Entry entry;
        *entry.mutable_register_node()->mutable_node() = std::move(node);
        apply(std::move(entry));
    }
    void add_nodes(std::uint32_t count) {
        for (std::uint32_t number = 1; number <= count; ++number) add(make_node(number));
    }
    void set_status(std::uint32_t node, const std::string& status) {
        schema::Entry entry;
        entry.mutable_change_node_status()->set_node_id(node_id(node).raw());
        entry.mutable_change_node_status()->set_status(status);
        apply(std::move(entry));
    }
    void set_eligibility(std::uint32_t node, const std::string& eligibility) {
        schema::Entry entry;
        entry.mutable_change_node_eligibility()->set_node_id(node_id(node).raw());
        entry.mutable_change_node_eligibility()->set_eligibility(eligibility);
        apply(std::move(entry));
    }
    void register_job(schema::Job job) {
        schema::Entry entry;
        *entry.mutable_register_job()->mutable_job() = std::move(job);
        apply(std::move(entry));
    }
    void deregister(const std::string& id, bool purge = false) {
        schema::Entry entry;
        auto& body = *entry.mutable_deregister_job();
        body.set_namespace_("default");
        body.set_job_id(id);
        body.set_purge(purge);
        apply(std::move(entry));
    }

    [[nodiscard]] schema::Evaluation make_evaluation(const std::string& job,
                                                     const std::string& type = "service",
                                                     const std::string& trigger = "job-register") {
        schema::Evaluation evaluation;
        evaluation.set_id(Uuid::mint(wall, seeds_).raw());
        evaluation.set_namespace_("default");
        evaluation.set_job_id(job);
        evaluation.set_type(type);
        evaluation.set_priority(50);
        evaluation.set_triggered_by(trigger);
        evaluation.set_status("pending");
        return evaluation;
    }
    // What the scheduler would do; nothing is committed.
    [[nodiscard]] schema::SchedulerOutput dry(const schema::Evaluation& evaluation) {
        PlanInputs inputs;
        inputs.wall = wall;
        inputs.seed = seeds_.next();
        inputs.annotate = true;
        inputs.algorithm = algorithm;
        inputs.preemption = preemption;
        inputs.batches = batches;
        inputs.system_rollouts = system_rollouts;
        auto output = plan(view(), evaluation, inputs, memory_);
        EXPECT_EQ(output.SerializeAsString(), plan(view(), evaluation, inputs).SerializeAsString())
            << "what is remembered of earlier evaluations makes a difference";
        return output;
    }
    schema::SchedulerOutput commit(const schema::Evaluation& evaluation) {
        auto output = dry(evaluation);
        schema::Entry entry;
        auto& result = *entry.mutable_apply_plan();
        *result.mutable_plan() = output.plan();
        *result.add_evaluations() = output.evaluation();
        for (const auto& created : output.created()) *result.add_evaluations() = created;
        apply(std::move(entry));
        return output;
    }
    schema::SchedulerOutput evaluate(const std::string& job, const std::string& type = "service") {
        return commit(make_evaluation(job, type));
    }
    // Registers the job and evaluates it.
    schema::SchedulerOutput run(schema::Job job) {
        const std::string id = job.id();
        const std::string type = job.type();
        register_job(std::move(job));
        return evaluate(id, type);
    }

    [[nodiscard]] std::vector<state::AllocationPtr> allocations(const std::string& job) const {
        std::vector<state::AllocationPtr> rows;
        const auto seen = view();
        for (const auto& row : seen.allocations_of({"default", job})) rows.push_back(row);
        return rows;
    }
    [[nodiscard]] std::vector<state::AllocationPtr> live(const std::string& job) const {
        auto rows = allocations(job);
        std::erase_if(rows, [](const auto& row) { return row->terminal(); });
        return rows;
    }
    [[nodiscard]] state::AllocationPtr named(const std::string& job, std::string_view name) const {
        for (const auto& row : live(job)) {
            if (row->body.name() == name) return row;
        }
        return nullptr;
    }

    using Edit = std::function<void(schema::Allocation&)>;
    // What the client says of an allocation.
    void report(const state::AllocationPtr& row, const std::string& status, const Edit& edit = {}) {
        schema::Allocation news = row->body.unpack();
        news.set_client_status(status);
        news.set_modify_time(wall.value());
        if (status != "pending") {
            news.clear_task_states();
            auto& task = *news.add_task_states();
            task.set_task("server");
            task.set_state(status == "running" ? "running" : "dead");
            task.set_failed(status == "failed");
            if (status != "running") task.set_finished_at(wall.value());
        }
        if (edit) edit(news);
        schema::Entry entry;
        *entry.mutable_update_allocations()->add_allocations() = std::move(news);
        apply(std::move(entry));
    }
    void run_all(const std::string& job) {
        for (const auto& row : live(job)) report(row, "running");
    }
    void make_healthy(const std::string& job, bool healthy = true) {
        for (const auto& row : live(job)) {
            if (row->body.deployment_id().empty()) continue;
            report(row, "running", [&](schema::Allocation& news) {
                news.mutable_deployment_status()->set_healthy(healthy);
                news.mutable_deployment_status()->set_timestamp(wall.value());
            });
        }
    }
    void transition(const state::AllocationPtr& row,
                    const std::function<void(schema::DesiredTransition&)>& set) {
        schema::Entry entry;
        auto& one = *entry.mutable_transition_allocations()->add_transitions();
        one.set_allocation_id(row->id.raw());
        set(*one.mutable_transition());
        apply(std::move(entry));
    }
    void promote(const std::string& job) {
        schema::Entry entry;
        auto& change = *entry.mutable_change_deployment();
        change.set_deployment_id(view().latest_deployment({"default", job})->id());
        change.set_promote_all(true);
        apply(std::move(entry));
    }

    Algorithm algorithm = Algorithm::binpack;
    bool preemption = false;
    bool batches = false;          // plans write new allocations of one kind together
    bool system_rollouts = false;  // system jobs have deployments

private:
    state::State state_;
    std::uint64_t index_ = 10;
    Prng seeds_;
    PlanMemory memory_;
};

inline int count_stops(const schema::SchedulerOutput& output) {
    int count = 0;
    for (const auto& list : output.plan().stops()) count += list.allocations_size();
    return count;
}
// Those in batches as well.
inline std::vector<schema::Allocation> placements(const schema::SchedulerOutput& output) {
    std::vector<schema::Allocation> all;
    for (const auto& list : output.plan().placements()) {
        all.insert(all.end(), list.allocations().begin(), list.allocations().end());
    }
    for (const auto& batch : output.plan().placement_batches()) {
        const auto expanded = schema::expand(batch);
        all.insert(all.end(), expanded.begin(), expanded.end());
    }
    return all;
}
inline const schema::DesiredUpdates& desired(const schema::SchedulerOutput& output,
                                             const std::string& group = "web") {
    for (const auto& updates : output.annotations().desired_tg_updates()) {
        if (updates.group() == group) return updates;
    }
    return schema::DesiredUpdates::default_instance();
}
inline std::map<std::string, std::int64_t> to_map(
    const google::protobuf::RepeatedPtrField<schema::IntPair>& pairs) {
    std::map<std::string, std::int64_t> map;
    for (const auto& pair : pairs) map[pair.key()] = pair.value();
    return map;
}

}  // namespace drover::scheduler::testing
