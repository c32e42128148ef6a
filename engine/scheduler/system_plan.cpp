#include "engine/scheduler/system_plan.hpp"

#include <algorithm>
#include <utility>

#include "engine/scheduler/constraint.hpp"
#include "engine/scheduler/score.hpp"
#include "engine/scheduler/system_run.hpp"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"

namespace drover::scheduler {

NodeInputs SystemRun::node_inputs() {
    NodeInputs inputs;
    inputs.job = job_;
    inputs.to_completion = evaluation_.type() == "sysbatch";
    for (const auto& row : view_.allocations_of(key_)) {
        inputs.allocations.push_back(row);
        if (!row->terminal()) inputs.hosts.try_emplace(row->node_id, view_.node(row->node_id));
    }
    inputs.tainted = tainted_nodes(view_, inputs.allocations);
    inputs.now = inputs_.wall;
    if (!is_running()) return inputs;
    for (const auto& group : job_->task_groups()) {
        shapes_.emplace(group.name(), shape_of(job_, group, inputs_));
    }
    for (std::uint32_t number = 0; number < fleet_.size(); ++number) {
        const auto& node = fleet_.node(number);
        if (in_reach(*job_, *node)) inputs.nodes.emplace(state::to_uuid(node->id()), node);
    }
    return inputs;
}

void SystemRun::write_stops(const NodeInputs& inputs, NodeReconciliation& result) {
    for (const auto& row : inputs.allocations) {
        if (!row->server_terminal() || !is_cut_off(*row, inputs.tainted)) continue;
        writer_.stop({row, "alloc is lost since its node is down", "lost", {}});
    }
    for (auto& stop : result.stops) {
        if (stop.client_status.empty() && is_cut_off(*stop.allocation, inputs.tainted)) {
            stop.client_status = "lost";
        }
        fleet_.stop(*stop.allocation);
        writer_.stop(stop);
    }
    for (const auto& [id, note] : result.notes) writer_.note(note);
}

std::string SystemRun::filtered(const NodePlacement& placement, const GroupShape& shape,
                                const schema::Node& node) {
    std::string why = class_objection(shape, node);
    if (why.empty()) why = node_objection(shape, node);
    if (why.empty()) why = property_objection(shape, node);
    if (!why.empty()) explanations_[placement.group].filter(node, why);
    return why;
}

// distinct_property also counts what this run has placed and stopped so far.
void SystemRun::count_properties() {
    for (; seen_events_ < fleet_.events().size(); ++seen_events_) {
        const auto& event = fleet_.events()[seen_events_];
        if (event.record == nullptr) continue;
        for (const auto& [name, shape] : shapes_) {
            for (const auto& property : shape.distinct_properties) {
                if (property.scope == Scope::group && event.group != name) continue;
                const auto value = resolve_target(property.target, *event.record);
                if (value) properties_[{name, property.target, *value}] += event.delta;
            }
        }
    }
}

std::string SystemRun::property_objection(const GroupShape& shape, const schema::Node& node) {
    if (shape.distinct_properties.empty()) return {};
    count_properties();
    for (const auto& property : shape.distinct_properties) {
        const auto value = resolve_target(property.target, node);
        if (!value) return "missing property \"" + property.target + "\"";
        const std::int64_t used = properties_[{shape.name, property.target, *value}];
        if (used < property.allowed) continue;
        return "distinct_property: " + property.target + "=" + *value + " used by " +
               std::to_string(used) + " allocs";
    }
    return {};
}

void SystemRun::exhausted(const NodePlacement& placement, const GroupShape& shape,
                          const std::string& why) {
    const auto& node = *view_.node(placement.node);
    explanations_[placement.group].exhaust(node, why, shape);
    block(placement.node);
}

std::string SystemRun::missing_on(std::uint32_t number, const GroupShape& shape, Given& given) {
    state::Usage used = fleet_.used(number);
    used += shape.ask;
    if (const char* dimension = exceeded(fleet_.capacity(number), used)) return dimension;
    if (shape.asks_ports()) {
        auto offer = fleet_.ports(number).offer(shape.ports, ports_);
        if (!offer) return "network: port collision";
        given.ports = std::move(*offer);
    }
    if (!shape.asks_devices()) return {};
    const NodeDevices& devices = fleet_.devices(number);
    auto offer = devices.offer(shape.devices);
    if (!offer) return "devices: " + devices.first_missing(shape.devices);
    given.devices = std::move(*offer);
    return {};
}

// Lesser jobs give way, where that is enough.
std::vector<state::AllocationPtr> SystemRun::make_room(std::uint32_t number,
                                                       const GroupShape& shape, Given& given) {
    auto victims = preemption_->victims_on(number, shape);
    for (const auto& victim : victims) fleet_.evict(*victim);
    if (victims.empty() || missing_on(number, shape, given).empty()) {
        preemption_->took(victims);
        return victims;
    }
    for (const auto& victim : victims) fleet_.undo_evict(*victim);
    return {};
}

bool SystemRun::place(const NodePlacement& placement, const Source& source) {
    const auto& shape = *source.shape;
    const std::uint32_t number = fleet_.find(placement.node);
    const auto& node = *fleet_.node(number);
    auto& explanation = explanations_[placement.group];
    explanation.evaluate(node);
    const bool replaces = placement.previous && replacing_.contains(placement.previous->id);
    constexpr const char* updated = "alloc is being updated due to job update";
    // A replacement may use what it replaces.
    if (replaces) fleet_.stop(*placement.previous);
    if (!filtered(placement, shape, node).empty()) {
        // The new version has no business on this node, and the old one is over.
        if (replaces) writer_.stop({placement.previous, updated, {}, {}});
        return true;
    }
    Given given;
    std::string dimension = missing_on(number, shape, given);
    std::vector<state::AllocationPtr> victims;
    if (!dimension.empty() && inputs_.preemption) {
        victims = make_room(number, shape, given);
        if (!victims.empty()) dimension.clear();
    }
    if (!dimension.empty()) {
        if (replaces) fleet_.undo_stop(*placement.previous);
        exhausted(placement, shape, dimension);
        return false;
    }
    if (replaces) writer_.stop({placement.previous, updated, {}, {}});
    write(placement, source, number, given, victims);
    explanation.place();
    return true;
}

void SystemRun::write(const NodePlacement& placement, const Source& source, std::uint32_t number,
                      const Given& given, const std::vector<state::AllocationPtr>& victims) {
    const auto& shape = *source.shape;
    const auto& node = *fleet_.node(number);
    state::Usage used = fleet_.used(number);
    used += shape.ask;
    schema::Allocation placed;
    placed.set_id(Uuid::mint(inputs_.wall, ids_).raw());
    placed.set_namespace_(key_.namespace_);
    placed.set_eval_id(evaluation_.id());
    placed.set_name(placement.name);
    placed.set_node_id(node.id());
    placed.set_node_name(node.name());
    placed.set_job_id(key_.id);
    placed.set_job_version(source.job->version());
    placed.set_job_create_index(source.job->create_index());
    if (source.job != job_) *placed.mutable_job() = *source.job;
    placed.set_task_group(placement.group);
    *placed.mutable_allocated_resources() = with_ports(shape, given.ports);
    give_devices(*placed.mutable_allocated_resources(), shape.devices, given.devices);
    *placed.mutable_metrics() =
        explanation_of_one(node, *job_, fitness(fleet_.capacity(number), used, inputs_.algorithm));
    placed.set_desired_status("run");
    placed.set_client_status("pending");
    if (placement.previous) placed.set_previous_allocation(placement.previous->id.raw());
    placed.set_create_time(inputs_.wall.value());
    placed.set_modify_time(inputs_.wall.value());
    for (const auto& victim : victims) {
        placed.add_preempted_allocations(victim->id.raw());
        writer_.preempt(*victim, placed.id());
        ++preempted_[placement.group];
    }
    if (source.job == job_) join_rollout(placed, source.canary);
    fleet_.place(number, placement.group, shape.ask, placed.allocated_resources());
    writer_.place(std::move(placed));
}

bool SystemRun::is_blocked_already(const Uuid& node) const {
    for (const auto& other : view_.evaluations_of(key_)) {
        if (other->status() == "blocked" && other->id() != evaluation_.id() &&
            other->node_id() == node.raw()) {
            return true;
        }
    }
    return false;
}

// Room on one node is of no use on another: each waits by itself.
void SystemRun::block(const Uuid& node) {
    if (!blocked_.insert(node).second || is_blocked_already(node)) return;
    auto& evaluation = *output_.mutable_evaluation();
    schema::Evaluation* blocked = &evaluation;
    const bool waited_here =
        evaluation_.status() == "blocked" && evaluation_.node_id() == node.raw();
    if (!waited_here) {
        blocked = output_.add_created();
        blocked->set_id(Uuid::mint(inputs_.wall, ids_).raw());
        blocked->set_namespace_(key_.namespace_);
        blocked->set_priority(evaluation_.priority());
        blocked->set_type(evaluation_.type());
        blocked->set_triggered_by("queued-allocs");
        blocked->set_job_id(key_.id);
        blocked->set_job_modify_index(job_->modify_index());
        blocked->set_previous_eval(evaluation_.id());
        blocked->set_create_time(inputs_.wall.value());
        evaluation.set_blocked_eval(blocked->id());
    }
    blocked->set_node_id(node.raw());
    blocked->set_status("blocked");
    blocked->set_status_description("created to place remaining allocations");
    blocked->set_escaped_computed_class(false);
    blocked->clear_class_eligibility();
    blocked->set_snapshot_index(view_.applied_index());
    blocked->set_modify_time(inputs_.wall.value());
}

void SystemRun::finish(NodeReconciliation& result) {
    auto& evaluation = *output_.mutable_evaluation();
    for (const auto& [group, shape] : shapes_) {
        const auto& explanation = explanations_[group];
        auto& queued = *evaluation.add_queued_allocations();
        queued.set_key(group);
        queued.set_value(explanation.exhausted());
        // Nodes that the job's constraints rule out are no failure, unless nothing is left.
        const auto& desired = result.desired[group];
        const bool exists = desired.ignore() + desired.in_place_update() + explanation.placed() > 0;
        const bool all_filtered = explanation.filtered() > 0 && !exists;
        if (explanation.exhausted() == 0 && !all_filtered) continue;
        auto& failed = *evaluation.add_failed_tg_allocs();
        failed.set_key(group);
        *failed.mutable_value() = explanation.metrics(*job_);
    }
    if (held_back_) look_again_after_stagger();
    auto& plan = *output_.mutable_plan();
    writer_.finish(plan);
    plan.set_evaluation_id(evaluation_.id());
    plan.set_priority(evaluation_.priority());
    plan.set_view_index(view_.applied_index());
    if (job_ != nullptr) {
        *plan.mutable_job() = *job_;
        plan.set_all_at_once(job_->all_at_once());
    }
    if (rollout_) {
        rollout_->finish(plan, is_stopped());
        const std::string deployment = rollout_->deployment_id();
        if (!deployment.empty()) evaluation.set_deployment_id(deployment);
    }
    if (!inputs_.annotate) return;
    for (const auto& [group, count] : preempted_) result.desired[group].set_preemptions(count);
    for (const auto& [group, desired] : result.desired) {
        *output_.mutable_annotations()->add_desired_tg_updates() = desired;
    }
}

schema::SchedulerOutput SystemRun::run() {
    auto& evaluation = *output_.mutable_evaluation();
    evaluation = evaluation_;
    evaluation.set_status("complete");
    evaluation.clear_status_description();
    evaluation.clear_failed_tg_allocs();
    evaluation.clear_queued_allocations();
    evaluation.set_snapshot_index(view_.applied_index());
    evaluation.set_modify_time(inputs_.wall.value());

    const auto inputs = node_inputs();
    auto result = reconcile_nodes(inputs);
    write_stops(inputs, result);
    look_at_outdated(result);
    for (const auto& placement : result.place) place(placement, source_of(placement.group));
    update(result);
    finish(result);
    return std::move(output_);
}

schema::SchedulerOutput plan_system_job(const state::StateView& view,
                                        const schema::Evaluation& evaluation,
                                        const PlanInputs& inputs) {
    return SystemRun{view, evaluation, inputs}.run();
}

}  // namespace drover::scheduler
