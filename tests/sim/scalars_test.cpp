// The scalar grammar of scenario files.
#include "sim/scalars.hpp"

#include <gtest/gtest.h>

namespace drover::sim {
namespace {

using namespace std::chrono_literals;

TEST(Scalars, durations_need_a_unit_and_keep_their_fractions) {
    struct Row {
        const char* text;
        Duration expected;
    };
    for (const Row& row : {Row{"250ms", 250ms},
                           {"1.5s", 1500ms},
                           {"0", 0ns},
                           {"0.2ms", 200us},
                           {"2m", 2min},
                           {"1h", 1h},
                           {" 3s ", 3s},
                           {"0.5h", 30min},
                           {"7ns", 7ns}}) {
        const auto parsed = parse_duration(row.text);
        ASSERT_TRUE(parsed) << row.text << ": " << parsed.error().message;
        EXPECT_EQ(*parsed, row.expected) << row.text;
    }
    for (const char* text :
         {"", "5", "s", "-1s", "1y", "1s2", "99999999999h", "1e9s", "infinity"}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
}

TEST(Scalars, chances_are_percentages_or_fractions) {
    EXPECT_EQ(parse_chance("1%")->ppm, 10'000U);
    EXPECT_EQ(parse_chance("0.1%")->ppm, 1'000U);
    EXPECT_EQ(parse_chance("0.5")->ppm, 500'000U);
    EXPECT_EQ(parse_chance("0")->ppm, 0U);
    EXPECT_EQ(parse_chance("100%")->ppm, 1'000'000U);
    for (const char* text : {"101%", "2", "-1%", "x", "", "1%%"})
        EXPECT_FALSE(parse_chance(text)) << text;
}

TEST(Scalars, counts_know_hexadecimal_and_suffixes_and_refuse_overflow) {
    EXPECT_EQ(*parse_count("0x5eed"), 0x5eedU);
    EXPECT_EQ(*parse_count("50k"), 50'000U);
    EXPECT_EQ(*parse_count("20M"), 20'000'000U);
    for (const char* text :
         {"", "-1", "1.5", "18446744073709551616", "18446744073709551615k", "0x", "1G"}) {
        EXPECT_FALSE(parse_count(text)) << text;
    }
}

TEST(Scalars, distributions_draw_what_they_say) {
    Prng prng{1};
    const auto uniform = parse_distribution("uniform(1ms..5ms)");
    ASSERT_TRUE(uniform);
    for (int i = 0; i < 100; ++i) {
        const Duration drawn = uniform->draw(prng);
        EXPECT_GE(drawn, 1ms);
        EXPECT_LE(drawn, 5ms);
    }
    const auto exponential = parse_distribution("exp(min=0.2ms; mean=2ms)");
    ASSERT_TRUE(exponential);
    Duration sum{};
    for (int i = 0; i < 20'000; ++i) {
        const Duration drawn = exponential->draw(prng);
        EXPECT_GE(drawn, 200us);
        sum += drawn;
    }
    EXPECT_GT(sum / 20'000, 1900us);  // the mean is that of the whole, minimum included
    EXPECT_LT(sum / 20'000, 2100us);
    for (const char* text :
         {"exp()", "exp(mean=x)", "exp(min=3ms; mean=1ms)", "uniform(5ms..1ms)", "uniform(1ms)",
          "bimodal(fast=1ms)", "normal(0; 1ms)", "uniform(", "", ")"}) {
        EXPECT_FALSE(parse_distribution(text)) << text;
    }
}

TEST(Scalars, rates_are_times_between_events) {
    EXPECT_EQ(*parse_rate("200/s"), 5ms);
    EXPECT_EQ(*parse_rate("1/30s"), 30s);
    for (const char* text : {"5", "0/s", "1/0s", "1/", "/s"})
        EXPECT_FALSE(parse_rate(text)) << text;
}

TEST(Scalars, selectors_name_roles_numbers_and_holders) {
    EXPECT_EQ(parse_selector("leader")->kind, Selector::Kind::leader);
    EXPECT_EQ(parse_selector("server(2)")->number, 2U);
    EXPECT_EQ(parse_selector("server(follower; 1)")->kind, Selector::Kind::follower);
    EXPECT_EQ(parse_selector("server(all)")->kind, Selector::Kind::servers);
    EXPECT_EQ(parse_selector("node(pool=web; 5)")->pool, "web");
    EXPECT_EQ(parse_selector("node(pool=web; 5)")->number, 5U);
    EXPECT_EQ(parse_selector("holder(alloc=api[3])")->job, "api");
    for (const char* text : {"", "boss", "server()", "server(0)", "holder(alloc=api)", "holder()",
                             "node(0)", "server(1; 2; 3)", "leader(1"}) {
        EXPECT_FALSE(parse_selector(text)) << text;
    }
}

}  // namespace
}  // namespace drover::sim
