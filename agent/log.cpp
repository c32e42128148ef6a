#include "agent/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <utility>

namespace drover::agent {
namespace {

std::atomic<bool> as_json{false};

constexpr std::array names{std::pair{LogLevel::trace, std::string_view{"TRACE"}},
                           std::pair{LogLevel::debug, std::string_view{"DEBUG"}},
                           std::pair{LogLevel::info, std::string_view{"INFO"}},
                           std::pair{LogLevel::warn, std::string_view{"WARN"}},
                           std::pair{LogLevel::error, std::string_view{"ERROR"}},
                           std::pair{LogLevel::off, std::string_view{"OFF"}}};

std::string_view name_of(LogLevel level) {
    for (const auto& [one, name] : names) {
        if (one == level) return name;
    }
    return "";
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
    return static_cast<spdlog::level::level_enum>(level == LogLevel::off ? spdlog::level::off
                                                                         : static_cast<int>(level));
}

spdlog::logger& logger() {
    static const std::shared_ptr<spdlog::logger> one = [] {
        auto made = std::make_shared<spdlog::logger>(
            "drover", std::make_shared<spdlog::sinks::stdout_sink_mt>());
        made->set_pattern("    %Y-%m-%dT%H:%M:%S.%e%z %v");
        made->flush_on(spdlog::level::trace);
        return made;
    }();
    return *one;
}

std::string json_text(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return quoted + "\"";
}

}  // namespace

Result<LogLevel> parse_log_level(std::string_view name) {
    std::string upper{name};
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    if (upper == "WARNING") upper = "WARN";
    if (upper == "ERR") upper = "ERROR";
    for (const auto& [level, known] : names) {
        if (known == upper) return level;
    }
    return fail(Errc::invalid_argument, "log_level \"" + std::string{name} +
                                            "\": must be TRACE, DEBUG, INFO, WARN, ERROR or OFF");
}

void configure_log(LogLevel level, bool json) {
    logger().set_level(to_spdlog(level));
    as_json = json;
    if (json) logger().set_pattern("%v");
}

void log(LogLevel level, std::string_view part, const std::string& text) {
    if (as_json) {
        logger().log(to_spdlog(level), "{{\"@level\":{},\"@module\":{},\"@message\":{}}}",
                     json_text(name_of(level)), json_text(part), json_text(text));
        return;
    }
    const std::string shown = "[" + std::string{name_of(level)} + "]";
    logger().log(to_spdlog(level), "{:<7} {}: {}", shown, part, text);
}

}  // namespace drover::agent
