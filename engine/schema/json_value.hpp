// JSON as a value: read with a bounded depth, printed in the order in which it was built. It knows
// nothing of the schema.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/base/result.hpp"

namespace drover::schema {

class JsonValue {
public:
    using Array = std::vector<JsonValue>;
    using Member = std::pair<std::string, JsonValue>;
    using Object = std::vector<Member>;

    JsonValue() = default;  // null
    JsonValue(bool value) : data_{value} {}
    JsonValue(std::int64_t value) : data_{value} {}
    JsonValue(int value) : data_{std::int64_t{value}} {}
    JsonValue(std::uint64_t value) {
        if (value > static_cast<std::uint64_t>(INT64_MAX)) data_ = value;
        else data_ = static_cast<std::int64_t>(value);
    }
    JsonValue(double value) : data_{value} {}
    JsonValue(std::string value) : data_{std::move(value)} {}
    JsonValue(const char* value) : data_{std::string{value}} {}
    JsonValue(Array value) : data_{std::move(value)} {}
    JsonValue(Object value) : data_{std::move(value)} {}

    [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
    // Null unless the value is of that kind.
    [[nodiscard]] const bool* boolean() const { return std::get_if<bool>(&data_); }
    [[nodiscard]] const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data_); }
    // Only for what does not fit into an int64.
    [[nodiscard]] const std::uint64_t* large() const { return std::get_if<std::uint64_t>(&data_); }
    [[nodiscard]] const double* real() const { return std::get_if<double>(&data_); }
    [[nodiscard]] const std::string* text() const { return std::get_if<std::string>(&data_); }
    [[nodiscard]] const Array* array() const { return std::get_if<Array>(&data_); }
    [[nodiscard]] Array* array() { return std::get_if<Array>(&data_); }
    [[nodiscard]] const Object* object() const { return std::get_if<Object>(&data_); }
    [[nodiscard]] Object* object() { return std::get_if<Object>(&data_); }

    // A member of an object, the last of that exact name; null where there is none.
    [[nodiscard]] const JsonValue* find(std::string_view name) const;
    [[nodiscard]] JsonValue* find(std::string_view name);
    // Replaces the member of this name or appends one. The value must be an object.
    void set(std::string_view name, JsonValue value);
    void remove(std::string_view name);

    // "null", "a string", ... for messages.
    [[nodiscard]] const char* kind() const;

    friend bool operator==(const JsonValue&, const JsonValue&) = default;

private:
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array,
                 Object>
        data_;
};

struct JsonLimits {
    std::size_t depth = 128;
    std::size_t bytes = 64U << 20U;
};

// Errors name line and column. Anything after the value but white space is an error.
[[nodiscard]] Result<JsonValue> parse_json(std::string_view text, const JsonLimits& limits = {});

// Compact, or with four spaces of indentation and a newline at the end. Text that is not UTF-8 is
// printed with replacement characters.
[[nodiscard]] std::string print_json(const JsonValue& value, bool pretty = false);

}  // namespace drover::schema
