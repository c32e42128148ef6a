// Which times an expression names, and what is no expression.
#include "engine/cron/expression.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace drover::cron {
namespace {

using std::chrono::local_days;
using std::chrono::seconds;
using std::chrono::year;
using std::chrono::year_month_day;

LocalTime at(int y, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0) {
    return local_days{year{y} / static_cast<int>(month) / static_cast<int>(day)} +
           seconds{(hour * 60 + minute) * 60 + second};
}

struct Case {
    std::string text;
    LocalTime from;
    std::vector<LocalTime> next;  // those that follow
};

class Named : public testing::TestWithParam<Case> {};

TEST_P(Named, times_follow_in_order) {
    const auto expression = Expression::parse(GetParam().text);
    ASSERT_TRUE(expression) << expression.error().message;
    LocalTime from = GetParam().from;
    for (const LocalTime expected : GetParam().next) {
        const auto found = expression->next(from);
        ASSERT_TRUE(found) << GetParam().text;
        EXPECT_EQ(found->time_since_epoch(), expected.time_since_epoch()) << GetParam().text;
        from = *found + seconds{1};
    }
}

// 2026-11-24 is a Tuesday.
INSTANTIATE_TEST_SUITE_P(
    Cron, Named,
    testing::Values(
        Case{"*/15 * * * *",
             at(2026, 11, 24, 10, 46),
             {at(2026, 11, 24, 11, 0), at(2026, 11, 24, 11, 15)}},
        Case{"5/20 * * * *",
             at(2026, 11, 24, 10, 46),
             {at(2026, 11, 24, 11, 5), at(2026, 11, 24, 11, 25)}},
        Case{"10-30/10 6 * * *",
             at(2026, 11, 24, 7),
             {at(2026, 11, 25, 6, 10), at(2026, 11, 25, 6, 20), at(2026, 11, 25, 6, 30),
              at(2026, 11, 26, 6, 10)}},
        Case{"*/20 0 0 1 1 * 2028-2029",
             at(2026, 1, 1),
             {at(2028, 1, 1), at(2028, 1, 1, 0, 0, 20), at(2028, 1, 1, 0, 0, 40), at(2029, 1, 1)}},
        Case{"0 12 * * * 2030", at(2026, 1, 1), {at(2030, 1, 1, 12)}},
        Case{"0 0 29 2 *", at(2026, 1, 1), {at(2028, 2, 29), at(2032, 2, 29)}},
        Case{"0 0 31 * *", at(2026, 2, 1), {at(2026, 3, 31), at(2026, 5, 31)}},
        Case{"0 0 L * ?", at(2026, 2, 1), {at(2026, 2, 28), at(2026, 3, 31), at(2026, 4, 30)}},
        Case{"0 0 LW * *", at(2026, 1, 1), {at(2026, 1, 30), at(2026, 2, 27)}},
        Case{"0 0 15W * *", at(2026, 2, 1), {at(2026, 2, 16), at(2026, 3, 16), at(2026, 4, 15)}},
        Case{"0 0 1W 8 *", at(2026, 1, 1), {at(2026, 8, 3)}},
        Case{"0 0 * * 5L", at(2026, 11, 1), {at(2026, 11, 27), at(2026, 12, 25)}},
        Case{"0 0 * * TUE#2", at(2026, 11, 1), {at(2026, 11, 10), at(2026, 12, 8)}},
        Case{"0 0 * * 3#5", at(2026, 11, 1), {at(2026, 12, 30), at(2027, 3, 31)}},
        Case{"0 9 * * mon-Fri", at(2026, 11, 27, 10), {at(2026, 11, 30, 9), at(2026, 12, 1, 9)}},
        Case{"0 0 * * 7", at(2026, 11, 24), {at(2026, 11, 29)}},
        Case{"0 0 13 * FRI",
             at(2026, 11, 7),
             {at(2026, 11, 13), at(2026, 11, 20), at(2026, 11, 27), at(2026, 12, 4),
              at(2026, 12, 11), at(2026, 12, 13)}},
        Case{"0 0 1 JAN,jul *", at(2026, 11, 24), {at(2027, 1, 1), at(2027, 7, 1)}},
        Case{"@hourly", at(2026, 11, 24, 10, 0, 1), {at(2026, 11, 24, 11)}},
        Case{"@daily", at(2026, 11, 24, 0, 0, 1), {at(2026, 11, 25)}},
        Case{"@weekly", at(2026, 11, 24), {at(2026, 11, 29)}},
        Case{"@monthly", at(2026, 11, 24), {at(2026, 12, 1)}},
        Case{"@YEARLY", at(2026, 11, 24), {at(2027, 1, 1)}},
        Case{"  0\t0 *  * * ", at(2026, 11, 24), {at(2026, 11, 24), at(2026, 11, 25)}}));

TEST(Expression, names_nothing_that_does_not_exist) {
    EXPECT_FALSE(Expression::parse("0 0 30 2 *")->next(at(2026, 1, 1)));
    EXPECT_FALSE(Expression::parse("0 0 * * * 1999")->next(at(2026, 1, 1)));
    EXPECT_EQ(*Expression::parse("0 0 * * *")->next(at(1960, 5, 5)), at(1970, 1, 1));
}

TEST(Expression, what_is_none_is_refused_with_the_words_that_are_wrong) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "is no cron expression"},
        {"* * * *", "is no cron expression"},
        {"* * * * * * * *", "is no cron expression"},
        {"@fortnightly", "is no cron expression"},
        {"60 * * * *", "\"60\" is no minute"},
        {"* 24 * * *", "\"24\" is no hour"},
        {"* * 0 * *", "\"0\" is no day of the month"},
        {"* * 32W * *", "\"32w\" is no day of the month"},
        {"* * * 13 *", "\"13\" is no month"},
        {"* * * * 8", "\"8\" is no day of the week"},
        {"* * * * L", "\"l\" is no day of the week"},
        {"* * * * 5L2", "\"5l2\" is no day of the week"},
        {"* * * * 1#6", "\"1#6\" is no day of the week"},
        {"* * * * * 2100", "\"2100\" is no year"},
        {"61 * * * * * *", "\"61\" is no second"},
        {"5-2 * * * *", "\"5-2\" is no minute"},
        {"*/0 * * * *", "\"*/0\" is no minute"},
        {"1,,2 * * * *", "\"\" is no minute"},
        {"+1 * * * *", "\"+1\" is no minute"},
        {"99999999999999999999 * * * *", "is no minute"}};
    for (const auto& [text, words] : cases) {
        const auto read = Expression::parse(text);
        ASSERT_FALSE(read) << text;
        EXPECT_NE(read.error().message.find(words), std::string::npos) << read.error().message;
    }
}

