// See periodic.hpp.
#include "engine/control/periodic.hpp"

#include <algorithm>
#include <utility>

#include "engine/schema/job.pb.h"
#include "engine/schema/periodic_launch.pb.h"
#include "engine/state/children.hpp"
#include "engine/state/features.hpp"

namespace drover::control {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;
// Wall clocks jump: nobody sleeps longer than this towards a time that one of them names.
constexpr Duration sleep_max = std::chrono::minutes{1};
constexpr Duration retry_pause = std::chrono::seconds{1};

WallTime whole_seconds(WallTime time) { return WallTime{time.value() / ns_per_s * ns_per_s}; }

}  // namespace

schema::Job periodic_child(const schema::Job& parent, WallTime launch, WallTime now) {
    schema::Job child = parent;
    child.set_id(parent.id() + "/periodic-" + std::to_string(launch.value() / ns_per_s));
    child.set_name(child.id());
    child.set_parent_id(parent.id());
    child.clear_periodic();
    child.clear_status();
    child.clear_status_description();
    child.clear_version_tag();
    child.set_stable(false);
    child.set_submit_time(now.value());
    return child;
}

void fill_launch(schema::JobRegistration& registration, const schema::Job& parent, WallTime launch,
                 const Mint& mint) {
    *registration.mutable_job() = periodic_child(parent, launch, mint.wall);
    *registration.mutable_evaluation() = new_evaluation(mint, registration.job(), "periodic-job");
    registration.set_periodic_launch_ns(launch.value());
}

bool has_running_launch(const state::StateView& view, const schema::Job& parent) {
    const auto children = state::children_of(view.tables(), state::key_of(parent));
    return std::any_of(children.begin(), children.end(),
                       [](const state::JobPtr& child) { return child->status() != "dead"; });
}

Periodic::Periodic(std::shared_ptr<const TimeZones> zones) : zones_{std::move(zones)} {}

void Periodic::take_over(const state::StateView& view, Moment moment) {
    // Below it, nothing may note when a job was launched.
    if (state::effective_level(view.feature_level()) < 2) return;
    for (const state::JobPtr& job : view.jobs()) watch(job, view, moment);
    look_at_next(moment);
}

void Periodic::changed(const schema::Entry& entry, const state::Changes& changes,
                       const state::StateView& after, Moment moment) {
    if (state::effective_level(after.feature_level()) < 2) return;
    if (entry.has_change_feature_level() || entry.has_restore_state()) {
        watched_.clear();
        due_.clear();
        flights_.clear();
        launching_.clear();
        return take_over(after, moment);
    }
    land(state::to_uuid(entry.request_id()));
    for (const state::JobPtr& row : changes.jobs) {
        if (!row->has_periodic() && !watched_.contains(state::key_of(*row))) continue;
        const state::JobPtr stored = after.job(state::key_of(*row));
        if (stored) {
            watch(stored, after, moment);
        } else {
            forget(state::key_of(*row));
        }
    }
    for (const state::PeriodicLaunchPtr& launch : changes.periodic_launches) {
        const state::JobPtr job = after.job({launch->namespace_(), launch->job_id()});
        if (job) watch(job, after, moment);
    }
    look_at_next(moment);
}

void Periodic::watch(const state::JobPtr& job, const state::StateView& view, Moment moment) {
    const state::JobKey key = state::key_of(*job);
    if (!cron::is_launched_by_time(*job)) return forget(key);
    const auto known = watched_.find(key);
    const state::PeriodicLaunchPtr noted = view.periodic_launch(key);
    // One that was registered before launches were noted begins as we first see it.
    WallTime launched = known != watched_.end() ? known->second.launched : moment.wall;
    if (noted) launched = WallTime{noted->launch()};
    std::string config = job->periodic().SerializeAsString();
    if (known != watched_.end() && known->second.launched == launched &&
        known->second.config == config) {
        return;  // a launch that was left out, because another runs, stays so
    }
    forget(key);
    auto schedule = cron::Schedule::of(job->periodic(), zones_ ? *zones_ : TimeZones{});
    if (!schedule) return;  // it was registered by a server that knew more zones than this one
    const auto due = schedule->next(launched);
    Watched& watched =
        watched_.emplace(key, Watched{std::move(config), launched, std::move(*schedule)})
            .first->second;
    if (!launching_.contains(key)) wait_until(key, watched, due);
}

void Periodic::forget(const state::JobKey& job) {
    const auto known = watched_.find(job);
    if (known == watched_.end()) return;
    if (known->second.due) due_.erase({*known->second.due, job});
    watched_.erase(known);
}

void Periodic::wait_until(const state::JobKey& job, Watched& watched, std::optional<WallTime> due) {
    if (watched.due) due_.erase({*watched.due, job});
    watched.due = due;
    if (due) due_.insert({*due, job});
}

bool Periodic::land(const Uuid& request) {
    const auto flight = flights_.find(request);
    if (flight == flights_.end()) return false;
    const state::JobKey job = flight->second;
    flights_.erase(flight);
    launching_.erase(job);
    const auto known = watched_.find(job);
    if (known == watched_.end()) return false;
    Watched& watched = known->second;
    wait_until(job, watched, watched.schedule.next(watched.launched));
    return true;
}

void Periodic::look_at_next(Moment moment) {
    next_look_.reset();
    if (due_.empty()) return;
    const Duration wait = due_.begin()->first - moment.wall;
    next_look_ = moment.now + std::clamp<Duration>(wait, Duration::zero(), sleep_max);
}

void Periodic::refused(const Uuid& request, Instant now) {
    if (land(request)) next_look_ = now + retry_pause;
}

std::vector<EntryPtr> Periodic::work(const state::StateView& applied, Moment moment, Prng& prng) {
    std::vector<EntryPtr> entries;
    if (!next_look_ || moment.now < *next_look_) return entries;
    while (!due_.empty() && due_.begin()->first <= moment.wall) {
        const auto [due, key] = *due_.begin();
        Watched& watched = watched_.at(key);
        const state::JobPtr job = applied.job(key);
        // One due time is kept to the second; if there were more, one launch now makes up for all.
        const auto following = watched.schedule.next(due);
        const bool missed = following && *following <= moment.wall;
        const WallTime launch = missed ? whole_seconds(moment.wall) : due;
        if (job && job->periodic().prohibit_overlap() && has_running_launch(applied, *job)) {
            wait_until(key, watched, watched.schedule.next(launch));
            continue;
        }
        wait_until(key, watched, std::nullopt);
        if (!job) continue;
        const Mint mint{moment.wall, prng};
        auto entry = new_entry(mint);
        fill_launch(*entry->mutable_register_job(), *job, launch, mint);
        seal(*entry);
        // The note of the launch that it brings along says when the next one is due.
        flights_.emplace(state::to_uuid(entry->request_id()), key);
        launching_.insert(key);
        entries.push_back(std::move(entry));
    }
    look_at_next(moment);
    return entries;
}

}  // namespace drover::control
