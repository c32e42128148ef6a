// See deployments.hpp.
#include "engine/control/deployments.hpp"

#include <algorithm>
#include <utility>

#include "engine/control/rollback.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/job.pb.h"

namespace drover::control {
namespace {

using Rows = std::vector<state::AllocationPtr>;

// Every look passes over all allocations of the deployment, and asks for an evaluation that does so
// once more. (Semantics 4.3: the evaluations of a job are batched for a second.)
constexpr Duration rest_between_looks = std::chrono::seconds{1};

bool is_active(const schema::Deployment& deployment) {
    const std::string& status = deployment.status();
    return status == "running" || status == "paused" || status == "pending" ||
           status == "initializing" || status == "blocked" || status == "unblocking";
}

bool is_healthy(const state::AllocationRow& row) { return row.body.deployment_status().healthy(); }

bool is_unhealthy(const state::AllocationRow& row) {
    return row.body.deployment_status().has_healthy() && !is_healthy(row);
}

const schema::DeploymentState* group_of(const schema::Deployment& deployment,
                                        std::string_view name) {
    for (const auto& group : deployment.task_groups()) {
        if (group.group() == name) return &group;
    }
    return nullptr;
}

bool awaits_promotion(const schema::DeploymentState& group) {
    return group.desired_canaries() > 0 && !group.promoted();
}

int healthy_count(const Rows& rows, const std::string& group) {
    return static_cast<int>(std::count_if(rows.begin(), rows.end(), [&](const auto& row) {
        return row->body.task_group() == group && is_healthy(*row) && !row->terminal();
    }));
}

bool is_done(const schema::DeploymentState& group, const Rows& rows) {
    return !awaits_promotion(group) && healthy_count(rows, group.group()) >= group.desired_total();
}

std::optional<WallTime> progress_deadline(const schema::Deployment& deployment, const Rows& rows) {
    std::optional<WallTime> earliest;
    for (const auto& group : deployment.task_groups()) {
        if (group.require_progress_by() == 0 || is_done(group, rows)) continue;
        const WallTime at{group.require_progress_by()};
        if (!earliest || at < *earliest) earliest = at;
    }
    return earliest;
}

struct Verdict {
    bool fails = false;
    bool roll_back = false;
};

// Judged when the progress deadline has passed.
Verdict judge_progress(const schema::Deployment& deployment) {
    Verdict verdict;
    for (const auto& group : deployment.task_groups()) {
        const int wanted =
            awaits_promotion(group) ? group.desired_canaries() : group.desired_total();
        if (group.healthy_allocs() >= wanted) continue;
        verdict.fails = true;
        verdict.roll_back = verdict.roll_back || group.auto_revert();
    }
    return verdict;
}

// Whether the job's own policy still allows to replace this allocation.
bool may_be_rescheduled(const state::AllocationRow& row, WallTime wall) {
    for (const auto& group : row.job->task_groups()) {
        if (group.name() != row.body.task_group() || !group.has_reschedule_policy()) continue;
        const auto& policy = group.reschedule_policy();
        if (policy.unlimited()) return true;
        const std::int64_t since = wall.value() - policy.interval();
        const auto tracker = row.body.reschedule_tracker();
        const auto& events = tracker.events();
        const auto used = std::count_if(events.begin(), events.end(), [&](const auto& event) {
            return event.reschedule_time() > since;
        });
        return used < policy.attempts();
    }
    return false;
}

// Unhealthy allocations that nobody can make up for fail the deployment before its deadline.
Verdict judge_allocations(const schema::Deployment& deployment, const Rows& rows, WallTime wall) {
    Verdict verdict;
    for (const state::AllocationPtr& row : rows) {
        const auto* group = group_of(deployment, row->body.task_group());
        if (group == nullptr || !is_unhealthy(*row)) continue;
        if (group->progress_deadline() > 0 && may_be_rescheduled(*row, wall)) continue;
        verdict.fails = true;
        verdict.roll_back = verdict.roll_back || group->auto_revert();
    }
    return verdict;
}

Rows replaceable(const schema::Deployment& deployment, const Rows& rows) {
    Rows found;
    for (const state::AllocationPtr& row : rows) {
        if (group_of(deployment, row->body.task_group()) == nullptr) continue;
        if (is_unhealthy(*row) && !row->body.desired_transition().reschedule() &&
            !row->server_terminal() && row->body.next_allocation().empty()) {
            found.push_back(row);
        }
    }
    return found;
}

bool may_be_promoted(const schema::Deployment& deployment, const Rows& rows) {
    bool needed = false;
    for (const auto& group : deployment.task_groups()) {
        if (group.desired_canaries() == 0) continue;
        if (!group.auto_promote()) return false;
        if (group.placed_canaries_size() < group.desired_canaries()) return false;
        const auto healthy = std::count_if(rows.begin(), rows.end(), [&](const auto& row) {
            const auto& canaries = group.placed_canaries();
            return is_healthy(*row) && !row->terminal() &&
                   std::find(canaries.begin(), canaries.end(), row->body.id()) != canaries.end();
        });
        if (healthy != group.desired_canaries()) return false;
        needed = needed || !group.promoted();
    }
    return needed;
}

// The newest state that the job's scheduler has looked at, or is about to look at.
std::uint64_t last_look(const state::StateView& view, const state::JobKey& job) {
    std::uint64_t last = 0;
    for (const state::EvaluationPtr& evaluation : view.evaluations_of(job)) {
        if (evaluation->status() == "canceled") continue;
        const std::uint64_t index = evaluation->snapshot_index() != 0 ? evaluation->snapshot_index()
                                                                      : evaluation->create_index();
        last = std::max(last, index);
    }
    return last;
}

bool has_news(const state::StateView& view, const state::JobKey& job, const Rows& rows) {
    const std::uint64_t seen = last_look(view, job);
    return std::any_of(rows.begin(), rows.end(), [&](const state::AllocationPtr& row) {
        return is_healthy(*row) && row->body.deployment_status().modify_index() > seen;
    });
}

EntryPtr failure(const schema::Deployment& deployment, const state::StateView& view,
                 const std::string& reason, bool roll_back, const Mint& mint) {
    auto entry = new_entry(mint);
    fill_failure(*entry->mutable_change_deployment(), view, deployment, reason, roll_back, mint);
    seal(*entry);
    return entry;
}

EntryPtr replacement(const schema::Deployment& deployment, const schema::Job& job, const Rows& rows,
                     const Mint& mint) {
    auto entry = new_entry(mint);
    auto& body = *entry->mutable_transition_allocations();
    for (const state::AllocationPtr& row : rows) {
        auto& one = *body.add_transitions();
        one.set_allocation_id(row->id.raw());
        one.mutable_transition()->set_reschedule(true);
    }
    *body.add_evaluations() = deployment_evaluation(deployment, job, mint);
    seal(*entry);
    return entry;
}

EntryPtr promotion(const schema::Deployment& deployment, const schema::Job& job, const Mint& mint) {
    auto entry = new_entry(mint);
    auto& body = *entry->mutable_change_deployment();
    body.set_deployment_id(deployment.id());
    body.set_promote_all(true);
    *body.mutable_evaluation() = deployment_evaluation(deployment, job, mint);
    seal(*entry);
    return entry;
}

EntryPtr next_batch(const schema::Deployment& deployment, const schema::Job& job,
                    const Mint& mint) {
    auto entry = new_entry(mint);
    *entry->mutable_upsert_evaluations()->add_evaluations() =
        deployment_evaluation(deployment, job, mint);
    seal(*entry);
    return entry;
}

}  // namespace

void Deployments::take_over(const state::StateView& view) {
    for (const state::DeploymentPtr& deployment : view.deployments()) {
        if (is_active(*deployment)) dirty_.insert(state::to_uuid(deployment->id()));
    }
}

void Deployments::changed(const state::Changes& changes) {
    for (const auto& deployment : changes.deployments) {
        dirty_.insert(state::to_uuid(deployment->id()));
    }
    for (const auto& row : changes.allocations) {
        if (!row->body.deployment_id().empty()) {
            dirty_.insert(state::to_uuid(row->body.deployment_id()));
        }
    }
}

std::optional<Uuid> Deployments::end_flight(const Uuid& request) {
    const auto flight = flights_.find(request);
    if (flight == flights_.end()) return std::nullopt;
    const Uuid id = flight->second;
    flights_.erase(flight);
    const auto watch = watches_.find(id);
    if (watch == watches_.end()) return std::nullopt;
    watch->second.in_flight = false;
    return id;
}

void Deployments::applied(const Uuid& request) {
    if (const auto id = end_flight(request)) dirty_.insert(*id);
}

void Deployments::refused(const Uuid& request, Instant now) {
    if (const auto id = end_flight(request)) look_again(*id, now + std::chrono::seconds{1});
}

void Deployments::look_again(const Uuid& id, std::optional<Instant> at) {
    Watch& watch = watches_[id];
    if (watch.look_again) timers_.erase({*watch.look_again, id});
    watch.look_again = at;
    if (at) timers_.insert({*at, id});
}

std::vector<EntryPtr> Deployments::work(const state::StateView& applied, Moment moment,
                                        Prng& prng) {
    while (!timers_.empty() && timers_.begin()->first <= moment.now) {
        const Uuid id = timers_.begin()->second;
        look_again(id, std::nullopt);
        dirty_.insert(id);
    }
    std::vector<EntryPtr> entries;
    for (const Uuid& id : std::exchange(dirty_, {})) {
        const state::DeploymentPtr deployment = applied.deployment(id);
        look_again(id, std::nullopt);
        if (!deployment || !is_active(*deployment)) {
            watches_.erase(id);
            continue;
        }
        Watch& watch = watches_[id];
        if (watch.in_flight) continue;
        if (watch.rests_until && *watch.rests_until > moment.now) {
            look_again(id, watch.rests_until);
            continue;
        }
        watch.rests_until = moment.now + rest_between_looks;
        const Mint mint{moment.wall, prng};
        if (EntryPtr entry = examine(*deployment, watch, applied, moment, mint)) {
            watch.in_flight = true;
            flights_[state::to_uuid(entry->request_id())] = id;
            entries.push_back(std::move(entry));
        }
    }
    return entries;
}

EntryPtr Deployments::examine(const schema::Deployment& deployment, Watch& watch,
                              const state::StateView& view, Moment moment, const Mint& mint) {
    const state::JobKey key{deployment.namespace_(), deployment.job_id()};
    const state::JobPtr job = view.job(key);
    const Uuid id = state::to_uuid(deployment.id());
    if (!job) return nullptr;
    const Rows rows = view.allocations_by_deployment(id);
    const bool paused = deployment.status() == "paused";
    if (const auto deadline = progress_deadline(deployment, rows); deadline && !paused) {
        if (*deadline > moment.wall) {
            look_again(id, moment.now + (*deadline - moment.wall));
        } else if (const Verdict verdict = judge_progress(deployment); verdict.fails) {
            watch.deadline_was_hit = true;
            return failure(deployment, view, "Failed due to progress deadline", verdict.roll_back,
                           mint);
        }
    }
    if (const Verdict verdict = judge_allocations(deployment, rows, moment.wall); verdict.fails) {
        const char* reason = watch.deadline_was_hit ? "Failed due to progress deadline"
                                                    : "Failed due to unhealthy allocations";
        return failure(deployment, view, reason, verdict.roll_back, mint);
    }
    if (const Rows found = replaceable(deployment, rows); !found.empty()) {
        return replacement(deployment, *job, found, mint);
    }
    if (paused) return nullptr;
    if (may_be_promoted(deployment, rows)) return promotion(deployment, *job, mint);
    if (has_news(view, key, rows)) return next_batch(deployment, *job, mint);
    return nullptr;
}

std::optional<Instant> Deployments::next_deadline() const {
    if (timers_.empty()) return std::nullopt;
    return timers_.begin()->first;
}

}  // namespace drover::control
