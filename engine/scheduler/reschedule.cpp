#include "engine/scheduler/reschedule.hpp"

#include <algorithm>
#include <string>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/job.pb.h"

namespace drover::scheduler {
namespace {

constexpr int unlimited_events_kept = 5;
constexpr std::uint32_t client_status_field = 0;

bool is_enabled(const schema::ReschedulePolicy* policy) {
    return policy != nullptr && (policy->unlimited() || policy->attempts() > 0);
}

// When its last task ended; the time of its last change where no task ever did.
WallTime fail_time_of(const state::AllocationRow& row) {
    std::int64_t last = 0;
    for (const auto& task : row.body.task_states()) last = std::max(last, task.finished_at());
    return WallTime{last > 0 ? last : row.body.modify_time()};
}

std::int64_t grown_delay(const schema::ReschedulePolicy& policy,
                         const schema::RescheduleTracker& tracker) {
    const auto& events = tracker.events();
    const int size = events.size();
    if (policy.delay_function() == "exponential") return events[size - 1].delay() * 2;
    if (policy.delay_function() == "fibonacci" && size >= 2) {
        const std::int64_t last = events[size - 1].delay();
        const std::int64_t before = events[size - 2].delay();
        // The cap was reached and the delay started over: go on from there.
        if (before == policy.max_delay() && last == policy.delay()) return last;
        return last + before;
    }
    return policy.delay();
}

std::int64_t next_delay(const state::AllocationRow& row, const schema::ReschedulePolicy& policy) {
    const auto tracker = row.body.reschedule_tracker();
    if (tracker.events().empty()) return policy.delay();
    const std::int64_t delay = grown_delay(policy, tracker);
    if (policy.max_delay() <= 0 || delay <= policy.max_delay()) return delay;
    // An allocation that lived longer than the cap has earned a fresh start.
    const std::int64_t rescheduled = tracker.events(tracker.events_size() - 1).reschedule_time();
    const std::int64_t lived = fail_time_of(row).value() - rescheduled;
    return lived > policy.max_delay() ? policy.delay() : policy.max_delay();
}

bool has_attempt_left(const state::AllocationRow& row, const schema::ReschedulePolicy& policy,
                      WallTime fail_time, std::int64_t delay) {
    if (policy.unlimited()) return true;
    if (policy.attempts() <= 0) return false;
    const auto tracker = row.body.reschedule_tracker();
    const auto& events = tracker.events();
    if (events.empty()) return true;
    const auto attempted =
        std::count_if(events.begin(), events.end(), [&](const schema::RescheduleEvent& event) {
            return fail_time.value() - event.reschedule_time() < policy.interval();
        });
    return attempted < policy.attempts() && delay < policy.interval();
}

}  // namespace

const schema::TaskGroup* group_of(const state::AllocationRow& row) {
    if (row.job == nullptr) return nullptr;
    for (const auto& group : row.job->task_groups()) {
        if (group.name() == row.body.task_group()) return &group;
    }
    return nullptr;
}

const schema::ReschedulePolicy* reschedule_policy_of(const state::AllocationRow& row) {
    const auto* group = group_of(row);
    return group != nullptr && group->has_reschedule_policy() ? &group->reschedule_policy()
                                                              : nullptr;
}

std::optional<RescheduleTime> next_reschedule_from(const state::AllocationRow& row,
                                                   WallTime fail_time) {
    const auto* policy = reschedule_policy_of(row);
    if (!is_enabled(policy) || fail_time.value() <= 0) return std::nullopt;
    const std::int64_t delay = next_delay(row, *policy);
    return RescheduleTime{fail_time + Duration{delay},
                          has_attempt_left(row, *policy, fail_time, delay)};
}

std::optional<RescheduleTime> next_reschedule(const state::AllocationRow& row) {
    if (row.desired_status == state::DesiredStatus::stop && !last_reschedule_failed(row)) {
        return std::nullopt;
    }
    // A batch allocation that somebody asked to be placed anew need not have failed.
    const bool asked = row.body.desired_transition().reschedule() && row.job != nullptr &&
                       row.job->type() == "batch";
    if (!asked && row.client_status != state::ClientStatus::failed &&
        row.client_status != state::ClientStatus::lost) {
        return std::nullopt;
    }
    return next_reschedule_from(row, fail_time_of(row));
}

bool last_reschedule_failed(const state::AllocationRow& row) {
    const std::string last = row.body.reschedule_tracker().last_reschedule();
    return !last.empty() && last != "ok";
}

schema::RescheduleTracker tracker_after(const state::AllocationRow& previous, WallTime now) {
    schema::RescheduleTracker tracker;
    const auto* policy = reschedule_policy_of(previous);
    const auto known = previous.body.reschedule_tracker();
    const auto& events = known.events();
    const bool limited = policy != nullptr && policy->attempts() > 0 && !policy->unlimited();
    for (int i = 0; i < events.size(); ++i) {
        const std::int64_t age = now.value() - events[i].reschedule_time();
        const bool keep =
            limited ? age <= policy->interval() : i >= events.size() - unlimited_events_kept;
        if (keep) *tracker.add_events() = events[i];
    }
    auto& event = *tracker.add_events();
    event.set_reschedule_time(now.value());
    event.set_prev_alloc_id(previous.id.raw());
    event.set_prev_node_id(previous.node_id.raw());
    event.set_delay(policy == nullptr ? 0 : next_delay(previous, *policy));
    tracker.set_last_reschedule("ok");
    return tracker;
}

std::optional<WallTime> last_unknown(const state::AllocationRow& row) {
    std::optional<WallTime> since;
    for (const auto& state : row.body.alloc_states()) {
        if (state.field() != client_status_field) continue;
        since = state.value() == "unknown" ? std::optional{WallTime{state.time()}} : std::nullopt;
    }
    return since;
}

}  // namespace drover::scheduler
