// The calendar's side of an expression: which day, and which second of it. See expression.hpp;
// expression_reader.cpp reads the text.
#include "engine/cron/expression.hpp"

namespace drover::cron {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::local_days;
using std::chrono::seconds;
using std::chrono::weekday;
using std::chrono::year_month_day;
using std::chrono::year_month_day_last;

namespace {

bool is_workday(local_days day) {
    const unsigned number = weekday{day}.c_encoding();
    return number >= 1 && number <= 5;
}

local_days last_day_of(year_month_day date) {
    return local_days{year_month_day_last{date.year(), std::chrono::month_day_last{date.month()}}};
}

// Never leaves the month: from a Saturday the 1st it is Monday the 3rd.
local_days nearest_workday(local_days day) {
    if (is_workday(day)) return day;
    const bool saturday = weekday{day} == std::chrono::Saturday;
    const local_days wanted = saturday ? day - days{1} : day + days{1};
    if (year_month_day{wanted}.month() == year_month_day{day}.month()) return wanted;
    return saturday ? day + days{2} : day - days{2};
}

local_days last_workday_of(year_month_day date) { return nearest_workday(last_day_of(date)); }

}  // namespace

bool Expression::names_day_of_month(year_month_day date) const {
    const local_days day{date};
    if (days_[static_cast<unsigned>(date.day())]) return true;
    if (last_day_ && day == last_day_of(date)) return true;
    if (last_weekday_ && day == last_workday_of(date)) return true;
    if (nearest_weekdays_.none()) return false;
    const unsigned length = static_cast<unsigned>(year_month_day{last_day_of(date)}.day());
    for (unsigned wanted = 1; wanted <= length; ++wanted) {
        if (!nearest_weekdays_[wanted]) continue;
        const local_days from{date.year() / date.month() / std::chrono::day{wanted}};
        if (nearest_workday(from) == day) return true;
    }
    return false;
}

bool Expression::names_day_of_week(year_month_day date) const {
    const unsigned number = weekday{local_days{date}}.c_encoding();
    const unsigned day = static_cast<unsigned>(date.day());
    const unsigned length = static_cast<unsigned>(year_month_day{last_day_of(date)}.day());
    return weekdays_[number] || (last_weekdays_[number] && day + 7 > length) ||
           nth_weekdays_.at((day - 1) / 7 + 1)[number];
}

bool Expression::names(year_month_day date) const {
    if (any_day_of_month_ && any_day_of_week_) return true;
    if (any_day_of_month_) return names_day_of_week(date);
    if (any_day_of_week_) return names_day_of_month(date);
    return names_day_of_month(date) || names_day_of_week(date);
}

std::optional<seconds> Expression::next_in_day(seconds from) const {
    const std::chrono::hh_mm_ss first{from};
    const auto first_hour = static_cast<std::size_t>(first.hours().count());
    const auto first_minute = static_cast<std::size_t>(first.minutes().count());
    const auto first_second = static_cast<std::size_t>(first.seconds().count());
    for (std::size_t hour = first_hour; hour < 24; ++hour) {
        if (!hours_[hour]) continue;
        const bool same_hour = hour == first_hour;
        for (std::size_t minute = same_hour ? first_minute : 0; minute < 60; ++minute) {
            if (!minutes_[minute]) continue;
            const bool same_minute = same_hour && minute == first_minute;
            for (std::size_t second = same_minute ? first_second : 0; second < 60; ++second) {
                if (seconds_[second]) return seconds{(hour * 60 + minute) * 60 + second};
            }
        }
    }
    return std::nullopt;
}

std::optional<LocalTime> Expression::next(LocalTime from) const {
    local_days day = floor<days>(from);
    seconds time = from - day;
    const local_days start{std::chrono::year{first_year} / 1 / 1};
    const local_days end{std::chrono::year{last_year + 1} / 1 / 1};
    if (day < start) {
        day = start;
        time = seconds{0};
    }
    while (day < end) {
        const year_month_day date{day};
        const auto year = static_cast<std::size_t>(static_cast<int>(date.year()) - first_year);
        if (!years_[year]) {
            day = local_days{(date.year() + std::chrono::years{1}) / 1 / 1};
        } else if (!months_[static_cast<unsigned>(date.month())]) {
            day = last_day_of(date) + days{1};
        } else {
            if (names(date)) {
                if (const auto found = next_in_day(time)) return day + *found;
            }
            day += days{1};
        }
        time = seconds{0};
    }
    return std::nullopt;
}

}  // namespace drover::cron
