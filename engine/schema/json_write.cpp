// Messages to JSON.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>

#include "engine/base/uuid.hpp"
#include "engine/schema/field_plan.hpp"
#include "engine/schema/json.hpp"
#include "engine/schema/json_text.hpp"
#include "engine/schema/value.pb.h"

namespace drover::schema {

namespace pb = google::protobuf;

namespace {

JsonValue free_form(const Value& value);

JsonValue free_form(const ObjectValue& object) {
    JsonValue::Object members;
    for (const ValuePair& pair : object.fields()) {
        members.emplace_back(pair.key(), free_form(pair.value()));
    }
    return JsonValue{std::move(members)};
}

JsonValue free_form(const Value& value) {
    switch (value.kind_case()) {
        case Value::kNull: case Value::KIND_NOT_SET: return {};
        case Value::kBoolean: return JsonValue{value.boolean()};
        case Value::kInteger: return JsonValue{std::int64_t{value.integer()}};
        case Value::kReal: return JsonValue{value.real()};
        case Value::kText: return JsonValue{value.text()};
        case Value::kObject: return free_form(value.object());
        case Value::kList: break;
    }
    JsonValue::Array items;
    for (const Value& item : value.list().items()) items.push_back(free_form(item));
    return JsonValue{std::move(items)};
}

class Writer {
public:
    explicit Writer(const JsonStyle& style) : style_{style} {}

    JsonValue message(const pb::Message& message, const pb::FieldDescriptor* without = nullptr) {
        if (message.GetDescriptor() == Value::descriptor()) {
            return free_form(static_cast<const Value&>(message));
        }
        if (message.GetDescriptor() == ObjectValue::descriptor()) {
            return free_form(static_cast<const ObjectValue&>(message));
        }
        JsonValue::Object members;
        for (const FieldPlan& plan : plan_of(*message.GetDescriptor()).fields) {
            if (plan.hidden || plan.field == without) continue;
            if (plan.omit_empty && is_empty(message, plan)) continue;
            members.emplace_back(plan.json_name, field(message, plan));
        }
        return JsonValue{std::move(members)};
    }

    JsonValue member(const pb::Message& message, std::string_view name) {
        const FieldPlan* const plan = plan_of(*message.GetDescriptor()).find(name);
        if (plan == nullptr || plan->hidden) return {};
        if (plan->omit_empty && is_empty(message, *plan)) return {};
        return field(message, *plan);
    }

private:
    static bool is_empty(const pb::Message& message, const FieldPlan& plan) {
        const pb::Reflection* reflection = message.GetReflection();
        if (plan.field->is_repeated()) return reflection->FieldSize(message, plan.field) == 0;
        return !reflection->HasField(message, plan.field);
    }

    JsonValue field(const pb::Message& message, const FieldPlan& plan) {
        const pb::Reflection* reflection = message.GetReflection();
        if (plan.field->is_repeated()) return list(message, plan);
        if (plan.field->has_presence() && !plan.as_value &&
            !reflection->HasField(message, plan.field)) {
            return {};
        }
        if (plan.secret && style_.redact) return JsonValue{""};
        return scalar(message, plan, -1);
    }

    JsonValue list(const pb::Message& message, const FieldPlan& plan) {
        int size = message.GetReflection()->FieldSize(message, plan.field);
        if (plan.map_key != nullptr) return map(message, plan, size);
        if (size == 0 && !plan.empty_list) return {};
        JsonValue::Array items;
        items.reserve(static_cast<std::size_t>(size));
        for (int at = 0; at < size; ++at) items.push_back(scalar(message, plan, at));
        return JsonValue{std::move(items)};
    }

