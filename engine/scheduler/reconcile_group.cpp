// One group: sort its allocations, stop what is too many, and find out what is missing.
#include <algorithm>
#include <utility>

#include "engine/scheduler/reconcile_run.hpp"
#include "engine/scheduler/reschedule.hpp"
#include "engine/schema/allocation.pb.h"

namespace drover::scheduler {
namespace {

constexpr Duration stop_grace_min = std::chrono::seconds{5};

AllocationSet chosen(const AllocationSet& from, const schema::DeploymentState* state) {
    AllocationSet set;
    if (state == nullptr) return set;
    for (const auto& raw : state->placed_canaries()) {
        const auto at = from.find(state::to_uuid(raw));
        if (at != from.end()) set.insert(*at);
    }
    return set;
}

std::size_t wanted_count(const schema::TaskGroup& group) {
    return group.has_count() ? static_cast<std::size_t>(group.count()) : 1;
}

bool is_unknown(const state::AllocationRow& row) {
    return row.client_status == state::ClientStatus::unknown;
}

}  // namespace

GroupRun::GroupRun(JobRun& job, const schema::TaskGroup& group, AllocationSet all)
    : job_{job},
      group_{group},
      name_{group.name()},
      count_{wanted_count(group)},
      desired_{job.result.desired[name_]},
      names_{job.inputs.key.id, name_, count_},
      all_{std::move(all)} {
    state_ = new_state(group_);
    if (!job_.result.current) return;
    if (const auto* known = find_state(*job_.result.current, name_)) {
        state_ = *known;
        existing_ = true;
    }
}

bool GroupRun::run() {
    if (job_.inputs.batch) drop_old_batch();
    stop_superseded_canaries();
    classes_ = classify(all_, job_.inputs.tainted, job_.inputs.now);
    desired_.set_ignore(desired_.ignore() + classes_.ignore.size());
    reschedule_untainted();
    take_in_reconnecting(classes_.reconnecting);
    classes_.lost = together(std::move(classes_.lost), classes_.expiring);
    take_in_disconnecting(classes_.disconnecting);
    wait_for_stopping_clients();
    note_later();
    index_names();
    stop_surplus();
    decide_updates();
    require_canaries();
    stop_surplus_rescheduling();
    limit_ = update_limit();

    // A group whose clients are still to stop by themselves waits as a whole.
    auto place = lost_later_.empty() ? missing_placements() : std::vector<Placement>{};
    if (!existing_) {
        state_.set_desired_total(state_.desired_total() + static_cast<std::int32_t>(place.size()));
    }
    const bool ready = !job_.paused && !job_.failed && !canarying();
    placed_ = place.size();
    if (ready) {
        place_all(std::move(place));
        replace_updated();
    } else {
        place_what_a_halted_deployment_allows(place);
        desired_.set_ignore(desired_.ignore() + destructive_.size());
    }
    migrate();
    create_deployment();
    if (placements_.size() > count_) placements_.resize(count_);
    for (auto& one : placements_) job_.result.place.push_back(std::move(one));
    return is_complete();
}

bool GroupRun::canarying() const { return state_.desired_canaries() != 0 && !state_.promoted(); }

bool GroupRun::of_this_version(const state::AllocationRow& row) const {
    return row.body.job_version() == job_.inputs.job->version() &&
           row.body.job_create_index() == job_.inputs.job->create_index();
}

// What an earlier version of a batch job has ended does not count for this one.
void GroupRun::drop_old_batch() {
    for (auto at = all_.begin(); at != all_.end();) {
        const auto& row = *at->second;
        const bool older = row.body.job_create_index() < job_.inputs.job->create_index() ||
                           row.body.job_version() < job_.inputs.job->version();
        if (older && row.terminal()) {
            desired_.set_ignore(desired_.ignore() + 1);
            at = all_.erase(at);
        } else {
            ++at;
        }
    }
}

void GroupRun::stop_superseded_canaries() {
    const auto& current = job_.result.current;
    AllocationSet superseded;
    const auto add_unpromoted = [&](const schema::Deployment& deployment) {
        const auto* state = find_state(deployment, name_);
        if (state != nullptr && !state->promoted()) {
            superseded = together(std::move(superseded), chosen(all_, state));
        }
    };
    if (job_.old_deployment) add_unpromoted(*job_.old_deployment);
    if (current && job_.failed) add_unpromoted(*current);
    // Their deployment may be gone, as after a purge.
    for (const auto& [id, row] : all_) {
        const bool mine = current && row->body.deployment_id() == current->id();
        if (is_canary(*row) && !mine) superseded.emplace(id, row);
    }
    job_.stop(superseded, "alloc not needed due to job update");
    desired_.set_stop(desired_.stop() + superseded.size());
    all_ = without(std::move(all_), superseded);

    if (!current) {
        // A rollout that ends where its canaries take over leaves the others to be stopped.
        const auto& old = job_.old_deployment;
        const bool just_ended = old && old->status() == "successful" &&
                                old->job_version() == job_.inputs.job->version();
        if (!just_ended) return;
        const auto known = chosen(all_, find_state(*old, name_));
        promoted_ = classify(known, job_.inputs.tainted, job_.inputs.now).untainted;
        return;
    }
    const auto mine = chosen(all_, find_state(*current, name_));
    const auto classes = classify(mine, job_.inputs.tainted, job_.inputs.now);
    job_.stop(classes.migrate, "alloc is being migrated");
    job_.stop(classes.lost, "alloc is lost since its node is down", "lost");
    all_ = without(without(std::move(all_), classes.migrate), classes.lost);
    canaries_ = classes.untainted;
    if (!canarying()) promoted_ = canaries_;
}

void GroupRun::reschedule_untainted() {
    RescheduleInputs inputs;
    inputs.batch = job_.inputs.batch;
    inputs.now = job_.inputs.now;
    inputs.evaluation_id = job_.inputs.evaluation_id;
    if (job_.result.current && is_active(*job_.result.current)) {
        inputs.deployment = job_.inputs.deployment;
    }
    auto found = reschedule(classes_.untainted, inputs);
    untainted_ = std::move(found.untainted);
    reschedule_now_ = std::move(found.now);
    reschedule_later_ = std::move(found.later);

    // Those that migrate keep migrating; here only failures among them are of interest.
    const auto migrating = reschedule(classes_.migrate, inputs);
    reschedule_now_ = together(std::move(reschedule_now_), migrating.now);
    classes_.migrate = without(std::move(classes_.migrate), migrating.now);
    reschedule_later_.insert(reschedule_later_.end(), migrating.later.begin(),
                             migrating.later.end());
}

// Groups that let a cut-off client stop its tasks by itself are given the time to do so.
void GroupRun::wait_for_stopping_clients() {
    const Duration stop_after{group_.has_disconnect() ? group_.disconnect().stop_on_client_after()
                                                      : group_.stop_after_client_disconnect()};
    if (stop_after.count() <= 0) return;
    Duration grace = stop_grace_min;
    for (const auto& task : group_.tasks()) grace = std::max(grace, Duration{task.kill_timeout()});
    for (const auto& [id, row] : classes_.lost) {
        WallTime since = job_.inputs.now;
        for (const auto& state : row->body.alloc_states()) {
            if (state.value() == "lost") since = WallTime{state.time()};
        }
        const WallTime over = since + stop_after + grace;
        if (over > job_.inputs.now) lost_later_.push_back({row, over});
    }
}

// Evaluations for later, and the link to them in whatever is written about the allocation.
void GroupRun::note_later() {
    auto& result = job_.result;
    const auto link = [&](const std::map<Uuid, std::string>& ids,
                          const std::vector<RescheduleLater>& later) {
        for (const auto& one : later) {
            Note& note = result.notes[one.allocation->id];
            note.allocation = one.allocation;
            note.follow_up = ids.at(one.allocation->id);
        }
    };
    link(job_.follow_up(unknown_later_, "max-disconnect-timeout",
                        "created for delayed disconnect timeout"),
         unknown_later_);
    link(job_.follow_up(reschedule_later_, "alloc-reschedule", "created for delayed rescheduling"),
         reschedule_later_);
    const auto ids = job_.follow_up(lost_later_, "alloc-failure",
                                    "created for allocations that their client is to stop");
    for (const auto& [id, row] : classes_.lost) {
        const auto at = ids.find(id);
        result.stops.push_back({row, "alloc is lost since its node is down", "lost",
                                at == ids.end() ? std::string{} : at->second});
    }
    desired_.set_stop(desired_.stop() + classes_.lost.size());
    desired_.set_reschedule_now(reschedule_now_.size());
    desired_.set_reschedule_later(reschedule_later_.size());
}

void GroupRun::index_names() {
    for (const auto* set : {&untainted_, &classes_.migrate, &reschedule_now_, &classes_.lost}) {
        for (const auto& [id, row] : *set) names_.use(row->body.name());
    }
}

void GroupRun::stop_one(AllocationSet& candidates, const state::AllocationPtr& allocation) {
    job_.result.stops.push_back({allocation, "alloc not needed due to job update", {}, {}});
    desired_.set_stop(desired_.stop() + 1);
    names_.release(allocation->body.name());
    candidates.erase(allocation->id);
    untainted_.erase(allocation->id);
    classes_.migrate.erase(allocation->id);
}

void GroupRun::stop_surplus() {
    // Names of the lost are free for their replacements.
    for (const auto& [id, row] : classes_.lost) names_.release(row->body.name());
    AllocationSet candidates = canarying() ? without(untainted_, canaries_) : untainted_;
    const auto counted = std::count_if(candidates.begin(), candidates.end(), [](const auto& entry) {
        return !is_unknown(*entry.second);
    });
    const auto present = static_cast<std::size_t>(counted) + classes_.migrate.size();
    if (present <= count_) return;
    std::size_t surplus = present - count_;
    std::erase_if(candidates, [](const auto& entry) { return entry.second->server_terminal(); });

    const auto stop_while_surplus = [&](const std::vector<state::AllocationPtr>& turn,
                                        const auto& applies) {
        for (auto at = turn.rbegin(); at != turn.rend() && surplus > 0; ++at) {
            if (!applies(**at)) continue;
            stop_one(candidates, *at);
            --surplus;
        }
    };
    // A promoted canary takes over the name of the one it was a trial for.
    if (!promoted_.empty()) {
        NameSet promoted;
        for (const auto& [id, row] : promoted_) promoted.emplace(row->body.name());
        stop_while_surplus(in_name_order(without(candidates, promoted_)),
                           [&](const auto& row) { return promoted.contains(row.body.name()); });
    }
    NameIndex migrating{job_.inputs.key.id, name_, count_};
    for (const auto& [id, row] : classes_.migrate) migrating.use(row->body.name());
    const auto highest_migrating = migrating.take_highest(surplus);
    stop_while_surplus(in_name_order(classes_.migrate), [&](const auto& row) {
        return highest_migrating.contains(row.body.name());
    });
    NameIndex in_use = names_;
    const auto highest = in_use.take_highest(surplus);
    stop_while_surplus(in_name_order(candidates),
                       [&](const auto& row) { return highest.contains(row.body.name()); });
    // Only duplicates are left.
    stop_while_surplus(in_name_order(candidates), [](const auto&) { return true; });
}

void GroupRun::decide_updates() {
    for (const auto& [id, row] : untainted_) {
        const auto known = job_.inputs.updates.find(id);
        const Update update = known == job_.inputs.updates.end() ? Update::none : known->second;
        if (update == Update::destructive) destructive_.emplace(id, row);
        if (update == Update::in_place) in_place_.emplace(id, row);
        if (update == Update::none) desired_.set_ignore(desired_.ignore() + 1);
    }
    for (const auto& row : in_name_order(in_place_)) job_.result.in_place.push_back(row);
    desired_.set_in_place_update(in_place_.size());
    if (!existing_) {
        state_.set_desired_total(
            static_cast<std::int32_t>(static_cast<std::size_t>(state_.desired_total()) +
                                      destructive_.size() + in_place_.size()));
    }
    if (canarying()) untainted_ = without(std::move(untainted_), canaries_);
}

void GroupRun::require_canaries() {
    const auto wanted = static_cast<std::size_t>(std::max(group_.update().canary(), 0));
    // Once a rollout has begun with canaries it needs them until their promotion, also while
    // everything of the version before is on its way to another node.
    requires_canaries_ = has_update(group_) && canaries_.size() < wanted && !state_.promoted() &&
                         (canarying() || !destructive_.empty());
    if (!requires_canaries_) return;
    state_.set_desired_canaries(static_cast<std::int32_t>(wanted));
    if (job_.paused || job_.failed) return;
    NameSet taken, replaced;
    for (const auto& [id, row] : canaries_) taken.emplace(row->body.name());
    for (const auto& [id, row] : destructive_) replaced.emplace(row->body.name());
    const std::size_t missing = wanted - canaries_.size();
    desired_.set_canary(missing);
    for (auto& name : names_.next_canaries(missing, taken, replaced)) {
        Placement canary;
        canary.group = name_;
        canary.name = std::move(name);
        canary.canary = true;
        placements_.push_back(std::move(canary));
    }
}

std::size_t GroupRun::update_limit() const {
    if (!has_update(group_) || (destructive_.empty() && classes_.migrate.empty())) return count_;
    const auto most = static_cast<std::size_t>(group_.update().max_parallel());
    if (!job_.result.current || job_.result.create) return most;
    if (job_.paused || job_.failed || canarying()) return 0;
    std::size_t limit = most;
    for (const auto& [id, row] : untainted_) {
        if (row->body.deployment_id() != job_.result.current->id()) continue;
        const auto status = row->body.deployment_status();
        if (status.has_healthy() && !status.healthy()) return 0;
        if (!status.has_healthy() && limit > 0) --limit;
    }
    return limit;
}

Placement GroupRun::reschedule_of(const state::AllocationPtr& allocation) const {
    Placement placement;
    placement.group = name_;
    placement.name = std::string{allocation->body.name()};
    placement.previous = allocation;
    placement.reschedule = true;
    // Only a rollout that still waits for its canaries has any.
    placement.canary = canarying() && is_canary(*allocation);
    placement.downgrade = canarying() && !placement.canary;
    placement.min_job_version = allocation->body.job_version();
    return placement;
}

// How many of the count are taken by what stays. One that is unknown and was replaced holds no
// slot: its replacement does.
std::size_t GroupRun::slots_held() const {
    const auto holding = std::count_if(untainted_.begin(), untainted_.end(), [](const auto& entry) {
        return !is_unknown(*entry.second) || entry.second->body.next_allocation().empty();
    });
    return static_cast<std::size_t>(holding) + classes_.migrate.size();
}

AllocationSet GroupRun::slots_rescheduled() const {
    AllocationSet set = reschedule_now_;
    if (canarying()) std::erase_if(set, [](const auto& entry) { return is_canary(*entry.second); });
    return set;
}

// Where the others fill the count, what failed is given up instead of being placed anew.
void GroupRun::stop_surplus_rescheduling() {
    const std::size_t held = slots_held();
    const std::size_t slots = held < count_ ? count_ - held : 0;
    auto turn = in_name_order(slots_rescheduled());
    while (turn.size() > slots) {
        reschedule_now_.erase(turn.back()->id);
        AllocationSet unused;
        stop_one(unused, turn.back());
        turn.pop_back();
    }
}

std::vector<Placement> GroupRun::missing_placements() {
    std::vector<Placement> place;
    for (const auto& row : in_name_order(reschedule_now_)) place.push_back(reschedule_of(row));
    std::size_t existing = slots_held() + slots_rescheduled().size();
    for (const auto& row : in_name_order(classes_.lost)) {
        if (existing >= count_) break;
        ++existing;
        Placement placement = reschedule_of(row);
        placement.reschedule = false;
        names_.use(placement.name);
        place.push_back(std::move(placement));
    }
    if (existing >= count_) return place;
    for (auto& name : names_.next(count_ - existing)) {
        Placement placement;
        placement.group = name_;
        placement.name = std::move(name);
        placement.downgrade = canarying();
        place.push_back(std::move(placement));
    }
    return place;
}

}  // namespace drover::scheduler
