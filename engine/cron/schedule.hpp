// When a periodic job is due (the `periodic` block of a job).
#pragma once

#include <optional>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/base/time.hpp"
#include "engine/base/time_zone.hpp"
#include "engine/cron/expression.hpp"

namespace drover::schema {
class Job;
class PeriodicConfig;
}  // namespace drover::schema

namespace drover::cron {

class Schedule {
public:
    // Refuses an expression that is none, and a zone that is not among those given.
    [[nodiscard]] static Result<Schedule> of(const schema::PeriodicConfig& periodic,
                                             const TimeZones& zones);

    // The first launch after `after`, of whichever expression; whole seconds. None where there is
    // none until 2100.
    [[nodiscard]] std::optional<WallTime> next(WallTime after) const;

private:
    std::vector<Expression> expressions_;
    TimeZone zone_;
};

// Whether the servers launch it by themselves: enabled, not stopped, and no mere template of what
// is dispatched.
[[nodiscard]] bool is_launched_by_time(const schema::Job& job);

}  // namespace drover::cron
