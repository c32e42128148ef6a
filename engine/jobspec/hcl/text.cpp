// Durations, digit by digit: the standard library cannot read them, and nothing may overflow.
#include "engine/jobspec/hcl/text.hpp"

#include <array>

namespace drover::hcl {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t nanoseconds;
};
// A unit that is the beginning of another one comes after it.
constexpr std::array units{
    Unit{"ns", 1},
    Unit{"us", 1'000},
    Unit{"µs", 1'000},
    Unit{"μs", 1'000},
    Unit{"ms", 1'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"h", 3'600'000'000'000},
};

const Unit* take_unit(std::string_view& text) {
    for (const Unit& unit : units) {
        if (!text.starts_with(unit.name)) continue;
        text.remove_prefix(unit.name.size());
        return &unit;
    }
    return nullptr;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::optional<std::int64_t> parse_duration(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    if (text == "0") return 0;
    if (text.empty()) return std::nullopt;
    std::int64_t total = 0;
    while (!text.empty()) {
        std::int64_t whole = 0;
        std::size_t digits = 0;
        for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), ++digits) {
            if (__builtin_mul_overflow(whole, 10, &whole) ||
                __builtin_add_overflow(whole, text.front() - '0', &whole)) {
                return std::nullopt;
            }
        }
        double fraction = 0;
        if (text.starts_with('.')) {
            text.remove_prefix(1);
            for (double scale = 0.1; !text.empty() && is_digit(text.front());
                 text.remove_prefix(1)) {
                fraction += scale * (text.front() - '0');
                scale /= 10;
                ++digits;
            }
        }
        const Unit* unit = take_unit(text);
        if (digits == 0 || unit == nullptr) return std::nullopt;
        const auto part =
            static_cast<std::int64_t>(fraction * static_cast<double>(unit->nanoseconds) + 0.5);
        if (__builtin_mul_overflow(whole, unit->nanoseconds, &whole) ||
            __builtin_add_overflow(total, whole, &total) ||
            __builtin_add_overflow(total, part, &total)) {
            return std::nullopt;
        }
    }
    return negative ? -total : total;
}

}  // namespace drover::hcl
