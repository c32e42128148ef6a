// JSON to messages, with errors that name the path.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/base/uuid.hpp"
#include "engine/schema/field_plan.hpp"
#include "engine/schema/json.hpp"
#include "engine/schema/json_text.hpp"
#include "engine/schema/value.pb.h"

namespace drover::schema {

namespace pb = google::protobuf;

namespace {

void read_free_form(const JsonValue& json, Value& into) {
    if (const bool* flag = json.boolean()) into.set_boolean(*flag);
    else if (const std::int64_t* number = json.integer()) into.set_integer(*number);
    else if (const std::uint64_t* large = json.large()) into.set_real(static_cast<double>(*large));
    else if (const double* real = json.real()) into.set_real(*real);
    else if (const std::string* text = json.text()) into.set_text(*text);
    else if (const JsonValue::Array* items = json.array()) {
        ListValue& list = *into.mutable_list();
        list.clear_items();
        for (const JsonValue& item : *items) read_free_form(item, *list.add_items());
    } else if (const JsonValue::Object* members = json.object()) {
        ObjectValue& object = *into.mutable_object();
        object.clear_fields();
        for (const auto& [key, value] : *members) {
            ValuePair& pair = *object.add_fields();
            pair.set_key(key);
            read_free_form(value, *pair.mutable_value());
        }
        normalise(object);
    } else {
        into.set_null(true);
    }
}

class Reader {
public:
    Result<void> read(const JsonValue& json, pb::Message& into) {
        if (message(json, into)) return {};
        return fail(Errc::invalid_argument, path_.empty() ? problem_ : path_ + ": " + problem_);
    }

private:
    bool refuse(std::string what) {
        problem_ = std::move(what);
        return false;
    }
    bool expected(const char* what, const JsonValue& json) {
        std::string got = json.kind();
        if (const std::string* text = json.text()) {
            got += " (\"" + text->substr(0, 40) + "\")";
        } else if (json.boolean() != nullptr || json.integer() != nullptr ||
                   json.real() != nullptr) {
            got += " (" + print_json(json) + ")";
        }
        return refuse(std::string{"expected "} + what + ", got " + got);
    }

    bool message(const JsonValue& json, pb::Message& into) {
        if (into.GetDescriptor() == Value::descriptor()) {
            into.Clear();
            read_free_form(json, static_cast<Value&>(into));
            return true;
        }
        const JsonValue::Object* members = json.object();
        if (members == nullptr) return expected("an object", json);
        const MessagePlan& plan = plan_of(*into.GetDescriptor());
        for (const auto& [name, value] : *members) {
            const FieldPlan* known = plan.find(name);
            if (known == nullptr || known->hidden) continue;
            if (!field(value, into, *known)) return at(known->json_name);
        }
        return true;
    }

    // Puts a step in front of the path of a refusal.
    bool at(const std::string& name) {
        bool joined = path_.empty() || path_.front() == '[';
        path_ = joined ? name + path_ : name + "." + path_;
        return false;
    }
    bool at_item(std::size_t number) {
        std::string step = "[" + std::to_string(number) + "]";
        bool joined = path_.empty() || path_.front() == '[';
        path_ = joined ? step + path_ : step + "." + path_;
        return false;
    }

    bool field(const JsonValue& json, pb::Message& into, const FieldPlan& plan) {
        const pb::Reflection* reflection = into.GetReflection();
        if (json.is_null()) {
            reflection->ClearField(&into, plan.field);
            return true;
        }
        if (!plan.field->is_repeated()) return scalar(json, into, plan);
        reflection->ClearField(&into, plan.field);
        if (plan.map_key != nullptr) return map(json, into, plan);
        const JsonValue::Array* items = json.array();
        if (items == nullptr) return expected("an array", json);
        for (std::size_t i = 0; i < items->size(); ++i) {
            if (!scalar((*items)[i], into, plan)) return at_item(i);
        }
        return true;
    }

    bool map(const JsonValue& json, pb::Message& into, const FieldPlan& plan) {
        const JsonValue::Object* members = json.object();
        if (members == nullptr) return expected("an object", json);
        for (const auto& [key, value] : *members) {
            pb::Message& row = *into.GetReflection()->AddMessage(&into, plan.field);
            bool whole = plan.map_value == nullptr;
            if (whole && !value.is_null() && !message(value, row)) return at(key);
            row.GetReflection()->SetString(&row, plan.map_key, key);
            if (!whole && !map_value(value, row, plan)) return at(key);
        }
        normalise_map(into, plan);
        return true;
    }

    bool map_value(const JsonValue& value, pb::Message& row, const FieldPlan& plan) {
        for (const FieldPlan& below : plan_of(*row.GetDescriptor()).fields) {
            if (below.field != plan.map_value) continue;
            if (below.field->message_type() == Value::descriptor()) {
                return message(value, *row.GetReflection()->MutableMessage(&row, below.field));
            }
            return field(value, row, below);
        }
        return true;
    }

