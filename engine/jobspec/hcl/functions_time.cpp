// Dates, by calendar arithmetic alone: no clock and no time-zone rules.
#include <array>
#include <chrono>

#include "engine/jobspec/hcl/function.hpp"
#include "engine/jobspec/hcl/text.hpp"

namespace drover::hcl {
namespace {

using std::chrono::year_month_day;

// A local date and time with its offset from UTC.
struct Moment {
    std::int64_t seconds = 0;  // since 1970-01-01T00:00:00 local
    std::int64_t nanoseconds = 0;
    std::int64_t offset_minutes = 0;
    bool zulu = true;

    [[nodiscard]] year_month_day date() const {
        return year_month_day{std::chrono::floor<std::chrono::days>(
            std::chrono::sys_seconds{std::chrono::seconds{seconds}})};
    }
    [[nodiscard]] std::int64_t second_of_day() const { return ((seconds % 86400) + 86400) % 86400; }
};

std::string padded(std::int64_t value, std::size_t width) {
    std::string text = std::to_string(value);
    if (text.size() < width) text.insert(0, width - text.size(), '0');
    return text;
}

std::string offset_text(const Moment& moment, bool colon) {
    const std::int64_t minutes = std::abs(moment.offset_minutes);
    return (moment.offset_minutes < 0 ? "-" : "+") + padded(minutes / 60, 2) + (colon ? ":" : "") +
           padded(minutes % 60, 2);
}

// Reads the digits of RFC 3339 one field after the other.
class Reader {
public:
    explicit Reader(std::string_view text) : text_{text} {}
    std::int64_t digits(std::size_t count) {
        std::int64_t value = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const char c = take();
            if (c < '0' || c > '9') ok_ = false;
            value = value * 10 + (c - '0');
        }
        return value;
    }
    void expect(std::string_view any_of) {
        const char c = take();
        if (c == '\0' || any_of.find(c) == std::string_view::npos) ok_ = false;
    }
    char take() {
        if (text_.empty()) return '\0';
        const char c = text_.front();
        text_.remove_prefix(1);
        return c;
    }
    char peek() const { return text_.empty() ? '\0' : text_.front(); }
    bool done() const { return ok_ && text_.empty(); }

private:
    std::string_view text_;
    bool ok_ = true;
};

std::optional<Moment> parse_moment(std::string_view text) {
    Reader reader{text};
    const auto year = std::chrono::year{static_cast<int>(reader.digits(4))};
    reader.expect("-");
    const auto month = std::chrono::month{static_cast<unsigned>(reader.digits(2))};
    reader.expect("-");
    const auto day = std::chrono::day{static_cast<unsigned>(reader.digits(2))};
    reader.expect("Tt");
    const std::int64_t hour = reader.digits(2);
    reader.expect(":");
    const std::int64_t minute = reader.digits(2);
    reader.expect(":");
    const std::int64_t second = reader.digits(2);
    Moment moment;
    if (reader.peek() == '.') {
        reader.take();
        std::int64_t scale = 100'000'000;
        while (reader.peek() >= '0' && reader.peek() <= '9') {
            moment.nanoseconds += (reader.take() - '0') * scale;
            scale /= 10;
        }
    }
    const char zone = reader.take();
    if (zone == '+' || zone == '-') {
        const std::int64_t hours = reader.digits(2);
        reader.expect(":");
        const std::int64_t minutes = reader.digits(2);
        if (hours > 23 || minutes > 59) return std::nullopt;
        moment.offset_minutes = (zone == '-' ? -1 : 1) * (hours * 60 + minutes);
        moment.zulu = false;
    } else if (zone != 'Z' && zone != 'z') {
        return std::nullopt;
    }
    const year_month_day date{year, month, day};
    if (!reader.done() || !date.ok() || hour > 23 || minute > 59 || second > 59)
        return std::nullopt;
    const auto days = std::chrono::sys_days{date}.time_since_epoch().count();
    moment.seconds = static_cast<std::int64_t>(days) * 86400 + hour * 3600 + minute * 60 + second;
    return moment;
}

std::string rfc3339(const Moment& moment) {
    const year_month_day date = moment.date();
    const std::int64_t second = moment.second_of_day();
    std::string text = padded(static_cast<int>(date.year()), 4) + "-" +
                       padded(static_cast<unsigned>(date.month()), 2) + "-" +
                       padded(static_cast<unsigned>(date.day()), 2) + "T" +
                       padded(second / 3600, 2) + ":" + padded(second / 60 % 60, 2) + ":" +
                       padded(second % 60, 2);
    return text + (moment.zulu ? "Z" : offset_text(moment, true));
}

constexpr std::array<std::string_view, 12> months{"January",   "February", "March",    "April",
                                                  "May",       "June",     "July",     "August",
                                                  "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> weekdays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};

// One run of equal letters of a formatdate() pattern; none if the language has no such run.
std::optional<std::string> date_field(const Moment& moment, std::string_view field) {
    const year_month_day date = moment.date();
    const std::int64_t second = moment.second_of_day();
    const std::int64_t hour = second / 3600;
    const std::string_view month = months[static_cast<unsigned>(date.month()) - 1];
    const std::string_view weekday =
        weekdays[std::chrono::weekday{std::chrono::sys_days{date}}.c_encoding()];
    const auto number = [&](std::int64_t value) -> std::optional<std::string> {
        if (field.size() > 2) return std::nullopt;
        return padded(value, field.size());
    };
    if (field == "YYYY") return padded(static_cast<int>(date.year()), 4);
    if (field == "YY") return padded(static_cast<int>(date.year()) % 100, 2);
    if (field == "MMMM") return std::string{month};
    if (field == "MMM") return std::string{month.substr(0, 3)};
    if (field == "EEEE") return std::string{weekday};
    if (field == "EEE") return std::string{weekday.substr(0, 3)};
    if (field == "AA") return hour < 12 ? "AM" : "PM";
    if (field == "aa") return hour < 12 ? "am" : "pm";
    if (field == "ZZZZZ") return offset_text(moment, true);
    if (field == "ZZZZ") return offset_text(moment, false);
    if (field == "ZZZ") return moment.offset_minutes == 0 ? "UTC" : offset_text(moment, false);
    if (field == "Z") return moment.offset_minutes == 0 ? "Z" : offset_text(moment, true);
    switch (field.front()) {
        case 'M':
            return number(static_cast<unsigned>(date.month()));
        case 'D':
            return number(static_cast<unsigned>(date.day()));
        case 'h':
            return number(hour);
        case 'H':
            return number(hour % 12 == 0 ? 12 : hour % 12);
        case 'm':
            return number(second / 60 % 60);
        case 's':
            return number(second % 60);
        default:
            return std::nullopt;
    }
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

Value formatdate(Arguments& arguments) {
    const std::string pattern = arguments.text(0);
    const std::optional<Moment> moment = parse_moment(arguments.text(1));
    if (!moment) return arguments.fail(1, "is no RFC 3339 time such as 2006-01-02T15:04:05Z");
    std::string result;
    for (std::size_t at = 0; at < pattern.size();) {
        if (pattern[at] == '\'') {  // plain text in single quotes; two of them are one
            const std::size_t close = pattern.find('\'', at + 1);
            if (close == std::string::npos)
                return arguments.fail(0, "has a quote that is never closed");
            result += close == at + 1 ? "'" : pattern.substr(at + 1, close - at - 1);
            at = close + 1;
        } else if (!is_letter(pattern[at])) {
            result += pattern[at++];
        } else {
            const std::size_t end =
                std::min(pattern.find_first_not_of(pattern[at], at), pattern.size());
            const std::string field = pattern.substr(at, end - at);
            const std::optional<std::string> text = date_field(*moment, field);
            if (!text)
                return arguments.fail(0, "has an unknown field \"" + field.substr(0, 20) + "\"");
            result += *text;
            at = end;
        }
    }
    return Value::string(std::move(result));
}

Value timeadd(Arguments& arguments) {
    std::optional<Moment> moment = parse_moment(arguments.text(0));
    if (!moment) return arguments.fail(0, "is no RFC 3339 time such as 2006-01-02T15:04:05Z");
    const std::optional<std::int64_t> by = parse_duration(arguments.text(1));
    if (!by) return arguments.fail(1, "is no duration such as \"1h30m\"");
    const std::int64_t nanoseconds = moment->nanoseconds + *by % 1'000'000'000;
    const std::int64_t carry = nanoseconds < 0 ? -1 : nanoseconds / 1'000'000'000;
    moment->seconds += *by / 1'000'000'000 + carry;
    const int year = static_cast<int>(moment->date().year());
    if (year < 0 || year > 9999) return arguments.fail("the result is outside the years 0 to 9999");
    return Value::string(rfc3339(*moment));
}

Value timestamp(Arguments& arguments) {
    const std::optional<WallTime>& now = arguments.inputs().now;
    if (!now) return arguments.fail("is not available here: the host gave no time");
    Moment moment;
    moment.seconds = now->value() / 1'000'000'000;
    return Value::string(rfc3339(moment));
}

constexpr std::array table{
    Function{"formatdate", 2, 2, formatdate},
    Function{"timeadd", 2, 2, timeadd},
    Function{"timestamp", 0, 0, timestamp},
};

}  // namespace

std::span<const Function> time_functions() { return table; }

}  // namespace drover::hcl
