#include "engine/scheduler/device_value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "engine/scheduler/text.hpp"
#include "engine/schema/node.pb.h"

namespace drover::scheduler {

enum class UnitKind : std::uint8_t { bytes, byte_rate, hertz, watts };

struct DeviceUnit {
    std::string_view name;
    UnitKind kind{};
    std::int64_t factor{};  // to bytes, bytes per second, hertz, milliwatts
};

namespace {

constexpr std::int64_t kilo = 1000;
constexpr std::int64_t mega = kilo * kilo;
constexpr std::int64_t giga = kilo * mega;
constexpr std::int64_t tera = kilo * giga;
constexpr std::int64_t peta = kilo * tera;
constexpr std::int64_t exa = kilo * peta;

constexpr std::int64_t binary(int power) { return std::int64_t{1} << (10 * power); }

constexpr auto units = std::to_array<DeviceUnit>({
    {"KiB", UnitKind::bytes, binary(1)},
    {"MiB", UnitKind::bytes, binary(2)},
    {"GiB", UnitKind::bytes, binary(3)},
    {"TiB", UnitKind::bytes, binary(4)},
    {"PiB", UnitKind::bytes, binary(5)},
    {"EiB", UnitKind::bytes, binary(6)},
    {"kB", UnitKind::bytes, kilo},
    {"KB", UnitKind::bytes, kilo},
    {"MB", UnitKind::bytes, mega},
    {"GB", UnitKind::bytes, giga},
    {"TB", UnitKind::bytes, tera},
    {"PB", UnitKind::bytes, peta},
    {"EB", UnitKind::bytes, exa},
    {"KiB/s", UnitKind::byte_rate, binary(1)},
    {"MiB/s", UnitKind::byte_rate, binary(2)},
    {"GiB/s", UnitKind::byte_rate, binary(3)},
    {"TiB/s", UnitKind::byte_rate, binary(4)},
    {"PiB/s", UnitKind::byte_rate, binary(5)},
    {"EiB/s", UnitKind::byte_rate, binary(6)},
    {"kB/s", UnitKind::byte_rate, kilo},
    {"KB/s", UnitKind::byte_rate, kilo},
    {"MB/s", UnitKind::byte_rate, mega},
    {"GB/s", UnitKind::byte_rate, giga},
    {"TB/s", UnitKind::byte_rate, tera},
    {"PB/s", UnitKind::byte_rate, peta},
    {"EB/s", UnitKind::byte_rate, exa},
    {"MHz", UnitKind::hertz, mega},
    {"GHz", UnitKind::hertz, giga},
    {"mW", UnitKind::watts, 1},
    {"W", UnitKind::watts, kilo},
    {"kW", UnitKind::watts, mega},
    {"MW", UnitKind::watts, giga},
    {"GW", UnitKind::watts, tera},
});

const DeviceUnit* find_unit(std::string_view name) {
    const auto* const at =
        std::find_if(units.begin(), units.end(), [&](const auto& one) { return one.name == name; });
    return at == units.end() ? nullptr : at;
}

template <class Number>
std::optional<Number> to_number(std::string_view text) {
    Number number{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return number;
}

// Words that some readers take for numbers, as "infinity", are text here.
bool looks_like_number(std::string_view text) {
    return !text.empty() && text.find_first_of("0123456789") < 3 &&
           text.find_first_not_of("+-.0123456789eE") == text.npos;
}

std::optional<std::variant<std::string, bool, std::int64_t, double>> read_number(
    std::string_view text) {
    if (!looks_like_number(text)) return std::nullopt;
    if (const auto whole = to_number<std::int64_t>(text)) return *whole;
    if (const auto real = to_number<double>(text)) return *real;
    return std::nullopt;
}

std::optional<bool> read_truth(std::string_view text) {
    for (const std::string_view word : {"1", "t", "T", "TRUE", "true", "True"}) {
        if (text == word) return true;
    }
    for (const std::string_view word : {"0", "f", "F", "FALSE", "false", "False"}) {
        if (text == word) return false;
    }
    return std::nullopt;
}

int sign_of(bool less, bool greater) { return less ? -1 : greater ? 1 : 0; }

bool is_number(const DeviceValue& value) {
    return std::holds_alternative<std::int64_t>(value.value) ||
           std::holds_alternative<double>(value.value);
}

std::int64_t factor_of(const DeviceValue& value) {
    return value.unit == nullptr ? 1 : value.unit->factor;
}

double in_base_unit(const DeviceValue& value) {
    const auto* const whole = std::get_if<std::int64_t>(&value.value);
    const double number =
        whole != nullptr ? static_cast<double>(*whole) : std::get<double>(value.value);
    return number * static_cast<double>(factor_of(value));
}

// Exactly: 64 bits times 61 are never more than 128.
int compare_whole(std::int64_t left, std::int64_t left_factor, std::int64_t right,
                  std::int64_t right_factor) {
    __extension__ using Wide = __int128;
    const Wide a = static_cast<Wide>(left) * left_factor;
    const Wide b = static_cast<Wide>(right) * right_factor;
    return sign_of(a<b, a> b);
}

std::optional<int> compare_numbers(const DeviceValue& left, const DeviceValue& right) {
    if ((left.unit == nullptr) != (right.unit == nullptr)) return std::nullopt;
    if (left.unit != nullptr && left.unit->kind != right.unit->kind) return std::nullopt;
    const auto* const a = std::get_if<std::int64_t>(&left.value);
    const auto* const b = std::get_if<std::int64_t>(&right.value);
    if (a != nullptr && b != nullptr) {
        return compare_whole(*a, factor_of(left), *b, factor_of(right));
    }
    const double x = in_base_unit(left);
    const double y = in_base_unit(right);
    if (std::isnan(x) || std::isnan(y)) return std::nullopt;
    return sign_of(x<y, x> y);
}

std::string shown(const schema::DeviceAttribute& attribute) {
    std::array<char, 32> digits{};
    std::string text = attribute.has_bool_() ? (attribute.bool_() ? "true" : "false")
                                             : std::to_string(attribute.int_());
    if (attribute.has_float_()) {
        const auto end =
            std::to_chars(digits.data(), digits.data() + digits.size(), attribute.float_()).ptr;
        text.assign(digits.data(), end);
    }
    return attribute.unit().empty() ? text : text + " " + attribute.unit();
}

}  // namespace

DeviceValue read_device_value(std::string_view text) {
    DeviceValue read{std::string{text}, nullptr, std::string{text}, true};
    for (const auto& unit : units) {
        if (!text.ends_with(unit.name)) continue;
        auto number = read_number(trim(text.substr(0, text.size() - unit.name.size())));
        if (!number) continue;
        read.value = std::move(*number);
        read.unit = &unit;
        return read;
    }
    if (auto number = read_number(text)) {
        read.value = std::move(*number);
    } else if (const auto truth = read_truth(text)) {
        read.value = *truth;
    }
    return read;
}

DeviceValue text_value(std::string text) { return {text, nullptr, text, false}; }

DeviceValue to_device_value(const schema::DeviceAttribute& attribute) {
    if (attribute.has_string()) return text_value(attribute.string());
    DeviceValue value;
    value.text = shown(attribute);
    if (attribute.has_bool_()) {
        value.value = attribute.bool_();
    } else if (attribute.has_int_()) {
        value.value = attribute.int_();
    } else if (attribute.has_float_()) {
        value.value = attribute.float_();
    } else {
        return text_value({});
    }
    if (is_number(value)) value.unit = find_unit(attribute.unit());
    return value;
}

bool has_order(const DeviceValue& value) { return !std::holds_alternative<bool>(value.value); }

std::optional<int> compare(const DeviceValue& left, const DeviceValue& right) {
    const auto is_text = [](const DeviceValue& value) {
        return std::holds_alternative<std::string>(value.value);
    };
    const bool as_text = (is_text(left) || left.written) && (is_text(right) || right.written) &&
                         (is_text(left) || is_text(right));
    if (as_text) return sign_of(left.text<right.text, left.text> right.text);
    if (is_number(left) && is_number(right)) return compare_numbers(left, right);
    const auto* const a = std::get_if<bool>(&left.value);
    const auto* const b = std::get_if<bool>(&right.value);
    // A number that a job writes may be meant as yes or no: 1 is such a number.
    const auto truth = [](const DeviceValue& value) { return read_truth(value.text); };
    if (a != nullptr && b != nullptr) return *a == *b ? 0 : 1;
    if (a != nullptr && right.written && truth(right)) return *a == *truth(right) ? 0 : 1;
    if (b != nullptr && left.written && truth(left)) return *b == *truth(left) ? 0 : 1;
    return std::nullopt;
}

}  // namespace drover::scheduler
