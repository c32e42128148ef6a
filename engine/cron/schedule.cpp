// From the wall clock of an expression to the time that passes. See schedule.hpp.
#include "engine/cron/schedule.hpp"

#include <algorithm>
#include <utility>

#include "engine/schema/job.pb.h"

namespace drover::cron {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;

LocalTime shown(std::int64_t unix_s, std::int32_t offset_s) {
    return LocalTime{std::chrono::seconds{unix_s + offset_s}};
}

std::int64_t unix_of(LocalTime time, std::int32_t offset_s) {
    return time.time_since_epoch().count() - offset_s;
}

// What a clock that shows one offset from `change` on, and showed `before` until then, makes of an
// expression that names certain hours.
struct ClockChange {
    const TimeZoneChange& change;
    std::int32_t before;

    [[nodiscard]] LocalTime last_shown() const { return shown(change.from_s, before); }
    [[nodiscard]] LocalTime first_shown() const { return shown(change.from_s, change.offset_s); }
    [[nodiscard]] bool leaves_out(const Expression& expression) const {
        if (first_shown() <= last_shown()) return false;
        const auto named = expression.next(last_shown());
        return named && *named < first_shown();
    }
};

std::optional<std::int64_t> next_second(const Expression& expression, const TimeZone& zone,
                                        std::int64_t from_s) {
    auto part = std::upper_bound(
        zone.begin(), zone.end(), from_s,
        [](std::int64_t second, const TimeZoneChange& change) { return second < change.from_s; });
    if (part != zone.begin()) --part;
    for (; part != zone.end(); ++part) {
        const bool first = part == zone.begin();
        LocalTime from = shown(first ? from_s : std::max(from_s, part->from_s), part->offset_s);
        if (!first && !expression.every_hour()) {
            const ClockChange clock{*part, std::prev(part)->offset_s};
            if (from_s <= part->from_s && clock.leaves_out(expression)) return part->from_s;
            from = std::max(from, clock.last_shown());
        }
        const auto named = expression.next(from);
        if (!named) return std::nullopt;
        const std::int64_t at = unix_of(*named, part->offset_s);
        const auto after = std::next(part);
        if (after == zone.end() || at < after->from_s) return at;
    }
    return std::nullopt;
}

}  // namespace

Result<Schedule> Schedule::of(const schema::PeriodicConfig& periodic, const TimeZones& zones) {
    Schedule schedule;
    std::vector<std::string> texts{periodic.specs().begin(), periodic.specs().end()};
    if (!periodic.spec().empty()) texts.push_back(periodic.spec());
    for (const std::string& text : texts) {
        auto expression = Expression::parse(text);
        if (!expression) return tl::unexpected{std::move(expression.error())};
        schedule.expressions_.push_back(*expression);
    }
    const std::string& name = periodic.time_zone();
    const auto known = zones.find(name);
    if (known != zones.end()) {
        schedule.zone_ = known->second;
    } else if (name.empty() || name == "UTC") {
        schedule.zone_ = {{0, 0}};
    } else {
        return fail(Errc::invalid_argument, "time_zone \"" + name +
                                                "\" is not known here: give a name of the IANA "
                                                "database, such as Europe/Berlin, or UTC");
    }
    return schedule;
}

std::optional<WallTime> Schedule::next(WallTime after) const {
    // The first whole second after it, also before 1970.
    std::int64_t from_s = after.value() / ns_per_s + 1;
    if (after.value() < 0 && after.value() % ns_per_s != 0) --from_s;
    std::optional<std::int64_t> first;
    for (const Expression& expression : expressions_) {
        const auto second = next_second(expression, zone_, from_s);
        if (second && (!first || *second < *first)) first = second;
    }
    if (!first) return std::nullopt;
    return WallTime{*first * ns_per_s};
}

bool is_launched_by_time(const schema::Job& job) {
    const bool is_template = job.has_parameterized_job() && !job.dispatched();
    return job.has_periodic() && job.periodic().enabled() && !job.stop() && !is_template;
}

}  // namespace drover::cron
