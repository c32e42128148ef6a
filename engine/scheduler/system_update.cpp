// How a system job gets from one version to the next: what is told, what is replaced and when, and
// which version a node gets while the new one is on trial.
#include <algorithm>
#include <utility>

#include "engine/scheduler/changes.hpp"
#include "engine/scheduler/system_run.hpp"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"

namespace drover::scheduler {

void SystemRun::look_at_outdated(const NodeReconciliation& result) {
    for (const auto& row : result.outdated) {
        const std::string group{row->body.task_group()};
        Outdated one{row, std::nullopt};
        const bool differs = row->job == nullptr || needs_replacement(*row->job, *job_, group);
        if (!differs) one.updated = updated(*row, shapes_.at(group));
        if (rollout_) rollout_->found_outdated(group, !one.updated.has_value());
        outdated_.push_back(std::move(one));
    }
    if (rollout_) rollout_->begin(is_stopped());
}

// While a version is on trial, a node that has none of the job gets the version before.
Source SystemRun::source_of(const std::string& group) {
    Source source{job_, &shapes_.at(group), false};
    if (!rollout_ || !rollout_->is_on_trial(group)) return source;
    state::JobPtr before = version_before(group);
    // One that can be told of the new version would be, at once.
    if (before == nullptr || !needs_replacement(*before, *job_, group)) return source;
    auto known = shapes_before_.find(group);
    if (known == shapes_before_.end()) {
        for (const auto& one : before->task_groups()) {
            if (one.name() != group) continue;
            known = shapes_before_.emplace(group, shape_of(before, one, inputs_)).first;
        }
    }
    return known == shapes_before_.end() ? source
                                         : Source{std::move(before), &known->second, false};
}

// The newest one that still runs somewhere, or else the newest that has proved itself.
state::JobPtr SystemRun::version_before(const std::string& group) const {
    state::JobPtr newest;
    const auto consider = [&](const state::JobPtr& job) {
        if (job == nullptr || job->version() >= job_->version()) return;
        if (newest == nullptr || job->version() > newest->version()) newest = job;
    };
    for (const auto& one : outdated_) {
        if (one.row->body.task_group() == group) consider(one.row->job);
    }
    if (newest != nullptr) return newest;
    for (const auto& version : view_.job_versions(key_)) {
        if (version->stable()) consider(version);
    }
    return newest;
}

// What runs of an older version is told of the new one where that is enough; else it is replaced on
// its own node, as many at a time as the group's update block says. A node without room for its
// replacement does not count: it would keep the others from theirs.
void SystemRun::update(NodeReconciliation& result) {
    count_recent_replacements();
    for (auto& one : outdated_) {
        auto& desired = result.desired[std::string{one.row->body.task_group()}];
        if (one.updated) {
            update_in_place(std::move(*one.updated));
            desired.set_in_place_update(desired.in_place_update() + 1);
        } else {
            replace(one.row, desired);
        }
    }
}

void SystemRun::replace(const state::AllocationPtr& row, schema::DesiredUpdates& desired) {
    const std::string group{row->body.task_group()};
    const bool canary = rollout_ && rollout_->wants_canary(group);
    if (!canary && !may_replace(group)) {
        if (rollout_) rollout_->count(group);
        desired.set_ignore(desired.ignore() + 1);
        return;
    }
    replacing_.insert(row->id);
    const Source source{job_, &shapes_.at(group), canary};
    if (!place({row->node_id, group, std::string{row->body.name()}, row}, source)) {
        desired.set_ignore(desired.ignore() + 1);
        return;
    }
    desired.set_destructive_update(desired.destructive_update() + 1);
    if (canary) {
        desired.set_canary(desired.canary() + 1);
    } else {
        ++replaced_[group];
        if (rollout_) rollout_->replaced(group);
    }
}

// Evaluations also come for other reasons than the end of a stagger, and do not make it shorter.
void SystemRun::count_recent_replacements() {
    if (!is_running()) return;
    for (const auto& row : view_.allocations_of(key_)) {
        const auto shape = shapes_.find(row->body.task_group());
        if (shape == shapes_.end() || row->body.job_version() != job_->version()) continue;
        const Duration stagger{shape->second.group->update().stagger()};
        if (WallTime{row->body.create_time()} + stagger <= inputs_.wall) continue;
        if (row->body.previous_allocation().empty()) continue;
        const auto previous = view_.allocation(state::to_uuid(row->body.previous_allocation()));
        const bool replaced_older =
            previous != nullptr && previous->body.job_version() != job_->version();
        if (replaced_older) ++replaced_[shape->first];
    }
}

bool SystemRun::may_replace(const std::string& name) {
    if (evaluation_.type() == "sysbatch") return true;
    const auto& group = *shapes_.at(name).group;
    if (!has_update(group)) return true;
    if (rollout_ && rollout_->paces(name)) return rollout_->may_replace(name);
    if (replaced_[name] < group.update().max_parallel()) return true;
    stagger_ = std::max(stagger_, Duration{group.update().stagger()});
    held_back_ = true;
    return false;
}

// None where its node would not take it as it is now.
std::optional<schema::Allocation> SystemRun::updated(const state::AllocationRow& row,
                                                     const GroupShape& shape) const {
    const auto node = view_.node(row.node_id);
    if (node == nullptr || !class_objection(shape, *node).empty() ||
        !node_objection(shape, *node).empty()) {
        return std::nullopt;
    }
    schema::Allocation copy = row.body.unpack();
    copy.clear_job();
    copy.set_eval_id(evaluation_.id());
    copy.set_job_version(job_->version());
    copy.set_job_create_index(job_->create_index());
    copy.set_modify_time(inputs_.wall.value());
    *copy.mutable_allocated_resources()->mutable_task_lifecycles() =
        shape.resources.task_lifecycles();
    const bool same = state::usage_of(copy) == row.usage;
    if (!same && !misfit(view_, *node, {}, {&copy}).empty()) return std::nullopt;
    return copy;
}

// Its health is another question in another deployment.
void SystemRun::update_in_place(schema::Allocation copy) {
    if (rollout_) {
        const std::string deployment = rollout_->deployment_id();
        if (copy.deployment_id() != deployment) {
            copy.set_deployment_id(deployment);
            copy.clear_deployment_status();
        }
        rollout_->count(copy.task_group());
    }
    writer_.place(std::move(copy));
}

void SystemRun::join_rollout(schema::Allocation& placed, bool canary) {
    if (!rollout_) return;
    placed.set_deployment_id(rollout_->deployment_id());
    rollout_->count(placed.task_group());
    if (!canary) return;
    placed.mutable_deployment_status()->set_canary(true);
    rollout_->placed_canary(placed.task_group());
}

bool SystemRun::looks_again_already() const {
    for (const auto& other : view_.evaluations_of(key_)) {
        if (other->status() == "pending" && other->id() != evaluation_.id() &&
            other->triggered_by() == "rolling-update" &&
            other->wait_until() > inputs_.wall.value()) {
            return true;
        }
    }
    return false;
}

void SystemRun::look_again_after_stagger() {
    if (looks_again_already()) return;
    auto& next = *output_.add_created();
    next.set_id(Uuid::mint(inputs_.wall, ids_).raw());
    next.set_namespace_(key_.namespace_);
    next.set_priority(evaluation_.priority());
    next.set_type(evaluation_.type());
    next.set_triggered_by("rolling-update");
    next.set_job_id(key_.id);
    next.set_job_modify_index(job_->modify_index());
    next.set_previous_eval(evaluation_.id());
    next.set_status("pending");
    next.set_status_description("waits for the stagger of the rolling update");
    next.set_wait_until((inputs_.wall + stagger_).value());
    next.set_create_time(inputs_.wall.value());
    next.set_modify_time(inputs_.wall.value());
    output_.mutable_evaluation()->set_next_eval(next.id());
}

}  // namespace drover::scheduler
