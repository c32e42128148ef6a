// Launches in the time that passes: what the two changes of a clock do to them.
#include "engine/cron/schedule.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "engine/schema/job.pb.h"

namespace drover::cron {
namespace {

constexpr std::int64_t hour = 3600;
constexpr std::int64_t spring = 1'774'746'000;  // 2026-03-29 01:00 UTC: 02:00 becomes 03:00
constexpr std::int64_t autumn = 1'792'890'000;  // 2026-10-25 01:00 UTC: 03:00 becomes 02:00

TimeZones zones() { return {{"Europe/Berlin", {{0, 3600}, {spring, 7200}, {autumn, 3600}}}}; }

Schedule schedule_of(const std::vector<std::string>& specs, const std::string& zone) {
    schema::PeriodicConfig periodic;
    for (const auto& spec : specs) periodic.add_specs(spec);
    periodic.set_time_zone(zone);
    auto schedule = Schedule::of(periodic, zones());
    EXPECT_TRUE(schedule) << schedule.error().message;
    return *schedule;
}

std::vector<std::int64_t> launches(const Schedule& schedule, std::int64_t after_s,
                                   std::int64_t until_s) {
    std::vector<std::int64_t> found;
    WallTime after{after_s * 1'000'000'000};
    while (const auto next = schedule.next(after)) {
        if (next->value() > until_s * 1'000'000'000) break;
        EXPECT_EQ(next->value() % 1'000'000'000, 0);
        EXPECT_LT(after, *next);
        found.push_back(next->value() / 1'000'000'000);
        after = *next;
    }
    return found;
}

TEST(Schedule, takes_the_earliest_of_several_expressions) {
    const Schedule schedule = schedule_of({"0 3 * * *", "0 1 * * *"}, "UTC");
    EXPECT_EQ(launches(schedule, 0, 24 * hour), (std::vector<std::int64_t>{1 * hour, 3 * hour}));
}

TEST(Schedule, follows_the_clock_of_its_zone) {
    const Schedule schedule = schedule_of({"0 12 * * *"}, "Europe/Berlin");
    EXPECT_EQ(launches(schedule, spring - 24 * hour, spring + 24 * hour),
              (std::vector<std::int64_t>{spring - 14 * hour, spring + 9 * hour}));
}

TEST(Schedule, what_the_clock_leaves_out_is_launched_as_it_goes_forward) {
    const Schedule schedule = schedule_of({"30 2 * * *"}, "Europe/Berlin");
    EXPECT_EQ(launches(schedule, spring - 24 * hour, spring + 24 * hour),
              (std::vector<std::int64_t>{spring - 24 * hour + hour / 2, spring,
                                         spring + 23 * hour + hour / 2}));
}

TEST(Schedule, what_the_clock_shows_twice_is_launched_once) {
    const Schedule schedule = schedule_of({"30 2 * * *"}, "Europe/Berlin");
    EXPECT_EQ(launches(schedule, autumn - 2 * hour, autumn + 24 * hour),
              (std::vector<std::int64_t>{autumn - hour / 2}));
    // Also where one asks in the hour that is shown the second time.
    EXPECT_EQ(launches(schedule, autumn + 60, autumn + 24 * hour), std::vector<std::int64_t>{});
}

TEST(Schedule, every_hour_is_every_hour_that_passes) {
    const Schedule schedule = schedule_of({"0 * * * *"}, "Europe/Berlin");
    for (const std::int64_t change : {spring, autumn}) {
        std::vector<std::int64_t> expected;
        for (int n = -3; n <= 3; ++n) expected.push_back(change + n * hour);
        EXPECT_EQ(launches(schedule, change - 4 * hour, change + 3 * hour), expected);
    }
}

TEST(Schedule, an_unknown_zone_is_refused_by_its_name) {
    schema::PeriodicConfig periodic;
    periodic.add_specs("@daily");
    periodic.set_time_zone("Mars/Olympus");
    const auto schedule = Schedule::of(periodic, zones());
    ASSERT_FALSE(schedule);
    EXPECT_NE(schedule.error().message.find("time_zone \"Mars/Olympus\""), std::string::npos);
}

// However the clock jumps: a job that names certain hours is launched once for each time that it
// names, and none is lost.
RC_GTEST_PROP(Schedule, a_daily_job_is_launched_once_a_day, ()) {
    TimeZone zone{{0, 0}};
    for (int change = 0; change < 4; ++change) {
        zone.push_back({zone.back().from_s + *rc::gen::inRange<std::int64_t>(30, 90) * 24 * hour,
                        *rc::gen::inRange(-4, 5) * 1800});
    }
    schema::PeriodicConfig periodic;
    periodic.add_specs(std::to_string(*rc::gen::inRange(0, 60)) + " " +
                       std::to_string(*rc::gen::inRange(0, 24)) + " * * *");
    periodic.set_time_zone("Somewhere");
    const auto schedule = Schedule::of(periodic, {{"Somewhere", zone}});
    const auto found = launches(*schedule, 24 * hour, 399 * 24 * hour);
    for (std::size_t i = 1; i < found.size(); ++i) {
        const std::int64_t apart = found[i] - found[i - 1];
        RC_ASSERT(apart >= 19 * hour);
        RC_ASSERT(apart <= 29 * hour);
    }
    RC_ASSERT(found.size() >= 397u);
    RC_ASSERT(found.size() <= 399u);
}

TEST(LaunchedByTime, stopped_disabled_and_templates_are_not) {
    schema::Job job;
    EXPECT_FALSE(is_launched_by_time(job));
    job.mutable_periodic()->set_enabled(true);
    EXPECT_TRUE(is_launched_by_time(job));
    job.mutable_parameterized_job();
    EXPECT_FALSE(is_launched_by_time(job));
    job.set_dispatched(true);
    EXPECT_TRUE(is_launched_by_time(job));
    job.set_stop(true);
    EXPECT_FALSE(is_launched_by_time(job));
    job.set_stop(false);
    job.mutable_periodic()->set_enabled(false);
    EXPECT_FALSE(is_launched_by_time(job));
}

}  // namespace
}  // namespace drover::cron
