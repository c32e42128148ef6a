// The text of an expression. See expression.hpp.
#include <algorithm>
#include <charconv>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/cron/expression.hpp"

namespace drover::cron {
namespace {

struct Alias {
    std::string_view name, text;
};
constexpr std::array<Alias, 6> aliases{{{"@hourly", "0 * * * *"},
                                        {"@daily", "0 0 * * *"},
                                        {"@weekly", "0 0 * * 0"},
                                        {"@monthly", "0 0 1 * *"},
                                        {"@yearly", "0 0 1 1 *"},
                                        {"@annually", "0 0 1 1 *"}}};

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekday_names{"sun", "mon", "tue", "wed",
                                                        "thu", "fri", "sat"};

struct Field {
    std::string_view name;
    int min, max;
    std::span<const std::string_view> names{};  // of min, min + 1, ...
};
constexpr Field second_field{"second", 0, 59};
constexpr Field minute_field{"minute", 0, 59};
constexpr Field hour_field{"hour", 0, 23};
constexpr Field day_field{"day of the month", 1, 31};
constexpr Field month_field{"month", 1, 12, month_names};
constexpr Field weekday_field{"day of the week", 0, 7, weekday_names};
constexpr Field year_field{"year", 1970, 2099};

std::string in_lower_case(std::string_view text) {
    std::string lower{text};
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return lower;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
    std::vector<std::string_view> parts;
    std::size_t at = 0;
    while (at <= text.size()) {
        const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
        parts.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

std::optional<int> number_in(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<int> value_in(const Field& field, std::string_view text) {
    int value = field.min;
    for (const std::string_view name : field.names) {
        if (text == name) return value;
        ++value;
    }
    const auto number = number_in(text);
    if (!number || *number < field.min || *number > field.max) return std::nullopt;
    return number;
}

struct Range {
    int first{}, last{}, step = 1;
};

// *, a, a-b, and any of them with /n.
std::optional<Range> range_in(const Field& field, std::string_view item) {
    Range range{field.min, field.max};
    const std::size_t slash = item.find('/');
    if (slash != std::string_view::npos) {
        const auto step = number_in(item.substr(slash + 1));
        if (!step || *step < 1 || *step > field.max) return std::nullopt;
        range.step = *step;
        item = item.substr(0, slash);
    }
    if (item == "*" || item == "?") return range;
    const std::size_t dash = item.find('-');
    const auto first = value_in(field, item.substr(0, dash));
    if (!first) return std::nullopt;
    range.first = *first;
    if (dash != std::string_view::npos) {
        const auto last = value_in(field, item.substr(dash + 1));
        if (!last || *last < *first) return std::nullopt;
        range.last = *last;
    } else if (slash == std::string_view::npos) {
        range.last = *first;
    }
    return range;
}

tl::unexpected<Error> wrong(std::string_view item, const Field& field) {
    return fail(Errc::invalid_argument,
                "\"" + std::string{item} + "\" is no " + std::string{field.name} +
                    " of a cron expression: write a value from " + std::to_string(field.min) +
                    " to " + std::to_string(field.max) + ", a range a-b, or *, with /n for a step");
}

// What stands in no range: L, 15W, 5#3. False where the item is none of that.
using Special = std::function<bool(std::string_view)>;

template <class Bits>
Result<void> read_field(const Field& field, std::string_view text, Bits& bits, int base,
                        const Special& special = {}) {
    for (const std::string_view item : split(text, ",")) {
        if (special && special(item)) continue;
        const auto range = range_in(field, item);
        if (!range) return wrong(item, field);
        for (int value = range->first; value <= range->last; value += range->step) {
            bits.set(static_cast<std::size_t>(value - base));
        }
    }
    return {};
}

bool is_any(std::string_view text) { return text == "*" || text == "?"; }

}  // namespace

// Field by field, from left to right.
class Expression::Reader {
public:
    explicit Reader(std::vector<std::string> fields) : fields_{std::move(fields)} {}

    Result<Expression> read() {
        out_.seconds_.set(0);
        if (fields_.size() == 7) {
            out_.seconds_.reset();
            take(second_field, out_.seconds_);
        }
        take(minute_field, out_.minutes_);
        take(hour_field, out_.hours_);
        take_days();
        take(month_field, out_.months_);
        take_weekdays();
        if (at_ < fields_.size()) {
            take(year_field, out_.years_, first_year);
        } else {
            out_.years_.set();
        }
        if (!done_) return tl::unexpected{done_.error()};
        return out_;
    }

private:
    template <class Bits>
    void take(const Field& field, Bits& bits, int base = 0, const Special& special = {}) {
        const std::string& text = fields_[at_++];
        if (done_) done_ = read_field(field, text, bits, base, special);
    }

    void take_days() {
        out_.any_day_of_month_ = is_any(fields_[at_]);
        take(day_field, out_.days_, 0, [this](std::string_view item) {
            if (item == "l") return out_.last_day_ = true;
            if (item == "lw" || item == "wl") return out_.last_weekday_ = true;
            if (!item.ends_with('w')) return false;
            const auto day = value_in(day_field, item.substr(0, item.size() - 1));
            if (day) out_.nearest_weekdays_.set(static_cast<std::size_t>(*day));
            return day.has_value();
        });
    }

    // Sunday is both 0 and 7.
    void take_weekdays() {
        out_.any_day_of_week_ = is_any(fields_[at_]);
        std::bitset<8> days;
        take(weekday_field, days, 0, [this](std::string_view item) {
            const std::size_t mark = item.find_first_of("#l");
            if (mark == std::string_view::npos || mark == 0) return false;
            const auto day = value_in(weekday_field, item.substr(0, mark));
            if (!day) return false;
            const auto bit = static_cast<std::size_t>(*day % 7);
            const std::string_view rest = item.substr(mark + 1);
            if (item[mark] == 'l') {
                if (rest.empty()) out_.last_weekdays_.set(bit);
                return rest.empty();
            }
            const auto nth = number_in(rest);
            if (!nth || *nth < 1 || *nth > 5) return false;
            out_.nth_weekdays_.at(static_cast<std::size_t>(*nth)).set(bit);
            return true;
        });
        for (std::size_t day = 0; day < days.size(); ++day) {
            if (days[day]) out_.weekdays_.set(day % 7);
        }
    }

    std::vector<std::string> fields_;
    std::size_t at_ = 0;
    Expression out_;
    Result<void> done_;
};

Result<Expression> Expression::parse(std::string_view text) {
    std::string lower = in_lower_case(text);
    for (const Alias& alias : aliases) {
        if (lower == alias.name) lower = alias.text;
    }
    std::vector<std::string> fields;
    for (const std::string_view field : split(lower, " \t")) {
        if (!field.empty()) fields.emplace_back(field);
    }
    if (fields.size() < 5 || fields.size() > 7) {
        return fail(Errc::invalid_argument,
                    "\"" + std::string{text} +
                        "\" is no cron expression: write minute, hour, day of the month, month and "
                        "day of the week, with a year behind them or a second before and a year "
                        "behind, or @daily and the like");
    }
    return Reader{std::move(fields)}.read();
}

}  // namespace drover::cron