    JsonValue map(const pb::Message& message, const FieldPlan& plan, int size) {
        if (size == 0 && !plan.empty_list) return {};
        JsonValue::Object members;
        members.reserve(static_cast<std::size_t>(size));
        for (int at = 0; at < size; ++at) {
            const pb::Message& row =
                message.GetReflection()->GetRepeatedMessage(message, plan.field, at);
            std::string scratch;
            const std::string& key =
                row.GetReflection()->GetStringReference(row, plan.map_key, &scratch);
            members.emplace_back(key, map_value(row, plan));
        }
        std::stable_sort(members.begin(), members.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
        return JsonValue{std::move(members)};
    }

    JsonValue map_value(const pb::Message& row, const FieldPlan& plan) {
        if (plan.map_value == nullptr) {
            return message(row, plan.key_shown ? nullptr : plan.map_key);
        }
        for (const FieldPlan& below : plan_of(*row.GetDescriptor()).fields) {
            if (below.field == plan.map_value) return field(row, below);
        }
        return {};
    }

    // A single value: the field's own (at < 0), or one of a list.
    JsonValue scalar(const pb::Message& message, const FieldPlan& plan, int at) {
        const pb::Reflection* r = message.GetReflection();
        const pb::FieldDescriptor* f = plan.field;
        using Type = pb::FieldDescriptor;
        switch (f->cpp_type()) {
            case Type::CPPTYPE_INT32:
                return JsonValue{at < 0 ? r->GetInt32(message, f)
                                        : r->GetRepeatedInt32(message, f, at)};
            case Type::CPPTYPE_INT64: {
                std::int64_t value =
                    at < 0 ? r->GetInt64(message, f) : r->GetRepeatedInt64(message, f, at);
                return plan.rfc3339 ? JsonValue{rfc3339_text(value)} : JsonValue{value};
            }
            case Type::CPPTYPE_UINT32:
                return JsonValue{std::uint64_t{at < 0 ? r->GetUInt32(message, f)
                                                      : r->GetRepeatedUInt32(message, f, at)}};
            case Type::CPPTYPE_UINT64:
                return JsonValue{std::uint64_t{at < 0 ? r->GetUInt64(message, f)
                                                      : r->GetRepeatedUInt64(message, f, at)}};
            case Type::CPPTYPE_DOUBLE:
                return JsonValue{at < 0 ? r->GetDouble(message, f)
                                        : r->GetRepeatedDouble(message, f, at)};
            case Type::CPPTYPE_FLOAT:
                return JsonValue{static_cast<double>(at < 0 ? r->GetFloat(message, f)
                                                            : r->GetRepeatedFloat(message, f, at))};
            case Type::CPPTYPE_BOOL:
                return JsonValue{at < 0 ? r->GetBool(message, f)
                                        : r->GetRepeatedBool(message, f, at)};
            case Type::CPPTYPE_ENUM:
                return JsonValue{
                    (at < 0 ? r->GetEnum(message, f) : r->GetRepeatedEnum(message, f, at))->name()};
            case Type::CPPTYPE_STRING: return text(message, plan, at);
            case Type::CPPTYPE_MESSAGE: break;
        }
        return this->message(at < 0 ? r->GetMessage(message, f)
                                    : r->GetRepeatedMessage(message, f, at));
    }

    static JsonValue text(const pb::Message& message, const FieldPlan& plan, int at) {
        const pb::Reflection* r = message.GetReflection();
        std::string scratch;
        const std::string& value =
            at < 0 ? r->GetStringReference(message, plan.field, &scratch)
                   : r->GetRepeatedStringReference(message, plan.field, at, &scratch);
        if (plan.uuid) {
            auto id = Uuid::from_raw(value);
            return JsonValue{id ? id->text() : std::string{}};
        }
        if (plan.field->type() != pb::FieldDescriptor::TYPE_BYTES) return JsonValue{value};
        return value.empty() ? JsonValue{} : JsonValue{base64(value)};
    }

    const JsonStyle& style_;
};

}  // namespace

JsonValue to_json_value(const pb::Message& message, const JsonStyle& style) {
    return Writer{style}.message(message);
}

JsonValue to_json_member(const pb::Message& message, std::string_view name,
                         const JsonStyle& style) {
    return Writer{style}.member(message, name);
}

std::string to_json(const pb::Message& message, const JsonStyle& style) {
    return print_json(to_json_value(message, style), style.pretty);
}

}  // namespace drover::schema
