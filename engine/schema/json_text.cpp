// UTF-8 (RFC 3629), base64 (RFC 4648) and times (RFC 3339).
#include "engine/schema/json_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace drover::schema {

namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view zero_time = "0001-01-01T00:00:00Z";
constexpr std::int64_t ns_per_second = 1'000'000'000;

std::string padded(std::int64_t value, std::size_t width) {
    std::string digits = std::to_string(value);
    if (digits.size() >= width) return digits;
    return std::string(width - digits.size(), '0') + digits;
}

// Takes exactly `width` digits from the front.
std::optional<int> take_digits(std::string_view& text, std::size_t width) {
    if (text.size() < width) return std::nullopt;
    int value = 0;
    for (char c : text.substr(0, width)) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + (c - '0');
    }
    text.remove_prefix(width);
    return value;
}

bool take(std::string_view& text, char wanted) {
    if (text.empty() || text.front() != wanted) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<std::int64_t> take_fraction(std::string_view& text) {
    std::int64_t ns = 0;
    std::int64_t unit = ns_per_second;
    std::size_t digits = 0;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; ++digits) {
        unit /= 10;
        ns += (text.front() - '0') * unit;
        text.remove_prefix(1);
    }
    if (digits == 0) return std::nullopt;
    return ns;
}

std::optional<std::int64_t> take_offset_seconds(std::string_view& text) {
    if (take(text, 'Z') || take(text, 'z')) return 0;
    int sign = take(text, '+') ? 1 : take(text, '-') ? -1 : 0;
    if (sign == 0) return std::nullopt;
    auto hours = take_digits(text, 2);
    if (!hours || !take(text, ':')) return std::nullopt;
    auto minutes = take_digits(text, 2);
    if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    return sign * (*hours * 3600 + *minutes * 60);
}

std::optional<std::int64_t> take_day(std::string_view& text) {
    auto year = take_digits(text, 4);
    if (!year || !take(text, '-')) return std::nullopt;
    auto month = take_digits(text, 2);
    if (!month || !take(text, '-')) return std::nullopt;
    auto day = take_digits(text, 2);
    if (!day) return std::nullopt;
    std::chrono::year_month_day date{std::chrono::year{*year},
                                     std::chrono::month{static_cast<unsigned>(*month)},
                                     std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok() || *year < 1678 || *year > 2261) return std::nullopt;
    return std::chrono::sys_days{date}.time_since_epoch().count();
}

std::optional<std::int64_t> take_clock_seconds(std::string_view& text) {
    auto hour = take_digits(text, 2);
    if (!hour || !take(text, ':')) return std::nullopt;
    auto minute = take_digits(text, 2);
    if (!minute || !take(text, ':')) return std::nullopt;
    auto second = take_digits(text, 2);
    if (!second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
    return *hour * 3600 + *minute * 60 + *second;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
    auto byte = [&text](std::size_t at) {
        return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
    };
    auto follows = [&byte](std::size_t at) { return (byte(at) & 0xc0U) == 0x80U; };
    unsigned first = byte(0);
    if (first < 0x80U) return 1;
    if (first >= 0xc2U && first < 0xe0U) return follows(1) ? 2 : 0;
    if (first >= 0xe0U && first < 0xf0U) {
        bool shortest = first != 0xe0U || byte(1) >= 0xa0U;
        bool surrogate = first == 0xedU && byte(1) >= 0xa0U;
        return follows(1) && follows(2) && shortest && !surrogate ? 3 : 0;
    }
    if (first >= 0xf0U && first < 0xf5U) {
        bool shortest = first != 0xf0U || byte(1) >= 0x90U;
        bool in_range = first != 0xf4U || byte(1) < 0x90U;
        return follows(1) && follows(2) && follows(3) && shortest && in_range ? 4 : 0;
    }
    return 0;
}

std::string as_utf8(std::string text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t length = utf8_length(std::string_view{text}.substr(at));
        if (length == 0) {
            out += "\xef\xbf\xbd";
        } else {
            out.append(text, at, length);
        }
        at += std::max<std::size_t>(length, 1);
    }
    return out;
}

std::string base64(std::string_view bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        unsigned group = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            unsigned byte = i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U;
            group = group << 8U | byte;
        }
        std::size_t symbols = std::min<std::size_t>(bytes.size() - i, 3) + 1;
        for (std::size_t j = 0; j < 4; ++j) {
            auto shift = 18U - 6U * static_cast<unsigned>(j);
            out += j < symbols ? alphabet[group >> shift & 63U] : '=';
        }
    }
    return out;
}

std::optional<std::string> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += 4) {
        unsigned group = 0;
        std::size_t symbols = 4;
        if (i + 4 == text.size()) {
            while (symbols > 2 && text[i + symbols - 1] == '=') --symbols;
        }
        for (std::size_t j = 0; j < 4; ++j) {
            std::size_t value = j < symbols ? alphabet.find(text[i + j]) : 0;
            if (value == std::string_view::npos) return std::nullopt;
            group = group << 6U | static_cast<unsigned>(value);
        }
        for (std::size_t j = 0; j + 1 < symbols; ++j) {
            out += static_cast<char>(group >> (16U - 8U * static_cast<unsigned>(j)) & 255U);
        }
    }
    return out;
}

std::string rfc3339_text(std::int64_t unix_ns) {
    if (unix_ns == 0) return std::string{zero_time};
    std::chrono::sys_time<std::chrono::nanoseconds> at{std::chrono::nanoseconds{unix_ns}};
    auto day = std::chrono::floor<std::chrono::days>(at);
    std::chrono::year_month_day date{day};
    std::int64_t within = (at - day).count();
    std::int64_t seconds = within / ns_per_second;
    std::string out = padded(int{date.year()}, 4) + '-' + padded(unsigned{date.month()}, 2) + '-' +
                      padded(unsigned{date.day()}, 2) + 'T' + padded(seconds / 3600, 2) + ':' +
                      padded(seconds / 60 % 60, 2) + ':' + padded(seconds % 60, 2);
    if (std::int64_t fraction = within % ns_per_second; fraction != 0) {
        std::string digits = padded(fraction, 9);
        digits.erase(digits.find_last_not_of('0') + 1);
        out += '.' + digits;
    }
    return out + 'Z';
}

std::optional<std::int64_t> from_rfc3339(std::string_view text) {
    if (text == zero_time) return 0;
    auto days = take_day(text);
    if (!days || (!take(text, 'T') && !take(text, 't'))) return std::nullopt;
    auto seconds = take_clock_seconds(text);
    if (!seconds) return std::nullopt;
    std::int64_t ns = 0;
    if (take(text, '.')) {
        auto fraction = take_fraction(text);
        if (!fraction) return std::nullopt;
        ns = *fraction;
    }
    auto offset = take_offset_seconds(text);
    if (!offset || !text.empty()) return std::nullopt;
    return (*days * 86400 + *seconds - *offset) * ns_per_second + ns;
}

}  // namespace drover::schema
