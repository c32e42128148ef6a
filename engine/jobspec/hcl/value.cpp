// Values and the language's own conversions between them. Must never lose the exactness of int64.
#include "engine/jobspec/hcl/value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "engine/base/ensure.hpp"

namespace drover::hcl {
namespace {

constexpr double two_to_63 = 9223372036854775808.0;

// Weights saturate: they are compared with limits, never summed up exactly.
std::size_t add_weights(std::size_t left, std::size_t right) {
    const std::size_t sum = left + right;
    return sum < left ? std::numeric_limits<std::size_t>::max() : sum;
}

}  // namespace

Number::Number(double value) : value_{value} {
    ENSURE(std::isfinite(value));
    if (std::trunc(value) == value && value >= -two_to_63 && value < two_to_63) {
        value_ = static_cast<std::int64_t>(value);
    }
}

std::optional<Number> Number::parse(std::string_view text) {
    const bool signed_plus = !text.empty() && text.front() == '+';
    if (signed_plus) text.remove_prefix(1);
    const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
    // from_chars would also take "inf", "nan" and hexadecimal floats.
    if (digits.empty() || digits.find_first_not_of("0123456789.eE+-") != std::string_view::npos ||
        digits.front() < '0' || digits.front() > '9' || (signed_plus && digits != text)) {
        return std::nullopt;
    }
    std::int64_t integer = 0;
    const char* end = text.data() + text.size();
    const auto whole = std::from_chars(text.data(), end, integer);
    if (whole.ec == std::errc{} && whole.ptr == end) return Number{integer};
    double real = 0;
    const auto parsed = std::from_chars(text.data(), end, real);
    if (parsed.ec != std::errc{} || parsed.ptr != end || !std::isfinite(real)) return std::nullopt;
    return Number{real};
}

std::optional<std::int64_t> Number::as_int64() const {
    if (const auto* integer = std::get_if<std::int64_t>(&value_)) return *integer;
    return std::nullopt;
}

double Number::as_double() const {
    if (const auto* integer = std::get_if<std::int64_t>(&value_)) {
        return static_cast<double>(*integer);
    }
    return std::get<double>(value_);
}

std::string Number::text() const {
    if (const auto* integer = std::get_if<std::int64_t>(&value_)) return std::to_string(*integer);
    std::array<char, 512> buffer{};
    const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                       std::get<double>(value_), std::chars_format::fixed);
    if (written.ec == std::errc{}) return std::string{buffer.data(), written.ptr};
    const auto scientific =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::get<double>(value_));
    return std::string{buffer.data(), scientific.ptr};
}

std::partial_ordering operator<=>(const Number& left, const Number& right) {
    if (left.is_integer() && right.is_integer()) return *left.as_int64() <=> *right.as_int64();
    return left.as_double() <=> right.as_double();
}

struct Value::ListData {
    List items;
    std::size_t weight = Value::weight_each;
    std::size_t depth = 1;
};

struct Value::ObjectData {
    Object members;
    std::size_t weight = Value::weight_each;
    std::size_t depth = 1;
};

Value Value::boolean(bool value) {
    Value result;
    result.data_ = value;
    return result;
}

Value Value::number(std::int64_t value) { return number(Number{value}); }

Value Value::number(Number value) {
    Value result;
    result.data_ = value;
    return result;
}

Value Value::string(std::string value) {
    Value result;
    result.data_ = std::make_shared<const std::string>(std::move(value));
    return result;
}

Value Value::list(List items) {
    auto data = std::make_shared<ListData>();
    for (const Value& item : items) {
        data->weight = add_weights(data->weight, item.weight());
        data->depth = std::max(data->depth, item.depth() + 1);
    }
    data->items = std::move(items);
    Value result;
    result.data_ = std::shared_ptr<const ListData>{std::move(data)};
    return result;
}

Value Value::object(Object members) {
    auto data = std::make_shared<ObjectData>();
    for (const auto& [name, member] : members) {
        data->weight = add_weights(data->weight, add_weights(name.size(), member.weight()));
        data->depth = std::max(data->depth, member.depth() + 1);
    }
    data->members = std::move(members);
    Value result;
    result.data_ = std::shared_ptr<const ObjectData>{std::move(data)};
    return result;
}

bool Value::as_boolean() const {
    ENSURE(is_boolean());
    return std::get<bool>(data_);
}

