// The text forms that appear inside JSON strings: UTF-8, base64 and RFC 3339 times.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace drover::schema {

// The length of the well-formed UTF-8 sequence at the front; 0 where there is none.
[[nodiscard]] std::size_t utf8_length(std::string_view text);
// The same text with U+FFFD for every byte that is not part of a well-formed sequence.
[[nodiscard]] std::string as_utf8(std::string text);

[[nodiscard]] std::string base64(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

// Unix nanoseconds in UTC; 0 is the zero time "0001-01-01T00:00:00Z".
[[nodiscard]] std::string rfc3339_text(std::int64_t unix_ns);
// Any offset is accepted; none for what is not a time or lies outside the years 1678 to 2261, apart
// from the zero time.
[[nodiscard]] std::optional<std::int64_t> from_rfc3339(std::string_view text);

}  // namespace drover::schema
