// What the machine uses: texts of the kernel's as they are on real hosts, and this very host.
#include <gtest/gtest.h>

#include "drivers/usage.hpp"

namespace drover::drivers {
namespace {

TEST(Usage, memory_that_can_be_reclaimed_counts_as_not_used) {
    const MemoryUse use = parse_meminfo(
        "MemTotal:        1000 kB\nMemFree:          200 kB\nMemAvailable:     700 kB\n"
        "Buffers:           50 kB\nCached:           300 kB\nSwapCached:       999 kB\n"
        "SReclaimable:      50 kB\n");
    EXPECT_EQ(use.total, 1000U * 1024);
    EXPECT_EQ(use.free, 200U * 1024);
    EXPECT_EQ(use.available, 700U * 1024);
    EXPECT_EQ(use.used, 400U * 1024);
    EXPECT_EQ(parse_meminfo("").used, 0U);
}

TEST(Usage, every_core_has_its_ticks_and_their_sum_is_left_out) {
    const auto cores = parse_core_ticks(
        "cpu  10 2 3 40 5 6 7 0 0 0\ncpu0 5 1 2 20 5 3 4 0 0 0\ncpu1 5 1 1 20 0 3 3 0 0 0\n"
        "intr 1 2 3\n");
    ASSERT_EQ(cores.size(), 2U);
    EXPECT_EQ(cores[0].name, "cpu0");
    EXPECT_EQ(cores[0].user, 6U);
    EXPECT_EQ(cores[0].system, 9U);
    EXPECT_EQ(cores[0].idle, 25U);
}

TEST(Usage, this_host_tells_what_it_has) {
    const HostUse use = measure_host(std::chrono::milliseconds{1});
    EXPECT_GT(use.memory.total, use.memory.used);
    EXPECT_FALSE(use.cores.empty());
    EXPECT_GT(use.uptime_seconds, 0U);
    EXPECT_TRUE(measure_allocation("no-such-allocation", Duration{0}).empty());
}

}  // namespace
}  // namespace drover::drivers