const Number& Value::as_number() const {
    ENSURE(is_number());
    return std::get<Number>(data_);
}

const std::string& Value::as_string() const {
    ENSURE(is_string());
    return *std::get<std::shared_ptr<const std::string>>(data_);
}

const List& Value::as_list() const {
    ENSURE(is_list());
    return std::get<std::shared_ptr<const ListData>>(data_)->items;
}

const Object& Value::as_object() const {
    ENSURE(is_object());
    return std::get<std::shared_ptr<const ObjectData>>(data_)->members;
}

const Value* Value::get(std::string_view name) const {
    if (!is_object()) return nullptr;
    const auto found = as_object().find(name);
    return found == as_object().end() ? nullptr : &found->second;
}

std::size_t Value::weight() const {
    if (is_string()) return add_weights(weight_each, as_string().size());
    if (is_list()) return std::get<std::shared_ptr<const ListData>>(data_)->weight;
    if (is_object()) return std::get<std::shared_ptr<const ObjectData>>(data_)->weight;
    return weight_each;
}

std::size_t Value::depth() const {
    if (is_list()) return std::get<std::shared_ptr<const ListData>>(data_)->depth;
    if (is_object()) return std::get<std::shared_ptr<const ObjectData>>(data_)->depth;
    return 0;
}

bool operator==(const Value& left, const Value& right) {
    if (left.kind() != right.kind()) return false;
    switch (left.kind()) {
        case Value::Kind::null:
            return true;
        case Value::Kind::boolean:
            return left.as_boolean() == right.as_boolean();
        case Value::Kind::number:
            return left.as_number() == right.as_number();
        case Value::Kind::string:
            return left.as_string() == right.as_string();
        case Value::Kind::list:
            return left.as_list() == right.as_list();
        case Value::Kind::object:
            return left.as_object() == right.as_object();
    }
    return false;
}

bool ordered_before(const Value& left, const Value& right) {
    if (left.kind() != right.kind()) return left.kind() < right.kind();
    switch (left.kind()) {
        case Value::Kind::null:
            return false;
        case Value::Kind::boolean:
            return !left.as_boolean() && right.as_boolean();
        case Value::Kind::number:
            return left.as_number() < right.as_number();
        case Value::Kind::string:
            return left.as_string() < right.as_string();
        case Value::Kind::list:
            return std::lexicographical_compare(left.as_list().begin(), left.as_list().end(),
                                                right.as_list().begin(), right.as_list().end(),
                                                ordered_before);
        case Value::Kind::object:
            return std::lexicographical_compare(left.as_object().begin(), left.as_object().end(),
                                                right.as_object().begin(), right.as_object().end(),
                                                [](const auto& one, const auto& other) {
                                                    if (one.first != other.first)
                                                        return one.first < other.first;
                                                    return ordered_before(one.second, other.second);
                                                });
    }
    return false;
}

std::string_view describe(Value::Kind kind) {
    switch (kind) {
        case Value::Kind::null:
            return "null";
        case Value::Kind::boolean:
            return "a bool";
        case Value::Kind::number:
            return "a number";
        case Value::Kind::string:
            return "a string";
        case Value::Kind::list:
            return "a list";
        case Value::Kind::object:
            return "an object";
    }
    return "a value";
}

std::optional<std::string> to_string(const Value& value) {
    if (value.is_string()) return value.as_string();
    if (value.is_number()) return value.as_number().text();
    if (value.is_boolean()) return value.as_boolean() ? "true" : "false";
    return std::nullopt;
}

std::optional<Number> to_number(const Value& value) {
    if (value.is_number()) return value.as_number();
    if (value.is_string()) return Number::parse(value.as_string());
    return std::nullopt;
}

std::optional<bool> to_boolean(const Value& value) {
    if (value.is_boolean()) return value.as_boolean();
    if (!value.is_string()) return std::nullopt;
    if (value.as_string() == "true") return true;
    if (value.as_string() == "false") return false;
    return std::nullopt;
}

std::optional<Object> as_one_object(const Value& value) {
    if (value.is_object()) return value.as_object();
    if (!value.is_list()) return std::nullopt;
    Object merged;
    for (const Value& item : value.as_list()) {
        if (!item.is_object()) return std::nullopt;
        for (const auto& [name, member] : item.as_object()) merged.insert_or_assign(name, member);
    }
    return merged;
}

}  // namespace drover::hcl
