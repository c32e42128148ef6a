// The machine's zones as values.
#include "io/time_zones.hpp"

#include <gtest/gtest.h>

namespace drover::io {
namespace {

std::int32_t offset_at(const TimeZone& zone, std::int64_t second) {
    std::int32_t offset = zone.front().offset_s;
    for (const auto& change : zone) {
        if (change.from_s <= second) offset = change.offset_s;
    }
    return offset;
}

TEST(TimeZones, are_read_with_their_changes_also_those_to_come) {
    const TimeZones zones = read_time_zones();
    if (zones.empty()) GTEST_SKIP() << "this machine has no time zone database (package tzdata)";
    const auto berlin = zones.find("Europe/Berlin");
    ASSERT_NE(berlin, zones.end());
    // 2026: summer from March 29 to October 25, 01:00 UTC each.
    EXPECT_EQ(offset_at(berlin->second, 1'774'745'999), 3600);
    EXPECT_EQ(offset_at(berlin->second, 1'774'746'000), 7200);
    EXPECT_EQ(offset_at(berlin->second, 1'792'889'999), 7200);
    EXPECT_EQ(offset_at(berlin->second, 1'792'890'000), 3600);
    EXPECT_EQ(offset_at(berlin->second, 3'803'500'800), 7200) << "July 2090, by the rule in force";
    EXPECT_EQ(zones.find("Asia/Kolkata")->second.back().offset_s, 19'800);
    EXPECT_FALSE(zones.contains("posix/Europe/Berlin"));
    for (const auto& [name, zone] : zones) {
        ASSERT_FALSE(zone.empty()) << name;
        for (std::size_t i = 1; i < zone.size(); ++i) {
            EXPECT_LT(zone[i - 1].from_s, zone[i].from_s) << name;
            EXPECT_NE(zone[i - 1].offset_s, zone[i].offset_s) << name;
        }
    }
}

TEST(TimeZones, where_there_is_no_database_there_are_none) {
    EXPECT_TRUE(read_time_zones("/nowhere").empty());
}

}  // namespace
}  // namespace drover::io
