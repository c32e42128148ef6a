#include "engine/client/duration_text.hpp"

#include <cstdint>

namespace drover::client {
namespace {

// `number` counted in units of which `unit` make one, without trailing zeros.
std::string decimal(std::uint64_t number, std::uint64_t unit) {
    std::string text = std::to_string(number / unit);
    std::uint64_t rest = number % unit;
    if (rest == 0) return text;
    text += '.';
    for (std::uint64_t place = unit / 10; rest != 0; place /= 10) {
        text += static_cast<char>('0' + rest / place);
        rest %= place;
    }
    return text;
}

}  // namespace

std::string duration_text(Duration duration) {
    constexpr std::uint64_t microsecond = 1'000;
    constexpr std::uint64_t millisecond = 1'000'000;
    constexpr std::uint64_t second = 1'000'000'000;
    const bool negative = duration.count() < 0;
    // Negation in the unsigned domain: the smallest duration has no positive counterpart.
    const auto raw = static_cast<std::uint64_t>(duration.count());
    const std::uint64_t nanoseconds = negative ? 0 - raw : raw;
    const std::string sign = negative ? "-" : "";

    if (nanoseconds == 0) return "0s";
    if (nanoseconds < microsecond) return sign + std::to_string(nanoseconds) + "ns";
    if (nanoseconds < millisecond) return sign + decimal(nanoseconds, microsecond) + "µs";
    if (nanoseconds < second) return sign + decimal(nanoseconds, millisecond) + "ms";
    const std::uint64_t minutes = nanoseconds / (60 * second);
    const std::string seconds = decimal(nanoseconds % (60 * second), second) + "s";
    if (minutes == 0) return sign + seconds;
    if (minutes < 60) return sign + std::to_string(minutes) + "m" + seconds;
    return sign + std::to_string(minutes / 60) + "h" + std::to_string(minutes % 60) + "m" + seconds;
}

}  // namespace drover::client
