// What an expression evaluates to. Values are immutable and share structure, so copying is cheap;
// objects are ordered by key. Each value knows its weight (its size when written out in full) and
// its depth, so that a small text that describes something enormous is refused early.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace drover::hcl {

// Exact as int64 where the number is a whole one in range; a finite double otherwise.
class Number {
public:
    explicit Number(std::int64_t value) : value_{value} {}
    explicit Number(double value);  // must be finite; a whole value in range becomes int64

    // Decimal notation with optional sign, fraction and exponent; none for anything else.
    static std::optional<Number> parse(std::string_view text);

    [[nodiscard]] bool is_integer() const { return std::holds_alternative<std::int64_t>(value_); }
    [[nodiscard]] std::optional<std::int64_t> as_int64() const;
    [[nodiscard]] double as_double() const;
    // Shortest decimal form without exponent, as people write it.
    [[nodiscard]] std::string text() const;

    friend bool operator==(const Number&, const Number&) = default;
    friend std::partial_ordering operator<=>(const Number& left, const Number& right);

private:
    std::variant<std::int64_t, double> value_;
};

class Value;
using List = std::vector<Value>;
using Object = std::map<std::string, Value, std::less<>>;

class Value {
public:
    enum class Kind : std::uint8_t { null, boolean, number, string, list, object };

    // Limits that every value made from untrusted text must keep.
    static constexpr std::size_t weight_each = 16;  // of any value, besides its text and members
    static constexpr std::size_t weight_max = std::size_t{4} << 20;
    static constexpr std::size_t depth_max = 128;

    Value() = default;  // null
    static Value boolean(bool value);
    static Value number(std::int64_t value);
    static Value number(Number value);
    static Value string(std::string value);
    static Value list(List items);
    static Value object(Object members);

    [[nodiscard]] Kind kind() const { return static_cast<Kind>(data_.index()); }
    [[nodiscard]] bool is_null() const { return kind() == Kind::null; }
    [[nodiscard]] bool is_boolean() const { return kind() == Kind::boolean; }
    [[nodiscard]] bool is_number() const { return kind() == Kind::number; }
    [[nodiscard]] bool is_string() const { return kind() == Kind::string; }
    [[nodiscard]] bool is_list() const { return kind() == Kind::list; }
    [[nodiscard]] bool is_object() const { return kind() == Kind::object; }

    // Asking for another kind than the value has is a bug of the caller.
    [[nodiscard]] bool as_boolean() const;
    [[nodiscard]] const Number& as_number() const;
    [[nodiscard]] const std::string& as_string() const;
    [[nodiscard]] const List& as_list() const;
    [[nodiscard]] const Object& as_object() const;

    // The member of that name; none if this is no object or has no such member.
    [[nodiscard]] const Value* get(std::string_view name) const;

    [[nodiscard]] std::size_t weight() const;
    [[nodiscard]] std::size_t depth() const;

    friend bool operator==(const Value& left, const Value& right);

private:
    struct ListData;
    struct ObjectData;
    std::variant<std::monostate, bool, Number, std::shared_ptr<const std::string>,
                 std::shared_ptr<const ListData>, std::shared_ptr<const ObjectData>>
        data_;
};

// A total order over all values, for sets: by kind, then by content.
[[nodiscard]] bool ordered_before(const Value& left, const Value& right);

// "a number", "a list", ...: for messages.
[[nodiscard]] std::string_view describe(Value::Kind kind);
[[nodiscard]] inline std::string_view describe(const Value& value) {
    return describe(value.kind());
}

// The conversions that the language does by itself; none where it does not.
[[nodiscard]] std::optional<std::string> to_string(const Value& value);
[[nodiscard]] std::optional<Number> to_number(const Value& value);
[[nodiscard]] std::optional<bool> to_boolean(const Value& value);

// Bodies become lists of objects (see to_value in hcl.hpp). This reads such a list, or a plain
// object, as one object; a later member replaces an earlier one. None for any other value.
[[nodiscard]] std::optional<Object> as_one_object(const Value& value);

}  // namespace drover::hcl