    static void normalise_map(pb::Message& into, const FieldPlan& plan);

    bool scalar(const JsonValue& json, pb::Message& into, const FieldPlan& plan) {
        using Type = pb::FieldDescriptor;
        switch (plan.field->cpp_type()) {
            case Type::CPPTYPE_INT32: return number<std::int32_t>(json, into, plan);
            case Type::CPPTYPE_INT64:
                return plan.rfc3339 ? time(json, into, plan)
                                    : number<std::int64_t>(json, into, plan);
            case Type::CPPTYPE_UINT32: return number<std::uint32_t>(json, into, plan);
            case Type::CPPTYPE_UINT64: return number<std::uint64_t>(json, into, plan);
            case Type::CPPTYPE_DOUBLE: case Type::CPPTYPE_FLOAT: return real(json, into, plan);
            case Type::CPPTYPE_BOOL: return boolean(json, into, plan);
            case Type::CPPTYPE_ENUM: return enumerator(json, into, plan);
            case Type::CPPTYPE_STRING: return text(json, into, plan);
            case Type::CPPTYPE_MESSAGE: break;
        }
        const pb::Reflection* r = into.GetReflection();
        if (!plan.field->is_repeated()) return message(json, *r->MutableMessage(&into, plan.field));
        pb::Message& row = *r->AddMessage(&into, plan.field);
        return json.is_null() || message(json, row);
    }

    template <class Number>
    bool number(const JsonValue& json, pb::Message& into, const FieldPlan& plan) {
        auto value = whole<Number>(json);
        if (value) {
            put(into, plan, *value);
            return true;
        }
        bool numeric = json.integer() != nullptr || json.large() != nullptr;
        if (numeric) return refuse(print_json(json) + " is out of range");
        return expected("an integer", json);
    }

    template <class Number>
    static std::optional<Number> whole(const JsonValue& json) {
        if (const std::int64_t* value = json.integer()) {
            if (!std::in_range<Number>(*value)) return std::nullopt;
            return static_cast<Number>(*value);
        }
        if (const std::uint64_t* value = json.large()) {
            if (!std::in_range<Number>(*value)) return std::nullopt;
            return static_cast<Number>(*value);
        }
        const double* value = json.real();
        // Some writers print whole numbers as 1e3 or 5.0.
        if (value == nullptr || std::trunc(*value) != *value || std::abs(*value) > 9e15) {
            return std::nullopt;
        }
        auto rounded = static_cast<std::int64_t>(*value);
        if (!std::in_range<Number>(rounded)) return std::nullopt;
        return static_cast<Number>(rounded);
    }

    static void put(pb::Message& into, const FieldPlan& plan, std::int32_t value) {
        const pb::Reflection* r = into.GetReflection();
        if (plan.field->is_repeated()) r->AddInt32(&into, plan.field, value);
        else r->SetInt32(&into, plan.field, value);
    }
    static void put(pb::Message& into, const FieldPlan& plan, std::int64_t value) {
        const pb::Reflection* r = into.GetReflection();
        if (plan.field->is_repeated()) r->AddInt64(&into, plan.field, value);
        else r->SetInt64(&into, plan.field, value);
    }
    static void put(pb::Message& into, const FieldPlan& plan, std::uint32_t value) {
        const pb::Reflection* r = into.GetReflection();
        if (plan.field->is_repeated()) r->AddUInt32(&into, plan.field, value);
        else r->SetUInt32(&into, plan.field, value);
    }
    static void put(pb::Message& into, const FieldPlan& plan, std::uint64_t value) {
        const pb::Reflection* r = into.GetReflection();
        if (plan.field->is_repeated()) r->AddUInt64(&into, plan.field, value);
        else r->SetUInt64(&into, plan.field, value);
    }

    static void put(pb::Message& into, const FieldPlan& plan, float value) {
        const pb::Reflection* r = into.GetReflection();
        if (plan.field->is_repeated()) r->AddFloat(&into, plan.field, value);
        else r->SetFloat(&into, plan.field, value);
    }

    bool real(const JsonValue& json, pb::Message& into, const FieldPlan& plan) {
        double value = 0;
        if (json.real() != nullptr) value = *json.real();
        else if (json.integer() != nullptr) value = static_cast<double>(*json.integer());
        else if (json.large() != nullptr) value = static_cast<double>(*json.large());
        else return expected("a number", json);
        const pb::Reflection* r = into.GetReflection();
        bool wide = plan.field->cpp_type() == pb::FieldDescriptor::CPPTYPE_DOUBLE;
        if (wide && plan.field->is_repeated()) r->AddDouble(&into, plan.field, value);
        else if (wide) r->SetDouble(&into, plan.field, value);
        else put(into, plan, static_cast<float>(value));
        return true;
    }

