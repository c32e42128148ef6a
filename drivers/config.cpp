#include "drivers/config.hpp"

#include <charconv>
#include <cmath>
#include <limits>

#include "engine/base/match.hpp"

namespace drover::drivers {
namespace {

const char* kind_of(const ConfigValue& value) {
    static constexpr const char* names[]{"null",   "true or false", "a number", "a number",
                                         "a text", "a list",        "a block"};
    return names[value.value.index()];
}

std::string number_text(double number) {
    std::array<char, 32> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    return {digits.data(), end};
}

std::optional<std::string> as_text(const ConfigValue& value) {
    using Text = std::optional<std::string>;
    return std::visit(Match{
                          [](std::monostate) -> Text { return std::nullopt; },
                          [](bool truth) -> Text { return truth ? "true" : "false"; },
                          [](std::int64_t number) -> Text { return std::to_string(number); },
                          [](double number) -> Text { return number_text(number); },
                          [](const std::string& text) -> Text { return text; },
                          [](const ConfigValue::List&) -> Text { return std::nullopt; },
                          [](const ConfigValue::Object&) -> Text { return std::nullopt; },
                      },
                      value.value);
}

std::optional<std::int64_t> as_number(const ConfigValue& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value.value)) return *number;
    if (const auto* number = std::get_if<double>(&value.value)) {
        const bool whole = std::floor(*number) == *number && std::abs(*number) < 9.0e15;
        return whole ? std::optional{static_cast<std::int64_t>(*number)} : std::nullopt;
    }
    if (const auto* text = std::get_if<std::string>(&value.value)) {
        std::int64_t number = 0;
        const char* end = text->data() + text->size();
        const auto parsed = std::from_chars(text->data(), end, number);
        if (parsed.ec == std::errc{} && parsed.ptr == end) return number;
    }
    return std::nullopt;
}

std::optional<double> unit_nanoseconds(std::string_view unit) {
    if (unit == "ns") return 1.0;
    if (unit == "us" || unit == "µs") return 1e3;
    if (unit == "ms") return 1e6;
    if (unit == "s") return 1e9;
    if (unit == "m") return 60e9;
    if (unit == "h") return 3600e9;
    return std::nullopt;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
    if (text == "0") return Duration{0};
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    if (text.empty()) return std::nullopt;
    double total = 0;
    while (!text.empty()) {
        const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
        double amount = 0;
        const auto parsed = std::from_chars(text.data(), text.data() + digits, amount);
        if (parsed.ec != std::errc{} || parsed.ptr != text.data() + digits) return std::nullopt;
        text.remove_prefix(digits);
        const std::size_t letters = std::min(text.find_first_of("0123456789."), text.size());
        const auto unit = unit_nanoseconds(text.substr(0, letters));
        if (!unit) return std::nullopt;
        total += amount * *unit;
        text.remove_prefix(letters);
    }
    if (total > 9.2e18) return std::nullopt;
    return Duration{static_cast<std::int64_t>(negative ? -total : total)};
}

ConfigReader::ConfigReader(std::string place, const Config& config)
    : place_{std::move(place)}, config_{config} {}

const ConfigValue* ConfigReader::take(std::string_view key) {
    accept(key);
    const auto found = config_.find(std::string{key});
    if (found == config_.end()) return nullptr;
    return std::holds_alternative<std::monostate>(found->second.value) ? nullptr : &found->second;
}

bool ConfigReader::has(std::string_view key) const { return config_.contains(std::string{key}); }

void ConfigReader::accept(std::string_view key) { known_.emplace(key, true); }

void ConfigReader::refuse(std::string_view key, std::string why) {
    if (mistake_) return;
    mistake_ = Error{Errc::invalid_argument, place_ + ": \"" + std::string{key} + "\" " + why};
}

std::optional<std::string> ConfigReader::text(std::string_view key) {
    const ConfigValue* value = take(key);
    if (value == nullptr) return std::nullopt;
    auto text = as_text(*value);
    if (!text) refuse(key, std::string{"must be a text, not "} + kind_of(*value));
    if (text && text->find('\0') != std::string::npos) refuse(key, "must not hold a NUL byte");
    return text;
}

std::optional<std::int64_t> ConfigReader::number(std::string_view key) {
    const ConfigValue* value = take(key);
    if (value == nullptr) return std::nullopt;
    const auto number = as_number(*value);
    if (!number) refuse(key, std::string{"must be a whole number, not "} + kind_of(*value));
    return number;
}

std::optional<bool> ConfigReader::truth(std::string_view key) {
    const ConfigValue* value = take(key);
    if (value == nullptr) return std::nullopt;
    if (const auto* truth = std::get_if<bool>(&value->value)) return *truth;
    const auto text = as_text(*value);
    if (text == "true" || text == "1") return true;
    if (text == "false" || text == "0") return false;
    refuse(key, std::string{"must be true or false, not "} + kind_of(*value));
    return std::nullopt;
}

std::optional<Duration> ConfigReader::duration(std::string_view key) {
    const ConfigValue* value = take(key);
    if (value == nullptr) return std::nullopt;
    if (const auto* count = std::get_if<std::int64_t>(&value->value)) return Duration{*count};
    const auto* text = std::get_if<std::string>(&value->value);
    auto parsed = text != nullptr ? parse_duration(*text) : std::nullopt;
    if (!parsed) refuse(key, "must be a duration like \"30s\" or \"1h15m\"");
    return parsed;
}

std::vector<std::string> ConfigReader::texts(std::string_view key) {
    std::vector<std::string> texts;
    const ConfigValue* value = take(key);
    if (value == nullptr) return texts;
    const auto* list = std::get_if<ConfigValue::List>(&value->value);
    if (list == nullptr) {
        refuse(key, std::string{"must be a list of texts, not "} + kind_of(*value));
        return texts;
    }
    for (std::size_t i = 0; i < list->size(); ++i) {
        const std::string position = std::string{key} + "[" + std::to_string(i) + "]";
        auto text = as_text((*list)[i]);
        if (!text) refuse(position, std::string{"must be a text, not "} + kind_of((*list)[i]));
        if (text && text->find('\0') != std::string::npos) {
            refuse(position, "must not hold a NUL byte");
        }
        texts.push_back(std::move(text).value_or(std::string{}));
    }
    return texts;
}

Result<void> ConfigReader::finish() {
    for (const auto& [key, value] : config_) {
        if (known_.contains(key)) continue;
        std::string names;
        for (const auto& [name, known] : known_) names += (names.empty() ? "" : ", ") + name;
        refuse(key, "is not a key of this driver; it knows " + names);
    }
    if (mistake_) return tl::unexpected{*mistake_};
    return {};
}

}  // namespace drover::drivers
