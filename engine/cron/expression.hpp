// A cron expression: which seconds of a wall clock it names. Five fields (minute, hour, day of the
// month, month, day of the week), six (with a year behind), or seven (with a second in front), or
// @hourly, @daily, @weekly, @monthly, @yearly, @annually. nomad-semantics 2.10.
//
//   *  ?        any                      a,b  a-b  a/n  a-b/n  */n    lists, ranges and steps
//   JAN, MON    names, any letter case   L    the month's last day      5L   its last Friday
//   15W  LW     the nearest, the last day from Monday to Friday         5#3  its third Friday
//
// Where both kinds of day are restricted, a day of either kind will do.
#pragma once

#include <array>
#include <bitset>
#include <chrono>
#include <optional>
#include <string_view>

#include "engine/base/result.hpp"

namespace drover::cron {

// Of a wall clock whose zone is somebody else's business.
using LocalTime = std::chrono::local_seconds;

class Expression {
public:
    // The error names the field and the words in it that are none.
    [[nodiscard]] static Result<Expression> parse(std::string_view text);

    // The first time named at or after `from`; none where it names none until the end of 2099.
    [[nodiscard]] std::optional<LocalTime> next(LocalTime from) const;
    [[nodiscard]] bool every_hour() const { return hours_.all(); }

private:
    class Reader;

    [[nodiscard]] bool names(std::chrono::year_month_day date) const;
    [[nodiscard]] bool names_day_of_month(std::chrono::year_month_day date) const;
    [[nodiscard]] bool names_day_of_week(std::chrono::year_month_day date) const;
    [[nodiscard]] std::optional<std::chrono::seconds> next_in_day(std::chrono::seconds from) const;

    static constexpr int first_year = 1970, last_year = 2099;

    std::bitset<60> seconds_, minutes_;
    std::bitset<24> hours_;
    std::bitset<32> days_, nearest_weekdays_;  // of the month; no day 0
    bool last_day_ = false, last_weekday_ = false;
    std::bitset<13> months_;
    std::bitset<7> weekdays_, last_weekdays_;       // 0 is Sunday
    std::array<std::bitset<7>, 6> nth_weekdays_{};  // [n]: the month's nth; no 0
    bool any_day_of_month_ = false, any_day_of_week_ = false;
    std::bitset<last_year - first_year + 1> years_;
};

}  // namespace drover::cron
