// One group, second half: what is placed now, what is replaced, and the deployment that watches it;
// and nodes that could not be reached for a while.
#include <algorithm>
#include <utility>

#include "engine/scheduler/reconcile_run.hpp"
#include "engine/scheduler/reschedule.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/placement_scores.hpp"

namespace drover::scheduler {
namespace {

// A name that more than one allocation holds is given up by the one that is placed anew.
void avoid_duplicate(NameIndex& names, Placement& placement) {
    placement.name = names.without_duplicate(placement.name);
}

double best_score(const state::AllocationRow& row) {
    return schema::best_norm_score(row.body.metrics());
}

bool is_newer(const state::AllocationRow& row, const state::AllocationRow& than) {
    return row.body.job_create_index() > than.body.job_create_index() ||
           row.body.job_version() > than.body.job_version();
}

std::int64_t started_at(const state::AllocationRow& row) {
    std::int64_t oldest = 0;
    for (const auto& task : row.body.task_states()) {
        const std::int64_t started = task.started_at();
        if (started > 0 && (oldest == 0 || started < oldest)) oldest = started;
    }
    return oldest;
}

bool scores_better(const state::AllocationRow& replacement, const state::AllocationRow& original) {
    const bool usable = replacement.client_status == state::ClientStatus::running ||
                        original.client_status != state::ClientStatus::running;
    return usable && best_score(replacement) > best_score(original);
}

bool ran_longer(const state::AllocationRow& replacement, const state::AllocationRow& original) {
    const std::int64_t theirs = started_at(replacement);
    const std::int64_t ours = started_at(original);
    if (theirs == 0 && ours == 0) return scores_better(replacement, original);
    if (theirs == 0 || ours == 0) return ours == 0;
    return theirs <= ours;
}

bool replacement_wins(const std::string& strategy, const state::AllocationRow& replacement,
                      const state::AllocationRow& original) {
    if (is_newer(replacement, original)) return true;
    if (strategy == "keep_original") return false;
    if (strategy == "keep_replacement") return true;
    if (strategy == "longest_running") return ran_longer(replacement, original);
    return scores_better(replacement, original);
}

}  // namespace

void GroupRun::place_all(std::vector<Placement> place) {
    desired_.set_place(desired_.place() + place.size());
    for (auto& placement : place) {
        avoid_duplicate(names_, placement);
        placements_.push_back(std::move(placement));
    }
    for (const auto& [id, row] : reschedule_now_) {
        if (row->client_status == state::ClientStatus::unknown || row->server_terminal()) continue;
        desired_.set_stop(desired_.stop() + 1);
    }
    limit_ -= std::min(place.size(), limit_);
}

// A rollout that is paused, failed or waiting for its canaries changes nothing, but what was lost
// is made good, and so is what failed without the rollout's doing.
void GroupRun::place_what_a_halted_deployment_allows(const std::vector<Placement>& place) {
    for (const auto& placement : place) {
        if (placement.previous == nullptr) continue;
        const bool blamed = placement.reschedule && job_.failed && job_.result.current &&
                            placement.previous->body.deployment_id() == job_.result.current->id();
        if (blamed) continue;
        desired_.set_place(desired_.place() + 1);
        if (placement.reschedule) desired_.set_stop(desired_.stop() + 1);
        placements_.push_back(placement);
    }
}

void GroupRun::replace_updated() {
    const std::size_t replaced = std::min(destructive_.size(), limit_);
    desired_.set_destructive_update(replaced);
    desired_.set_ignore(desired_.ignore() + destructive_.size() - replaced);
    const auto turns = in_name_order(destructive_);
    for (std::size_t i = 0; i < replaced; ++i) {
        Placement placement;
        placement.group = name_;
        placement.name = std::string{turns[i]->body.name()};
        placement.previous = turns[i];
        placement.destructive = true;
        job_.result.destructive.push_back(std::move(placement));
    }
}

void GroupRun::migrate() {
    desired_.set_migrate(classes_.migrate.size());
    for (const auto& row : in_name_order(classes_.migrate)) {
        job_.result.stops.push_back({row, "alloc is being migrated", {}, {}});
        const auto transition = row->body.desired_transition();
        const bool only_stops = job_.inputs.batch &&
                                (transition.reschedule() || transition.migrate_disable_placement());
        if (only_stops) continue;
        Placement placement = reschedule_of(row);
        placement.reschedule = false;
        placements_.push_back(std::move(placement));
    }
}

void GroupRun::create_deployment() {
    auto& result = job_.result;
    if (job_.inputs.batch || existing_ || !has_update(group_) || state_.desired_total() == 0)
        return;
    const bool updating = !destructive_.empty() || !in_place_.empty();
    const bool had_running = std::any_of(all_.begin(), all_.end(), [&](const auto& entry) {
        return of_this_version(*entry.second);
    });
    if (had_running && !updating) return;
    if (result.current && !result.create) return;
    if (!result.current) {
        const auto& inputs = job_.inputs;
        result.current =
            new_deployment(*inputs.job, inputs.key, inputs.priority, inputs.now, job_.prng);
        result.create = true;
    }
    *result.current->add_task_groups() = state_;
}

bool GroupRun::is_complete() const {
    const bool idle = destructive_.empty() && in_place_.empty() && placed_ == 0 &&
                      classes_.migrate.empty() && reschedule_now_.empty() &&
                      reschedule_later_.empty() && !requires_canaries_;
    if (!idle || !job_.result.current) return false;
    if (!existing_) return true;
    if (state_.healthy_allocs() < std::max(state_.desired_total(), state_.desired_canaries())) {
        return false;
    }
    return state_.desired_canaries() == 0 || state_.promoted();
}

AllocationSet GroupRun::replacements_of(const state::AllocationRow& row) const {
    AllocationSet replacements;
    std::string_view next = row.body.next_allocation();
    while (!next.empty()) {
        const auto at = all_.find(state::to_uuid(next));
        if (at == all_.end() || !replacements.insert(*at).second) break;
        next = at->second->body.next_allocation();
    }
    return replacements;
}

// True where the original stays.
bool GroupRun::settle_reconnect(const state::AllocationPtr& original) {
    const std::string& strategy = group_.disconnect().reconcile();
    for (const auto& [id, replacement] : replacements_of(*original)) {
        if (replacement->server_terminal()) continue;
        const bool loses = replacement_wins(strategy, *replacement, *original);
        desired_.set_stop(desired_.stop() + 1);
        if (loses) {
            job_.result.stops.push_back({original, "alloc not needed due to job update", {}, {}});
            return false;
        }
        job_.result.stops.push_back(
            {replacement, "alloc not needed due to disconnected client reconnect", {}, {}});
        untainted_.erase(id);
        reschedule_now_.erase(id);
        classes_.migrate.erase(id);
        classes_.lost.erase(id);
        classes_.disconnecting.erase(id);
    }
    return true;
}

void GroupRun::take_in_reconnecting(const AllocationSet& set) {
    for (const auto& [id, row] : set) {
        const auto transition = row->body.desired_transition();
        if (row->client_status == state::ClientStatus::failed) {
            if (row->server_terminal()) continue;
            job_.result.stops.push_back(
                {row, "alloc was rescheduled because it failed", "failed", {}});
            desired_.set_stop(desired_.stop() + 1);
            continue;
        }
        const bool unwanted = row->server_terminal() || transition.migrate() ||
                              transition.reschedule() || transition.force_reschedule() ||
                              !of_this_version(*row);
        if (unwanted) {
            job_.result.stops.push_back({row, "alloc not needed due to job update", {}, {}});
            desired_.set_stop(desired_.stop() + 1);
            continue;
        }
        if (!settle_reconnect(row)) continue;
        untainted_.emplace(id, row);
        if (row->client_status != state::ClientStatus::running) continue;
        desired_.set_reconnect(desired_.reconnect() + 1);
        job_.result.notes[id] = {row, "running", std::string{row->body.client_description()}, {}};
    }
}

void GroupRun::take_in_disconnecting(const AllocationSet& set) {
    if (set.empty()) return;
    RescheduleInputs inputs;
    inputs.batch = job_.inputs.batch;
    inputs.disconnecting = true;
    inputs.now = job_.inputs.now;
    inputs.evaluation_id = job_.inputs.evaluation_id;
    auto found = reschedule(set, inputs);
    reschedule_now_ = together(std::move(reschedule_now_), found.now);
    reschedule_later_.insert(reschedule_later_.end(), found.later.begin(), found.later.end());
    untainted_ = together(std::move(untainted_), without(set, found.now));
    desired_.set_disconnect(set.size());
    for (const auto& [id, row] : set) {
        job_.result.notes[id] = {
            row, "unknown", "alloc is unknown since its node is disconnected", {}};
        unknown_later_.push_back({row, job_.inputs.now + lost_after(*row)});
    }
}

}  // namespace drover::scheduler
