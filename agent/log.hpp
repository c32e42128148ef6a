// The agent's own log: one line an event, to standard output, with time, level and the part of the
// agent that speaks. The engine's Report effects end here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/result.hpp"

namespace drover::agent {

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error, off };

[[nodiscard]] Result<LogLevel> parse_log_level(std::string_view name);
// Once, before the first line; lines before it go out at level info.
void configure_log(LogLevel level, bool json);

void log(LogLevel level, std::string_view part, const std::string& text);

}  // namespace drover::agent