    bool boolean(const JsonValue& json, pb::Message& into, const FieldPlan& plan) {
        if (json.boolean() == nullptr) return expected("a boolean", json);
        const pb::Reflection* r = into.GetReflection();
        if (plan.field->is_repeated()) r->AddBool(&into, plan.field, *json.boolean());
        else r->SetBool(&into, plan.field, *json.boolean());
        return true;
    }

    bool enumerator(const JsonValue& json, pb::Message& into, const FieldPlan& plan) {
        if (json.text() == nullptr) return expected("a string", json);
        const auto* value = plan.field->enum_type()->FindValueByName(*json.text());
        if (value == nullptr) return refuse("\"" + json.text()->substr(0, 40) + "\" is not known");
        const pb::Reflection* r = into.GetReflection();
        if (plan.field->is_repeated()) r->AddEnum(&into, plan.field, value);
        else r->SetEnum(&into, plan.field, value);
        return true;
    }

    bool time(const JsonValue& json, pb::Message& into, const FieldPlan& plan) {
        if (json.text() == nullptr) return expected("an RFC 3339 time", json);
        auto value = from_rfc3339(*json.text());
        if (!value) return expected("an RFC 3339 time", json);
        put(into, plan, *value);
        return true;
    }

    bool text(const JsonValue& json, pb::Message& into, const FieldPlan& plan) {
        if (json.text() == nullptr) return expected("a string", json);
        std::string value = *json.text();
        if (plan.uuid) {
            auto id = Uuid::from_text(value);
            if (!id && !value.empty()) return expected("a UUID", json);
            value = id ? id->raw() : std::string{};
        } else if (plan.field->type() == pb::FieldDescriptor::TYPE_BYTES) {
            auto bytes = from_base64(value);
            if (!bytes) return expected("base64", json);
            value = std::move(*bytes);
        }
        const pb::Reflection* r = into.GetReflection();
        if (plan.field->is_repeated()) r->AddString(&into, plan.field, std::move(value));
        else r->SetString(&into, plan.field, std::move(value));
        return true;
    }

    std::string path_;
    std::string problem_;
};

const std::string& key_of(const pb::Message& row, const FieldPlan& plan, std::string& scratch) {
    return row.GetReflection()->GetStringReference(row, plan.map_key, &scratch);
}

// Sorts by key; of equal keys the last one is kept.
void sort_map(pb::Message& message, const FieldPlan& plan) {
    const pb::Reflection* r = message.GetReflection();
    int size = r->FieldSize(message, plan.field);
    std::vector<std::pair<std::string, int>> order;
    std::string scratch;
    for (int at = 0; at < size; ++at) {
        const pb::Message& row = r->GetRepeatedMessage(message, plan.field, at);
        order.emplace_back(key_of(row, plan, scratch), at);
    }
    auto in_order = [&order] {
        for (std::size_t i = 0; i + 1 < order.size(); ++i) {
            if (order[i].first >= order[i + 1].first) return false;
        }
        return true;
    };
    if (in_order()) return;
    std::sort(order.begin(), order.end());
    std::unique_ptr<pb::Message> sorted{message.New()};
    for (std::size_t i = 0; i < order.size(); ++i) {
        if (i + 1 < order.size() && order[i].first == order[i + 1].first) continue;
        pb::Message* row = sorted->GetReflection()->AddMessage(sorted.get(), plan.field);
        row->GetReflection()->Swap(
            row, r->MutableRepeatedMessage(&message, plan.field, order[i].second));
    }
    r->SwapFields(&message, sorted.get(), {plan.field});
}

void Reader::normalise_map(pb::Message& into, const FieldPlan& plan) { sort_map(into, plan); }

}  // namespace

void normalise(pb::Message& message) {
    const pb::Reflection* r = message.GetReflection();
    for (const FieldPlan& plan : plan_of(*message.GetDescriptor()).fields) {
        if (plan.field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) continue;
        if (!plan.field->is_repeated()) {
            if (!r->HasField(message, plan.field)) continue;
            normalise(*r->MutableMessage(&message, plan.field));
            continue;
        }
        for (int at = 0; at < r->FieldSize(message, plan.field); ++at) {
            normalise(*r->MutableRepeatedMessage(&message, plan.field, at));
        }
        if (plan.map_key != nullptr) sort_map(message, plan);
    }
}

Result<void> from_json_value(const JsonValue& json, pb::Message& message) {
    return Reader{}.read(json, message);
}

Result<void> from_json(std::string_view text, pb::Message& message, const JsonLimits& limits) {
    Result<JsonValue> json = parse_json(text, limits);
    if (!json) return tl::unexpected<Error>{json.error()};
    return from_json_value(*json, message);
}

}  // namespace drover::schema
