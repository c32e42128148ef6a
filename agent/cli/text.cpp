#include "agent/cli/text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace drover::agent::cli {
namespace {

using schema::JsonValue;

std::size_t width(const std::string& cell) {
    return static_cast<std::size_t>(std::count_if(cell.begin(), cell.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace

std::string columns(const std::vector<Row>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], width(row[i].empty() ? "<none>" : row[i]));
        }
    }
    std::string out;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string& cell = row[i].empty() ? "<none>" : row[i];
            out += cell;
            if (i + 1 < row.size()) out += std::string(widths[i] - width(cell) + 2, ' ');
        }
        out += '\n';
    }
    return out;
}

std::string key_values(const std::vector<std::pair<std::string, std::string>>& pairs) {
    std::size_t widest = 0;
    for (const auto& [name, value] : pairs) widest = std::max(widest, width(name));
    std::string out;
    for (const auto& [name, value] : pairs) {
        out += name + std::string(widest - width(name) + 1, ' ') + "= " +
               (value.empty() ? "<none>" : value) + "\n";
    }
    return out;
}

std::string short_id(const std::string& id, bool verbose) { return verbose ? id : id.substr(0, 8); }

std::string time_text(std::int64_t unix_ns) {
    if (unix_ns == 0) return "<none>";
    const std::time_t seconds = unix_ns / 1'000'000'000;
    std::tm parts{};
    localtime_r(&seconds, &parts);
    std::array<char, 40> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S%z", &parts);
    std::string out{text.data(), size};
    if (out.ends_with("+0000")) return out.substr(0, out.size() - 5) + "Z";
    return out.insert(out.size() - 2, ":");
}

std::string age_text(std::int64_t unix_ns, bool verbose) {
    if (verbose || unix_ns == 0) return time_text(unix_ns);
    std::int64_t seconds = std::max<std::int64_t>(0, (now_ns() - unix_ns) / 1'000'000'000);
    struct Unit {
        std::int64_t size;
        const char* name;
    };
    constexpr std::array units{Unit{365 * 86400, "y"}, Unit{30 * 86400, "mo"}, Unit{86400, "d"},
                               Unit{3600, "h"},        Unit{60, "m"},          Unit{1, "s"}};
    std::string out;
    int shown = 0;
    for (const auto& unit : units) {
        if (shown == 2) break;
        const std::int64_t count = seconds / unit.size;
        if (count == 0 && (shown == 0 || unit.size == 1) && !(unit.size == 1 && shown == 0))
            continue;
        seconds %= unit.size;
        if (count == 0 && shown > 0) continue;
        out += std::to_string(count) + unit.name;
        ++shown;
    }
    return out + " ago";
}

std::string bytes_text(std::int64_t bytes) {
    constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = static_cast<double>(std::max<std::int64_t>(bytes, 0));
    std::size_t unit = 0;
    for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
    std::array<char, 32> text{};
    const bool precise = unit > 0 && value < 9.95;
    std::snprintf(text.data(), text.size(), precise ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text.data();
}

std::string duration_text(std::int64_t seconds) {
    std::string out;
    if (seconds >= 3600) out += std::to_string(seconds / 3600) + "h";
    if (seconds >= 60) out += std::to_string(seconds / 60 % 60) + "m";
    return out + std::to_string(seconds % 60) + "s";
}

std::string clock_text() { return time_text(now_ns()); }

const JsonValue& at(const JsonValue& json, std::string_view name) {
    static const JsonValue nothing;
    const JsonValue* const found = json.find(name);
    return found == nullptr ? nothing : *found;
}

std::string text(const JsonValue& json, std::string_view name) {
    const JsonValue& value = at(json, name);
    return value.text() == nullptr ? std::string{} : *value.text();
}

std::int64_t integer(const JsonValue& json, std::string_view name) {
    const JsonValue& value = at(json, name);
    return value.integer() == nullptr ? 0 : *value.integer();
}

double number(const JsonValue& json, std::string_view name) {
    const JsonValue& value = at(json, name);
    if (value.real() != nullptr) return *value.real();
    return value.integer() == nullptr ? 0 : static_cast<double>(*value.integer());
}

bool truth(const JsonValue& json, std::string_view name) {
    const JsonValue& value = at(json, name);
    return value.boolean() != nullptr && *value.boolean();
}

const JsonValue::Array& list(const JsonValue& json, std::string_view name) {
    static const JsonValue::Array nothing;
    const JsonValue& value = at(json, name);
    return value.array() == nullptr ? nothing : *value.array();
}

const JsonValue::Object& object(const JsonValue& json, std::string_view name) {
    static const JsonValue::Object nothing;
    const JsonValue& value = at(json, name);
    return value.object() == nullptr ? nothing : *value.object();
}

}  // namespace drover::agent::cli
