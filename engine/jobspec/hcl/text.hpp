// Notations that several files need: base64 and durations.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace drover::hcl {

[[nodiscard]] std::string base64_encoded(std::string_view bytes);

// Nanoseconds of a duration as Go writes it: "1h30m", "-1.5s", "100ms", "0". None for anything
// else, or beyond 64 bits.
[[nodiscard]] std::optional<std::int64_t> parse_duration(std::string_view text);

}  // namespace drover::hcl
