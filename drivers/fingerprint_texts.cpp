// The parts of the fingerprint that only read texts of the kernel's and of the distribution's.
#include <charconv>

#include "drivers/fingerprint.hpp"

namespace drover::drivers {
namespace {

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

template <class OnLine>
void each_line(std::string_view text, OnLine on_line) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        on_line(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

std::vector<std::string_view> fields_of(std::string_view line) {
    std::vector<std::string_view> fields;
    while (true) {
        line = trim(line);
        if (line.empty()) return fields;
        const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
        fields.push_back(line.substr(0, end));
        line.remove_prefix(end);
    }
}

template <class Number>
Number number_of(std::string_view digits, int base = 10) {
    Number number{};
    std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
    return number;
}

}  // namespace

CpuInfo parse_cpuinfo(std::string_view text) {
    CpuInfo info;
    each_line(text, [&](std::string_view line) {
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) return;
        const std::string_view key = trim(line.substr(0, colon));
        const std::string_view value = trim(line.substr(colon + 1));
        if (key == "model name" && info.model.empty()) info.model = value;
        if (key == "cpu MHz" && info.mhz == 0) {
            std::from_chars(value.data(), value.data() + value.size(), info.mhz);
        }
    });
    return info;
}

std::int64_t parse_meminfo_total_bytes(std::string_view text) {
    std::int64_t total = 0;
    each_line(text, [&](std::string_view line) {
        const auto fields = fields_of(line);
        if (fields.size() >= 2 && fields[0] == "MemTotal:") {
            total = number_of<std::int64_t>(fields[1]) * 1024;
        }
    });
    return total;
}

std::map<std::string, std::string> parse_os_release(std::string_view text) {
    std::map<std::string, std::string> values;
    each_line(text, [&](std::string_view line) {
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos || line.starts_with('#')) return;
        std::string_view value = trim(line.substr(equals + 1));
        const bool quoted = value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
                            value.back() == value.front();
        if (quoted) value = value.substr(1, value.size() - 2);
        values[std::string{trim(line.substr(0, equals))}] = value;
    });
    return values;
}

std::string parse_default_route(std::string_view proc_net_route) {
    std::string device;
    std::uint64_t lowest = UINT64_MAX;
    each_line(proc_net_route, [&](std::string_view line) {
        // Iface Destination Gateway Flags RefCnt Use Metric Mask ...; flag 1 means up.
        const auto fields = fields_of(line);
        if (fields.size() < 8 || fields[1] != "00000000" || fields[7] != "00000000") return;
        const auto metric = number_of<std::uint64_t>(fields[6]);
        if ((number_of<unsigned>(fields[3], 16) & 1U) == 0 || metric >= lowest) return;
        lowest = metric;
        device = fields[0];
    });
    return device;
}

std::string architecture_name(std::string_view machine) {
    static const std::map<std::string_view, std::string_view> names{
        {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"i386", "386"},   {"i686", "386"},
        {"armv6l", "arm"},   {"armv7l", "arm"},    {"armv8l", "arm"},
    };
    const auto found = names.find(machine);
    return std::string{found == names.end() ? machine : found->second};
}

std::int64_t count_of_ranges(std::string_view ranges) {
    std::int64_t count = 0;
    while (!ranges.empty()) {
        const std::size_t comma = std::min(ranges.find(','), ranges.size());
        const std::string_view range = trim(ranges.substr(0, comma));
        ranges.remove_prefix(std::min(comma + 1, ranges.size()));
        const std::size_t dash = range.find('-');
        if (range.empty()) continue;
        if (dash == std::string_view::npos) {
            ++count;
            continue;
        }
        const auto low = number_of<std::int64_t>(range.substr(0, dash));
        const auto high = number_of<std::int64_t>(range.substr(dash + 1));
        if (high >= low) count += high - low + 1;
    }
    return count;
}

}  // namespace drover::drivers
