// See garbage.hpp. It never collects what still runs, or what a decision may still look at: the
// reschedule history of a failed allocation, and everything of a batch job that could run twice.
#include "engine/control/garbage.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"

namespace drover::control {
namespace {

constexpr int ids_max = 7281;  // in one entry

bool is_old(std::int64_t time_ns, Duration age, WallTime wall) {
    return WallTime{time_ns} + age <= wall;
}

bool is_terminal(const schema::Evaluation& evaluation) {
    return evaluation.status() == "complete" || evaluation.status() == "failed" ||
           evaluation.status() == "canceled";
}

bool job_is_over(const schema::Job* job) {
    return job == nullptr || job->stop() || job->status() == "dead";
}

const schema::ReschedulePolicy* reschedule_policy_of(const state::AllocationRow& row) {
    for (const auto& group : row.job->task_groups()) {
        if (group.name() == row.body.task_group() && group.has_reschedule_policy()) {
            return &group.reschedule_policy();
        }
    }
    return nullptr;
}

bool may_be_forgotten(const state::AllocationRow& row, const schema::Job* job, Duration age,
                      WallTime wall) {
    if (!row.terminal() || !is_old(row.body.modify_time(), age, wall)) return false;
    if (row.client_status == state::ClientStatus::running) return false;
    if (job_is_over(job) || row.server_terminal()) return true;
    if (row.client_status != state::ClientStatus::failed) return true;
    if (!row.body.next_allocation().empty()) return true;
    const auto* policy = reschedule_policy_of(row);
    if (policy == nullptr || (!policy->unlimited() && policy->attempts() == 0)) return true;
    const auto tracker = row.body.reschedule_tracker();
    if (policy->unlimited() || tracker.events().empty()) return false;
    return is_old(tracker.events().rbegin()->reschedule_time(), Duration{policy->interval()}, wall);
}

void collect_evaluation(const state::StateView& view, const schema::Evaluation& evaluation,
                        const Config& config, WallTime wall, schema::Reaping& reaping) {
    const bool batch = evaluation.type() == "batch";
    const Duration age =
        batch ? config.batch_evaluation_garbage_age : config.evaluation_garbage_age;
    if (!is_terminal(evaluation) || !is_old(evaluation.modify_time(), age, wall)) return;
    const state::JobPtr job = view.job({evaluation.namespace_(), evaluation.job_id()});
    // A batch job's results say that it has run: they stay while the job could be looked at again.
    const bool only_older_incarnations = batch && job && !(job->status() == "dead" && job->stop());
    bool all = true;
    for (const auto& row : view.allocations_by_evaluation(state::to_uuid(evaluation.id()))) {
        const bool current =
            only_older_incarnations && row->body.create_index() >= job->job_modify_index();
        if (!current && may_be_forgotten(*row, job.get(), age, wall)) {
            reaping.add_allocation_ids(row->id.raw());
        } else {
            all = false;
        }
    }
    if (all) reaping.add_evaluation_ids(evaluation.id());
}

void collect_deployments(const state::StateView& view, const Config& config, WallTime wall,
                         schema::Reaping& reaping) {
    for (const state::DeploymentPtr& deployment : view.deployments()) {
        const std::string& status = deployment->status();
        const bool over = status == "failed" || status == "successful" || status == "cancelled";
        if (!over || !is_old(deployment->modify_time(), config.deployment_garbage_age, wall)) {
            continue;
        }
        const auto rows = view.allocations_by_deployment(state::to_uuid(deployment->id()));
        if (std::all_of(rows.begin(), rows.end(),
                        [](const auto& row) { return row->terminal(); })) {
            reaping.add_deployment_ids(deployment->id());
        }
        if (reaping.deployment_ids_size() >= ids_max) return;
    }
}

void collect_nodes(const state::StateView& view, const Config& config, WallTime wall,
                   schema::Reaping& reaping) {
    for (const state::NodePtr& node : view.nodes()) {
        const std::int64_t since = node->status_updated_at() * 1'000'000'000;
        if (node->status() != "down" || !is_old(since, config.node_garbage_age, wall)) continue;
        const auto rows = view.allocations_on(state::to_uuid(node->id()));
        if (std::all_of(rows.begin(), rows.end(),
                        [](const auto& row) { return row->terminal(); })) {
            reaping.add_node_ids(node->id());
        }
        if (reaping.node_ids_size() >= ids_max) return;
    }
}

}  // namespace

EntryPtr collect_garbage(const state::StateView& view, const Config& config, const Mint& mint) {
    auto entry = new_entry(mint);
    schema::Reaping& reaping = *entry->mutable_reap();
    for (const state::EvaluationPtr& evaluation : view.evaluations()) {
        collect_evaluation(view, *evaluation, config, mint.wall, reaping);
        if (reaping.evaluation_ids_size() + reaping.allocation_ids_size() >= ids_max) break;
    }
    collect_deployments(view, config, mint.wall, reaping);
    collect_nodes(view, config, mint.wall, reaping);
    if (reaping.ByteSizeLong() == 0) return nullptr;
    seal(*entry);
    return entry;
}

}  // namespace drover::control
