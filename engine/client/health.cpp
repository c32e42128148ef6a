#include "engine/client/health.hpp"

#include <algorithm>
#include <utility>

#include "engine/client/duration_text.hpp"

namespace drover::client {
namespace {

// Tasks that are meant to end say nothing by having ended well.
bool may_be_dead(const TaskFacts& task) {
    return task.kind == TaskKind::prestart || task.kind == TaskKind::poststart ||
           task.kind == TaskKind::poststop;
}

bool is_steady(const TaskFacts& task) {
    if (task.kind == TaskKind::poststop) return true;
    if (task.situation == Situation::running) return true;
    return task.situation == Situation::dead && may_be_dead(task);
}

}  // namespace

std::optional<HealthVerdict> HealthTracker::judge(const std::vector<TaskFacts>& tasks,
                                                  Instant now) {
    for (const auto& task : tasks) {
        if (task.failed) return HealthVerdict{false, "Task \"" + task.name + "\" failed"};
        if (task.situation == Situation::dead && !may_be_dead(task)) {
            return HealthVerdict{false, "Task \"" + task.name + "\" is dead"};
        }
    }
    const bool steady = std::all_of(tasks.begin(), tasks.end(), is_steady);
    std::vector<std::uint64_t> attempts;
    for (const auto& task : tasks) attempts.push_back(task.attempt);
    if (!steady) {
        steady_since_.reset();
    } else if (!steady_since_ || steady_attempts_ != attempts) {
        steady_since_ = now;
        steady_attempts_ = std::move(attempts);
    }
    if (steady_since_ && now - *steady_since_ >= rules_.min_healthy_time) {
        return HealthVerdict{true, {}};
    }
    if (now >= give_up_at_) {
        return HealthVerdict{false, "Tasks were not running for min_healthy_time of " +
                                        duration_text(rules_.min_healthy_time) +
                                        " by healthy_deadline of " +
                                        duration_text(rules_.healthy_deadline)};
    }
    return std::nullopt;
}

Instant HealthTracker::deadline() const {
    if (!steady_since_) return give_up_at_;
    return std::min(give_up_at_, after(*steady_since_, rules_.min_healthy_time));
}

}  // namespace drover::client
