// See launch_times.hpp.
#include "agent/cli/launch_times.hpp"

#include "agent/cli/text.hpp"
#include "engine/cron/schedule.hpp"
#include "engine/schema/json.hpp"
#include "io/clock.hpp"
#include "io/time_zones.hpp"

namespace drover::agent::cli {

std::string next_launch_text(const schema::Job& job) {
    schema::Job launched = job;
    // A job file leaves it out, and means it.
    if (launched.has_periodic() && !launched.periodic().has_enabled()) {
        launched.mutable_periodic()->set_enabled(true);
    }
    if (!cron::is_launched_by_time(launched)) return {};
    const std::string& zone = launched.periodic().time_zone();
    const bool plain = zone.empty() || zone == "UTC";
    const auto schedule =
        cron::Schedule::of(launched.periodic(), plain ? TimeZones{} : io::read_time_zones());
    if (!schedule) return {};
    const WallTime now = io::wall_now();
    const auto next = schedule->next(now);
    if (!next) return "never";
    const std::int64_t seconds = (*next - now) / std::chrono::seconds{1};
    return time_text(next->value()) + " (" + duration_text(seconds) + " from now)";
}

std::string next_launch_text(const schema::JsonValue& job) {
    schema::Job read;
    if (auto done = schema::from_json_value(job, read); !done) return {};
    return next_launch_text(read);
}

}  // namespace drover::agent::cli