// ---- against a twin that tries every minute

struct Wanted {
    std::vector<int> minutes, hours, days, weekdays;
};

std::string list_of(const std::vector<int>& values) {
    std::string text;
    for (const int value : values) text += (text.empty() ? "" : ",") + std::to_string(value);
    return text.empty() ? "*" : text;
}

bool among(const std::vector<int>& values, int value) {
    return values.empty() || std::find(values.begin(), values.end(), value) != values.end();
}

bool names(const Wanted& wanted, LocalTime time) {
    const local_days day = std::chrono::floor<std::chrono::days>(time);
    const year_month_day date{day};
    const std::chrono::hh_mm_ss clock{time - day};
    const int of_month = static_cast<int>(static_cast<unsigned>(date.day()));
    const int of_week = static_cast<int>(std::chrono::weekday{day}.c_encoding());
    const bool in_month = among(wanted.days, of_month);
    const bool in_week = among(wanted.weekdays, of_week);
    const bool both = !wanted.days.empty() && !wanted.weekdays.empty();
    return among(wanted.minutes, static_cast<int>(clock.minutes().count())) &&
           among(wanted.hours, static_cast<int>(clock.hours().count())) &&
           (both ? in_month || in_week : in_month && in_week);
}

RC_GTEST_PROP(Expression, next_is_the_first_minute_that_is_named, ()) {
    const auto some = [](int min, int max) {
        return *rc::gen::resize(3,
                                rc::gen::container<std::vector<int>>(rc::gen::inRange(min, max)));
    };
    const Wanted wanted{some(0, 60), some(0, 24), some(1, 32), some(0, 7)};
    const auto expression =
        Expression::parse(list_of(wanted.minutes) + " " + list_of(wanted.hours) + " " +
                          list_of(wanted.days) + " * " + list_of(wanted.weekdays));
    RC_ASSERT(expression.has_value());
    const LocalTime from = at(2026, 1, 1) + std::chrono::minutes{*rc::gen::inRange(0, 525'600)};
    LocalTime expected = from;
    while (!names(wanted, expected)) expected += std::chrono::minutes{1};
    RC_ASSERT(expression->next(from).value() == expected);
}

}  // namespace
}  // namespace drover::cron
