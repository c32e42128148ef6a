#include "engine/scheduler/system_rollout.hpp"

#include <algorithm>
#include <utility>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/job.pb.h"

namespace drover::scheduler {
namespace {

bool contains(const google::protobuf::RepeatedPtrField<std::string>& ids, const std::string& id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

SystemRollout::SystemRollout(const Inputs& inputs, Prng& ids) : inputs_{inputs}, ids_{ids} {
    choose();
    if (inputs_.job == nullptr) return;
    for (const auto& group : inputs_.job->task_groups()) {
        if (!has_update(group)) continue;
        Group& one = groups_[group.name()];
        one.group = &group;
        const auto* stored = current_ ? find_state(*current_, group.name()) : nullptr;
        one.state = stored == nullptr ? new_state(group) : *stored;
    }
}

void SystemRollout::choose() {
    const auto latest = inputs_.view.latest_deployment(inputs_.key);
    if (latest == nullptr) return;
    const bool superseded = inputs_.job == nullptr ||
                            latest->job_create_index() != inputs_.job->create_index() ||
                            latest->job_version() != inputs_.job->version();
    if (!superseded) {
        done_ = latest->status() == "successful";
        if (!done_) current_ = *latest;
    } else if (is_active(*latest)) {
        ended_ = status_update(*latest, "cancelled",
                               inputs_.job == nullptr ? "Cancelled because job is stopped"
                                                      : "Cancelled due to newer version of job");
    }
}

bool SystemRollout::in_deployment(const state::AllocationRow& row) const {
    return current_ && row.body.deployment_id() == current_->id();
}

void SystemRollout::look_at(const state::AllocationRow& row, bool is_leaving) {
    const auto at = groups_.find(row.body.task_group());
    if (at == groups_.end()) return;
    Group& group = at->second;
    group.is_known = group.is_known || (row.body.job_version() == inputs_.job->version() &&
                                        row.body.job_create_index() == inputs_.job->create_index());
    if (row.terminal() || is_leaving || !in_deployment(row)) return;
    const auto status = row.body.deployment_status();
    const bool is_canary = contains(group.state.placed_canaries(), row.id.raw());
    if (is_canary) ++group.canaries;
    if (status.has_healthy() && !status.healthy()) group.is_unhealthy = true;
    if (!status.has_healthy() && !is_canary) ++group.unsettled;
}

void SystemRollout::found_outdated(const std::string& name, bool destructive) {
    const auto at = groups_.find(name);
    if (at == groups_.end()) return;
    ++(destructive ? at->second.destructive : at->second.in_place);
}

void SystemRollout::begin(const IsStopped& is_stopped) {
    if (inputs_.job == nullptr || done_) return;
    for (const auto& row : inputs_.view.allocations_of(inputs_.key)) {
        look_at(*row, is_stopped(row->id));
    }
    if (!current_) create();
    if (!current_) return;
    for (auto& [name, group] : groups_) decide_canaries(group);
}

void SystemRollout::create() {
    const bool reason = std::any_of(groups_.begin(), groups_.end(), [](const auto& entry) {
        const Group& group = entry.second;
        return !group.is_known || group.destructive + group.in_place > 0;
    });
    if (!reason) return;
    current_ = new_deployment(*inputs_.job, inputs_.key, inputs_.priority, inputs_.now, ids_);
    created_ = true;
}

// A share of the nodes that have to change over, rounded up; later no more than there still are.
void SystemRollout::decide_canaries(Group& group) {
    const auto& update = group.group->update();
    std::int64_t wanted = group.state.desired_canaries();
    if (created_ && inputs_.job->version() > 0 && update.canary() > 0) {
        wanted = std::min<std::int64_t>((update.canary() * group.destructive + 99) / 100,
                                        update.max_parallel());
    }
    if (!group.state.promoted()) wanted = std::min(wanted, group.canaries + group.destructive);
    group.state.set_desired_canaries(static_cast<std::int32_t>(wanted));
}

const SystemRollout::Group* SystemRollout::find(const std::string& name) const {
    const auto at = groups_.find(name);
    return at == groups_.end() ? nullptr : &at->second;
}

std::string SystemRollout::deployment_id() const {
    return current_ && is_active(*current_) ? current_->id() : std::string{};
}

bool SystemRollout::paces(const std::string& name) const {
    return current_ && find(name) != nullptr;
}

bool SystemRollout::may_replace(const std::string& name) const {
    const Group* group = find(name);
    if (!current_ || group == nullptr || current_->status() != "running") return false;
    if (awaits_promotion(group->state) || group->is_unhealthy) return false;
    return group->unsettled + group->replaced < group->group->update().max_parallel();
}

bool SystemRollout::wants_canary(const std::string& name) const {
    const Group* group = find(name);
    if (!current_ || group == nullptr || current_->status() != "running") return false;
    return awaits_promotion(group->state) && group->canaries < group->state.desired_canaries();
}

bool SystemRollout::is_on_trial(const std::string& name) const {
    const Group* group = find(name);
    return current_ && group != nullptr && awaits_promotion(group->state);
}

void SystemRollout::replaced(const std::string& name) {
    if (const auto at = groups_.find(name); at != groups_.end()) ++at->second.replaced;
}

void SystemRollout::placed_canary(const std::string& name) {
    if (const auto at = groups_.find(name); at != groups_.end()) ++at->second.canaries;
}

void SystemRollout::count(const std::string& name) {
    if (const auto at = groups_.find(name); at != groups_.end()) ++at->second.total;
}

// What the deployment has already: it waits for these too, but not for what cannot be reached.
void SystemRollout::count_members(const IsStopped& is_stopped,
                                  std::map<std::string, std::int64_t>& healthy) {
    for (const auto& row : inputs_.view.allocations_of(inputs_.key)) {
        if (row->terminal() || !in_deployment(*row) || is_stopped(row->id)) continue;
        const std::string group{row->body.task_group()};
        const bool is_healthy = row->body.deployment_status().healthy();
        if (is_healthy) ++healthy[group];
        if (is_healthy || row->client_status != state::ClientStatus::unknown) count(group);
    }
}

// True where a number has moved.
bool SystemRollout::take_over_states() {
    bool moved = false;
    for (auto& [name, group] : groups_) {
        group.state.set_desired_total(static_cast<std::int32_t>(group.total));
        schema::DeploymentState* stored = nullptr;
        for (auto& state : *current_->mutable_task_groups()) {
            if (state.group() == name) stored = &state;
        }
        if (stored == nullptr) stored = current_->add_task_groups();
        moved = moved || stored->desired_total() != group.state.desired_total() ||
                stored->desired_canaries() != group.state.desired_canaries();
        *stored = group.state;
    }
    return moved;
}

void SystemRollout::finish(schema::Plan& plan, const IsStopped& is_stopped) {
    if (ended_) *plan.add_deployment_updates() = std::move(*ended_);
    if (!current_ || !is_active(*current_)) return;
    std::map<std::string, std::int64_t> healthy;
    count_members(is_stopped, healthy);
    const bool is_empty = std::all_of(groups_.begin(), groups_.end(),
                                      [](const auto& entry) { return entry.second.total == 0; });
    const bool moved = take_over_states();
    if (created_ && is_empty) return current_.reset();  // nobody has a place yet
    if (created_) describe_new_deployment(*current_);
    if (created_ || moved) *plan.mutable_deployment() = *current_;
    if (created_ || is_empty) return;
    const bool complete = std::all_of(groups_.begin(), groups_.end(), [&](const auto& entry) {
        return !awaits_promotion(entry.second.state) && healthy[entry.first] >= entry.second.total;
    });
    if (!complete) return;
    *plan.add_deployment_updates() =
        status_update(*current_, "successful", "Deployment completed successfully");
}

}  // namespace drover::scheduler
