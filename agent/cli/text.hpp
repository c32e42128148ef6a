// How the command line shows things: columns, key/value blocks, short ids, times and ages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/schema/json_value.hpp"

namespace drover::agent::cli {

using Row = std::vector<std::string>;

// Two spaces between columns; an empty cell is shown as <none>.
[[nodiscard]] std::string columns(const std::vector<Row>& rows);
// "Name  = value", the signs aligned.
[[nodiscard]] std::string key_values(const std::vector<std::pair<std::string, std::string>>& pairs);

[[nodiscard]] std::string short_id(const std::string& id, bool verbose);
// Unix nanoseconds: "2026-01-02T15:04:05Z", in local time with its offset; <none> for 0.
[[nodiscard]] std::string time_text(std::int64_t unix_ns);
// "5m30s ago", or the time itself where verbose.
[[nodiscard]] std::string age_text(std::int64_t unix_ns, bool verbose);
// "32 MiB", "1.5 GiB".
[[nodiscard]] std::string bytes_text(std::int64_t bytes);
// "26h3m4s", from seconds.
[[nodiscard]] std::string duration_text(std::int64_t seconds);
[[nodiscard]] std::string clock_text();  // now, for the lines of monitors

// ---- reading answers: what is missing or of another kind is empty, 0 or false

[[nodiscard]] const schema::JsonValue& at(const schema::JsonValue& json, std::string_view name);
[[nodiscard]] std::string text(const schema::JsonValue& json, std::string_view name);
[[nodiscard]] std::int64_t integer(const schema::JsonValue& json, std::string_view name);
[[nodiscard]] double number(const schema::JsonValue& json, std::string_view name);
[[nodiscard]] bool truth(const schema::JsonValue& json, std::string_view name);
[[nodiscard]] const schema::JsonValue::Array& list(const schema::JsonValue& json,
                                                   std::string_view name);
[[nodiscard]] const schema::JsonValue::Object& object(const schema::JsonValue& json,
                                                      std::string_view name);

}  // namespace drover::agent::cli
