#include "engine/scheduler/reconcile.hpp"

#include <algorithm>
#include <utility>

#include "engine/scheduler/reconcile_run.hpp"
#include "engine/schema/allocation.pb.h"

namespace drover::scheduler {
namespace {

constexpr Duration follow_up_window = std::chrono::seconds{5};

bool is_stopped(const ReconcileInputs& inputs) {
    return inputs.job == nullptr || inputs.job->stop();
}

// Which deployment this run works for, and which one is history.
void choose_deployment(JobRun& run) {
    const auto& inputs = run.inputs;
    if (inputs.deployment == nullptr) return;
    const auto& latest = *inputs.deployment;
    const bool superseded = is_stopped(inputs) ||
                            latest.job_create_index() != inputs.job->create_index() ||
                            latest.job_version() != inputs.job->version();
    if (superseded) {
        if (is_active(latest)) {
            run.result.deployment_updates.push_back(
                status_update(latest, "cancelled",
                              is_stopped(inputs) ? "Cancelled because job is stopped"
                                                 : "Cancelled due to newer version of job"));
        }
        run.old_deployment = latest;
    } else if (latest.status() == "successful") {
        run.old_deployment = latest;
    } else {
        run.result.current = latest;
        run.failed = latest.status() == "failed";
        run.paused = latest.status() == "paused" || latest.status() == "pending" ||
                     latest.status() == "initializing";
    }
}

std::map<std::string, AllocationSet> by_group(const ReconcileInputs& inputs) {
    std::map<std::string, AllocationSet> groups;
    if (inputs.job != nullptr) {
        for (const auto& group : inputs.job->task_groups()) groups[group.name()];
    }
    for (const auto& row : inputs.allocations) {
        groups[std::string{row->body.task_group()}].emplace(row->id, row);
    }
    return groups;
}

const schema::TaskGroup* find_group(const ReconcileInputs& inputs, const std::string& name) {
    for (const auto& group : inputs.job->task_groups()) {
        if (group.name() == name) return &group;
    }
    return nullptr;
}

AllocationSet not_terminal(const AllocationSet& set) {
    AllocationSet live;
    for (const auto& [id, row] : set) {
        if (!row->terminal()) live.emplace(id, row);
    }
    return live;
}

// What a running group looks at: ended batch allocations have done their work and count.
AllocationSet relevant(const AllocationSet& set, bool batch) {
    AllocationSet kept;
    for (const auto& [id, row] : set) {
        const bool asked_again = row->body.desired_transition().reschedule();
        if (!row->server_terminal() || (batch && !asked_again)) kept.emplace(id, row);
    }
    return kept;
}

// What failed during a rollout was the rollout's affair. Now that it is over, nothing else will
// come to look at it: decide again, with the deployment as history.
Reconciliation finish_deployment(const ReconcileInputs& inputs, const schema::Deployment& current,
                                 Prng& prng) {
    auto ended = std::make_shared<schema::Deployment>(current);
    ended->set_status("successful");
    ReconcileInputs after = inputs;
    after.deployment = std::move(ended);
    auto result = reconcile(after, prng);
    result.deployment_updates.push_back(
        status_update(current, "successful", "Deployment completed successfully"));
    return result;
}

}  // namespace

std::vector<state::AllocationPtr> in_name_order(const AllocationSet& set) {
    std::vector<state::AllocationPtr> ordered;
    for (const auto& [id, row] : set) ordered.push_back(row);
    std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
        return index_of(a->body.name()) < index_of(b->body.name());
    });
    return ordered;
}

void JobRun::stop(const AllocationSet& set, const char* description, const char* client_status) {
    for (const auto& [id, row] : set) result.stops.push_back({row, description, client_status, {}});
}

void JobRun::stop_all(const std::string& group, const AllocationSet& set) {
    const auto classes = classify(not_terminal(set), inputs.tainted, inputs.now);
    constexpr const char* why = "alloc not needed due to job update";
    stop(classes.untainted, why);
    stop(classes.migrate, why);
    stop(classes.disconnecting, why);
    stop(classes.reconnecting, why);
    stop(classes.lost, "alloc is lost since its node is down", "lost");
    stop(classes.ignore, why, "unknown");
    stop(classes.expiring, why, "unknown");
    auto& desired = result.desired[group];
    desired.set_stop(desired.stop() + not_terminal(set).size());
}

std::map<Uuid, std::string> JobRun::follow_up(std::vector<RescheduleLater> later,
                                              const char* first_trigger, const char* description) {
    std::map<Uuid, std::string> ids;
    std::stable_sort(later.begin(), later.end(),
                     [](const auto& a, const auto& b) { return a.at < b.at; });
    std::optional<WallTime> start;
    for (const auto& one : later) {
        if (!start || one.at - *start >= follow_up_window) {
            auto& evaluation = result.follow_ups.emplace_back();
            evaluation.set_id(Uuid::mint(inputs.now, prng).raw());
            evaluation.set_namespace_(inputs.key.namespace_);
            evaluation.set_job_id(inputs.key.id);
            evaluation.set_type(inputs.batch ? "batch" : "service");
            evaluation.set_priority(inputs.priority);
            evaluation.set_triggered_by(start ? "alloc-failure" : first_trigger);
            evaluation.set_job_modify_index(inputs.job->modify_index());
            evaluation.set_status("pending");
            evaluation.set_status_description(description);
            evaluation.set_wait_until(one.at.value());
            start = one.at;
        }
        ids.emplace(one.allocation->id, result.follow_ups.back().id());
    }
    return ids;
}

Reconciliation reconcile(const ReconcileInputs& inputs, Prng& prng) {
    Reconciliation result;
    JobRun run{inputs, prng, result, std::nullopt};
    choose_deployment(run);
    const auto groups = by_group(inputs);
    if (is_stopped(inputs)) {
        for (const auto& [name, set] : groups) run.stop_all(name, set);
        return result;
    }
    bool complete = true;
    for (const auto& [name, set] : groups) {
        result.desired[name].set_group(name);
        auto considered = relevant(set, inputs.batch);
        const auto* group = find_group(inputs, name);
        if (group == nullptr || (group->has_count() && group->count() <= 0)) {
            run.stop_all(name, considered);
            continue;
        }
        complete = GroupRun{run, *group, std::move(considered)}.run() && complete;
    }
    if (result.create) describe_new_deployment(*result.current);
    const bool ends = complete && !result.create && result.current && is_active(*result.current);
    if (ends) return finish_deployment(inputs, *result.current, prng);
    return result;
}

}  // namespace drover::scheduler
