#include "engine/scheduler/plan.hpp"

#include <algorithm>
#include <utility>

#include "engine/scheduler/changes.hpp"
#include "engine/scheduler/placer.hpp"
#include "engine/scheduler/reconcile.hpp"
#include "engine/scheduler/system_plan.hpp"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/state/features.hpp"
#include "engine/state/scheduler_configuration.hpp"

namespace drover::scheduler {
namespace {

bool is_known_trigger(const std::string& trigger) {
    static constexpr std::string_view known[]{
        "job-register",     "job-deregister",    "periodic-job",           "node-drain",
        "node-update",      "alloc-stop",        "rolling-update",         "deployment-watcher",
        "failed-follow-up", "max-plan-attempts", "alloc-failure",          "queued-allocs",
        "preemption",       "job-scaling",       "max-disconnect-timeout", "reconnect",
        "alloc-reschedule"};
    return std::find(std::begin(known), std::end(known), trigger) != std::end(known);
}

// One evaluation of a service or batch job, from the view to the output.
class Run {
public:
    Run(const state::StateView& view, const schema::Evaluation& evaluation,
        const PlanInputs& inputs, PlanMemory& memory)
        : memory_{memory},
          view_{view},
          evaluation_{evaluation},
          inputs_{inputs},
          key_{evaluation.namespace_(), evaluation.job_id()},
          job_{view.job(key_)},
          ids_{Prng{inputs.seed}.stream("ids")},
          writer_{evaluation, inputs.wall} {}

    schema::SchedulerOutput run();

private:
    [[nodiscard]] ReconcileInputs reconcile_inputs();
    void decide_updates(ReconcileInputs& inputs);
    [[nodiscard]] Update decide(const state::AllocationRow& row, bool replaced,
                                const GroupShape& shape) const;
    [[nodiscard]] bool shares_host(const state::AllocationRow& row, const GroupShape& shape) const;
    [[nodiscard]] schema::Allocation updated(const state::AllocationRow& row,
                                             const GroupShape& shape) const;
    void write_stops(const ReconcileInputs& inputs, Reconciliation& result);
    void write_updates(const Reconciliation& result);
    void place(Reconciliation& result);
    void block(const Placer& placer);
    void finish(Reconciliation& result);

