// Single values: the language converts between strings, numbers and booleans, as people expect of a
// job file; anything else must be of the field's own kind.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <limits>

#include "engine/jobspec/hcl/text.hpp"
#include "engine/jobspec/reader.hpp"
#include "engine/schema/value.pb.h"

namespace drover::jobspec {
namespace {

using google::protobuf::FieldDescriptor;

struct Bounds {
    std::int64_t low;
    std::int64_t high;
};

Bounds bounds_of(const FieldDescriptor& field) {
    switch (field.cpp_type()) {
        case FieldDescriptor::CPPTYPE_INT32:
            return {std::numeric_limits<std::int32_t>::min(),
                    std::numeric_limits<std::int32_t>::max()};
        case FieldDescriptor::CPPTYPE_UINT32:
            return {0, std::numeric_limits<std::uint32_t>::max()};
        case FieldDescriptor::CPPTYPE_UINT64:
            return {0, std::numeric_limits<std::int64_t>::max()};
        default:
            return {std::numeric_limits<std::int64_t>::min(),
                    std::numeric_limits<std::int64_t>::max()};
    }
}

std::string shown(const hcl::Value& value) {
    std::string text = hcl::to_json(value);
    constexpr std::size_t size_max = 60;
    if (text.size() <= size_max) return text;
    std::size_t end = size_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    return text.substr(0, end) + "...";
}

}  // namespace

bool Reader::mismatch(const hcl::Range& range, const std::string& name, std::string_view wanted,
                      const hcl::Value& value) {
    report(
        range,
        "\"" + name + "\" must be " + std::string{wanted} + ", not " + std::string{describe(value)},
        "the value is " + shown(value));
    return false;
}

std::optional<std::int64_t> Reader::integer(const hcl::Value& value, const hcl::Range& range,
                                            const std::string& name, const Field& field) {
    if (is_duration(field) && value.is_string()) {
        const auto duration = hcl::parse_duration(value.as_string());
        if (!duration) {
            report(range, "\"" + name + "\" is no duration: " + shown(value),
                   "write it as \"30s\", \"1h30m\" or a number of nanoseconds");
        }
        return duration;
    }
    const std::optional<hcl::Number> number = hcl::to_number(value);
    if (!number || !number->is_integer()) {
        mismatch(range, name, is_duration(field) ? "a duration" : "a whole number", value);
        return std::nullopt;
    }
    const Bounds bounds = bounds_of(field);
    const std::int64_t result = *number->as_int64();
    if (result >= bounds.low && result <= bounds.high) return result;
    report(
        range, "\"" + name + "\" is out of range: " + shown(value),
        "it must be between " + std::to_string(bounds.low) + " and " + std::to_string(bounds.high));
    return std::nullopt;
}

bool Reader::set_integer(const hcl::Value& value, const hcl::Range& range, const std::string& name,
                         const Field& field, Message& message) {
    const std::optional<std::int64_t> result = integer(value, range, name, field);
    if (!result) return false;
    const auto* reflection = message.GetReflection();
    const bool add = field.is_repeated();
    switch (field.cpp_type()) {
        case FieldDescriptor::CPPTYPE_INT32: {
            const auto small = static_cast<std::int32_t>(*result);
            add ? reflection->AddInt32(&message, &field, small)
                : reflection->SetInt32(&message, &field, small);
            return true;
        }
        case FieldDescriptor::CPPTYPE_UINT32: {
            const auto small = static_cast<std::uint32_t>(*result);
            add ? reflection->AddUInt32(&message, &field, small)
                : reflection->SetUInt32(&message, &field, small);
            return true;
        }
        case FieldDescriptor::CPPTYPE_UINT64: {
            const auto large = static_cast<std::uint64_t>(*result);
            add ? reflection->AddUInt64(&message, &field, large)
                : reflection->SetUInt64(&message, &field, large);
            return true;
        }
        default:
            add ? reflection->AddInt64(&message, &field, *result)
                : reflection->SetInt64(&message, &field, *result);
            return true;
    }
}

bool Reader::set_scalar(const hcl::Value& value, const hcl::Range& range, const std::string& name,
                        const Field& field, Message& message) {
    const auto* reflection = message.GetReflection();
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        std::optional<std::string> text = hcl::to_string(value);
        if (!text) return mismatch(range, name, "a string", value);
        field.is_repeated() ? reflection->AddString(&message, &field, std::move(*text))
                            : reflection->SetString(&message, &field, std::move(*text));
        return true;
    }
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_BOOL) {
        return set_integer(value, range, name, field, message);
    }
    const std::optional<bool> truth = hcl::to_boolean(value);
    if (!truth) return mismatch(range, name, "true or false", value);
    field.is_repeated() ? reflection->AddBool(&message, &field, *truth)
                        : reflection->SetBool(&message, &field, *truth);
    return true;
}

void Reader::set_field(const hcl::Value& value, const hcl::Range& range, const std::string& name,
                       const Field& field, Message& message) {
    if (!field.is_repeated()) {
        set_scalar(value, range, name, field, message);
        return;
    }
    if (!value.is_list()) {
        mismatch(range, name, "a list", value);
        return;
    }
    for (const hcl::Value& item : value.as_list()) {
        if (!set_scalar(item, range, name, field, message)) return;
    }
}

void Reader::set_pairs(const hcl::Value& value, const hcl::Range& range, const std::string& name,
                       const Field& field, Message& message) {
    const std::optional<hcl::Object> members = hcl::as_one_object(value);
    if (!members) {
        mismatch(range, name, "a map", value);
        return;
    }
    for (const auto& [key, member] : *members) {
        if (member.is_null()) continue;
        Message* pair = message.GetReflection()->AddMessage(&message, &field);
        const auto* key_field = pair->GetDescriptor()->FindFieldByName("key");
        pair->GetReflection()->SetString(pair, key_field, key);
        set_pair(member, range, name + "." + key, *pair);
    }
}

void Reader::set_pair(const hcl::Value& value, const hcl::Range& range, const std::string& name,
                      Message& pair) {
    const Field* field = pair.GetDescriptor()->FindFieldByName("value");
    if (field->message_type() != schema::Value::descriptor()) {
        return set_field(value, range, name, *field, pair);
    }
    // Generated messages are what reflection hands out for them.
    to_schema(value, *static_cast<schema::ValuePair&>(pair).mutable_value());
}

void to_schema(const hcl::Value& value, schema::Value& out) {
    switch (value.kind()) {
        case hcl::Value::Kind::null:
            out.set_null(true);
            return;
        case hcl::Value::Kind::boolean:
            out.set_boolean(value.as_boolean());
            return;
        case hcl::Value::Kind::number: {
            const hcl::Number& number = value.as_number();
            if (number.is_integer()) {
                out.set_integer(*number.as_int64());
            } else {
                out.set_real(number.as_double());
            }
            return;
        }
        case hcl::Value::Kind::string:
            out.set_text(value.as_string());
            return;
        case hcl::Value::Kind::list:
            out.mutable_list();
            for (const hcl::Value& item : value.as_list()) {
                to_schema(item, *out.mutable_list()->add_items());
            }
            return;
        case hcl::Value::Kind::object:
            out.mutable_object();
            for (const auto& [key, member] : value.as_object()) {
                schema::ValuePair* pair = out.mutable_object()->add_fields();
                pair->set_key(key);
                to_schema(member, *pair->mutable_value());
            }
            return;
    }
}

}  // namespace drover::jobspec