    PlanMemory& memory_;
    const state::StateView& view_;
    const schema::Evaluation& evaluation_;
    const PlanInputs& inputs_;
    state::JobKey key_;
    state::JobPtr job_;
    Prng ids_;
    PlanWriter writer_;
    schema::SchedulerOutput output_;
    std::map<std::string, GroupShape, std::less<>> shapes_;
};

ReconcileInputs Run::reconcile_inputs() {
    ReconcileInputs inputs;
    inputs.job = job_;
    inputs.key = key_;
    inputs.batch = evaluation_.type() == "batch";
    for (const auto& row : view_.allocations_of(key_)) inputs.allocations.push_back(row);
    inputs.tainted = tainted_nodes(view_, inputs.allocations);
    if (!inputs.batch) inputs.deployment = view_.latest_deployment(key_);
    inputs.evaluation_id = state::to_uuid(evaluation_.id());
    inputs.priority = evaluation_.priority();
    inputs.now = inputs_.wall;
    if (job_ != nullptr && !job_->stop()) {
        for (const auto& group : job_->task_groups()) {
            shapes_.emplace(group.name(), shape_of(job_, group, inputs_));
        }
        decide_updates(inputs);
    }
    return inputs;
}

// Whether a version differs is asked once for each version and group, not for each allocation.
void Run::decide_updates(ReconcileInputs& inputs) {
    std::map<std::tuple<std::uint64_t, std::uint64_t, std::string>, bool> replaced;
    for (const auto& row : inputs.allocations) {
        const auto shape = shapes_.find(row->body.task_group());
        if (shape == shapes_.end() || row->server_terminal() || row->job == nullptr) continue;
        if (row->job->job_modify_index() == job_->job_modify_index()) continue;
        const auto [at, added] =
            replaced.try_emplace({row->job->create_index(), row->job->version(), shape->first});
        if (added) at->second = needs_replacement(*row->job, *job_, shape->first);
        inputs.updates.emplace(row->id, decide(*row, at->second, shape->second));
    }
}

Update Run::decide(const state::AllocationRow& row, bool replaced, const GroupShape& shape) const {
    if (replaced) return Update::destructive;
    if (row.terminal()) return Update::none;
    const auto node = view_.node(row.node_id);
    if (node == nullptr || !in_reach(*job_, *node)) return Update::destructive;
    if (!class_objection(shape, *node).empty() || !node_objection(shape, *node).empty() ||
        shares_host(row, shape)) {
        return Update::destructive;
    }
    // What a task takes is never changed in place, but when it runs may be.
    const auto copy = updated(row, shape);
    if (state::usage_of(copy) == row.usage) return Update::in_place;
    return misfit(view_, *node, {}, {&copy}).empty() ? Update::in_place : Update::destructive;
}

bool Run::shares_host(const state::AllocationRow& row, const GroupShape& shape) const {
    if (!shape.distinct_hosts_in_job && !shape.distinct_hosts_in_group) return false;
    for (const auto& other : view_.allocations_on(row.node_id)) {
        if (other->terminal() || other->id == row.id) continue;
        if (other->body.job_id() != key_.id || other->body.namespace_() != key_.namespace_)
            continue;
        if (shape.distinct_hosts_in_job || other->body.task_group() == shape.name) return true;
    }
    return false;
}

// The stored allocation as one of the current version: it keeps its resources and its ports.
schema::Allocation Run::updated(const state::AllocationRow& row, const GroupShape& shape) const {
    schema::Allocation copy = row.body.unpack();
    copy.clear_job();
    copy.set_eval_id(evaluation_.id());
    copy.set_job_version(job_->version());
    copy.set_job_create_index(job_->create_index());
    copy.set_modify_time(inputs_.wall.value());
    *copy.mutable_allocated_resources()->mutable_task_lifecycles() =
        shape.resources.task_lifecycles();
    return copy;
}

void Run::write_stops(const ReconcileInputs& inputs, Reconciliation& result) {
    for (const auto& row : inputs.allocations) {
        if (!row->server_terminal() || !is_cut_off(*row, inputs.tainted)) continue;
        writer_.stop({row, "alloc is lost since its node is down", "lost", {}});
    }
    for (auto& stop : result.stops) {
        if (stop.client_status.empty() && is_cut_off(*stop.allocation, inputs.tainted)) {
            stop.client_status = "lost";
        }
        writer_.stop(stop);
    }
}

void Run::write_updates(const Reconciliation& result) {
    const bool active = result.current && is_active(*result.current);
    for (const auto& row : result.in_place) {
        auto copy = updated(*row, shapes_.find(row->body.task_group())->second);
        const std::string deployment = active ? result.current->id() : std::string{};
        if (copy.deployment_id() != deployment) {
            copy.set_deployment_id(deployment);
            copy.clear_deployment_status();
        }
        writer_.place(std::move(copy));
    }
    for (const auto& [id, note] : result.notes) writer_.note(note);
}

void Run::place(Reconciliation& result) {
    auto& evaluation = *output_.mutable_evaluation();
    std::map<std::string, std::int64_t> queued;
    for (const auto& [name, shape] : shapes_) queued[name] = 0;
    if (!result.place.empty() || !result.destructive.empty()) {
        const Placer::Inputs inputs{view_, evaluation_, inputs_, job_};
        Placer placer{inputs, result, writer_, ids_, memory_};
        placer.place_all();
        for (const auto& [group, count] : placer.queued()) queued[group] = count;
        for (const auto& [group, count] : placer.preempted()) {
            result.desired[group].set_preemptions(count);
        }
        for (const auto& [group, metrics] : placer.failed()) {
            auto& pair = *evaluation.add_failed_tg_allocs();
            pair.set_key(group);
            *pair.mutable_value() = metrics;
        }
        if (!placer.failed().empty()) block(placer);
    }
    for (const auto& [group, count] : queued) {
        auto& pair = *evaluation.add_queued_allocations();
        pair.set_key(group);
        pair.set_value(count);
    }
}

// What found no place waits for a change: as this evaluation, where it has waited before, else as a
// new one.
void Run::block(const Placer& placer) {
    auto& evaluation = *output_.mutable_evaluation();
    schema::Evaluation* blocked = &evaluation;
    if (evaluation_.status() != "blocked") {
        blocked = output_.add_created();
        blocked->set_id(Uuid::mint(inputs_.wall, ids_).raw());
        blocked->set_namespace_(evaluation_.namespace_());
        blocked->set_priority(evaluation_.priority());
        blocked->set_type(evaluation_.type());
        blocked->set_triggered_by("queued-allocs");
        blocked->set_job_id(evaluation_.job_id());
        blocked->set_job_modify_index(job_->modify_index());
        blocked->set_previous_eval(evaluation_.id());
        blocked->set_create_time(inputs_.wall.value());
        evaluation.set_blocked_eval(blocked->id());
    }
    blocked->set_status("blocked");
    blocked->set_status_description("created to place remaining allocations");
    blocked->set_escaped_computed_class(placer.escaped());
    blocked->clear_class_eligibility();
    blocked->set_snapshot_index(view_.applied_index());
    blocked->set_modify_time(inputs_.wall.value());
    if (placer.escaped()) return;
    for (const auto& [name, eligible] : placer.class_eligibility()) {
        auto& pair = *blocked->add_class_eligibility();
        pair.set_key(name);
        pair.set_value(eligible);
    }
}

void Run::finish(Reconciliation& result) {
    auto& plan = *output_.mutable_plan();
    writer_.finish(plan);
    plan.set_evaluation_id(evaluation_.id());
    plan.set_priority(evaluation_.priority());
    plan.set_view_index(view_.applied_index());
    if (job_ != nullptr) {
        *plan.mutable_job() = *job_;
        plan.set_all_at_once(job_->all_at_once());
    }
    if (result.create) *plan.mutable_deployment() = *result.current;
    for (auto& update : result.deployment_updates)
        *plan.add_deployment_updates() = std::move(update);

    auto& evaluation = *output_.mutable_evaluation();
    if (result.current && is_active(*result.current)) {
        evaluation.set_deployment_id(result.current->id());
    }
    for (auto& follow_up : result.follow_ups) {
        follow_up.set_previous_eval(evaluation_.id());
        follow_up.set_create_time(inputs_.wall.value());
        follow_up.set_modify_time(inputs_.wall.value());
        evaluation.set_next_eval(follow_up.id());
        *output_.add_created() = std::move(follow_up);
    }
    if (!inputs_.annotate) return;
    auto& annotations = *output_.mutable_annotations();
    for (auto& [group, desired] : result.desired) {
        desired.set_group(group);
        *annotations.add_desired_tg_updates() = desired;
    }
}

schema::SchedulerOutput Run::run() {
    auto& evaluation = *output_.mutable_evaluation();
    evaluation = evaluation_;
    evaluation.set_status("complete");
    evaluation.clear_status_description();
    evaluation.clear_failed_tg_allocs();
    evaluation.clear_queued_allocations();
    evaluation.set_snapshot_index(view_.applied_index());
    evaluation.set_modify_time(inputs_.wall.value());

    const auto inputs = reconcile_inputs();
    auto result = reconcile(inputs, ids_);
    write_stops(inputs, result);
    write_updates(result);
    place(result);
    finish(result);
    return std::move(output_);
}

schema::SchedulerOutput refuse(const schema::Evaluation& evaluation, const PlanInputs& inputs,
                               std::string why) {
    schema::SchedulerOutput output;
    *output.mutable_evaluation() = evaluation;
    output.mutable_evaluation()->set_status("failed");
    output.mutable_evaluation()->set_status_description(std::move(why));
    output.mutable_evaluation()->set_modify_time(inputs.wall.value());
    output.mutable_plan()->set_evaluation_id(evaluation.id());
    return output;
}

}  // namespace

void take_configuration(PlanInputs& inputs, const state::StateView& view, std::string_view type) {
    const auto configuration = state::effective_scheduler_configuration(view);
    const auto& preemption = configuration.preemption_config();
    inputs.algorithm =
        configuration.scheduler_algorithm() == "spread" ? Algorithm::spread : Algorithm::binpack;
    inputs.memory_oversubscription = configuration.memory_oversubscription_enabled();
    inputs.batches = view.feature_level() >= state::batches_level;
    // Below that level nothing is taken from anyone, whoever leads.
    if (view.feature_level() < 2) return;
    inputs.system_rollouts = true;
    inputs.preemption = (type == "service" && preemption.service_scheduler_enabled()) ||
                        (type == "batch" && preemption.batch_scheduler_enabled()) ||
                        (type == "system" && preemption.system_scheduler_enabled()) ||
                        (type == "sysbatch" && preemption.sys_batch_scheduler_enabled());
}

schema::SchedulerOutput plan(const state::StateView& view, const schema::Evaluation& evaluation,
                             const PlanInputs& inputs) {
    PlanMemory memory;
    return plan(view, evaluation, inputs, memory);
}

schema::SchedulerOutput plan(const state::StateView& view, const schema::Evaluation& evaluation,
                             const PlanInputs& inputs, PlanMemory& memory) {
    const bool per_node = evaluation.type() == "system" || evaluation.type() == "sysbatch";
    if (!per_node && evaluation.type() != "service" && evaluation.type() != "batch") {
        return refuse(evaluation, inputs,
                      "evaluation.type is \"" + evaluation.type() +
                          "\"; this release schedules service, batch, system and sysbatch");
    }
    if (!is_known_trigger(evaluation.triggered_by())) {
        return refuse(
            evaluation, inputs,
            "scheduler cannot handle '" + evaluation.triggered_by() + "' evaluation reason");
    }
    if (per_node) return plan_system_job(view, evaluation, inputs);
    return Run{view, evaluation, inputs, memory}.run();
}

}  // namespace drover::scheduler
