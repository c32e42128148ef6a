// Reading type constraints and converting values to them.
#include "engine/jobspec/hcl/type.hpp"

#include <algorithm>

namespace drover::hcl {
namespace {

using Kind = Type::Kind;

std::optional<Kind> primitive(std::string_view name) {
    if (name == "any") return Kind::any;
    if (name == "string") return Kind::string;
    if (name == "number") return Kind::number;
    if (name == "bool") return Kind::boolean;
    return std::nullopt;
}

std::optional<Kind> collection(std::string_view name) {
    if (name == "list") return Kind::list;
    if (name == "set") return Kind::set;
    if (name == "map") return Kind::map;
    return std::nullopt;
}

tl::expected<Type, std::string> object_type(const ObjectConstructor& node) {
    Type type{Kind::object, {}, {}, {}};
    for (const ObjectConstructor::Item& item : node.items) {
        const auto* key = std::get_if<Literal>(&item.key->node);
        if (key == nullptr || !key->value.is_string())
            return tl::unexpected{std::string{"member names must be plain"}};
        const auto* call = std::get_if<Call>(&item.value->node);
        const bool may_lack =
            call != nullptr && call->name == "optional" && !call->arguments.empty();
        auto member = type_from(may_lack ? *call->arguments[0] : *item.value);
        if (!member) return member;
        type.members.insert_or_assign(key->value.as_string(), std::move(*member));
        type.optional_members[key->value.as_string()] = may_lack;
    }
    return type;
}

tl::expected<Type, std::string> tuple_type(const TupleConstructor& node) {
    Type type{Kind::tuple, {}, {}, {}};
    for (const ExpressionPtr& item : node.items) {
        auto element = type_from(*item);
        if (!element) return element;
        type.elements.push_back(std::move(*element));
    }
    return type;
}

tl::unexpected<std::string> mismatch(const Value& value, const Type& type) {
    return tl::unexpected{"a " + type.text() + " is needed, not " + std::string{describe(value)}};
}

tl::unexpected<std::string> inside(const std::string& where, const std::string& message) {
    return tl::unexpected{"in " + where + ": " + message};
}

tl::expected<Value, std::string> convert_list(const Value& value, const Type& type) {
    if (!value.is_list()) return mismatch(value, type);
    List items;
    for (const Value& item : value.as_list()) {
        auto converted = convert(item, type.elements[0]);
        if (!converted) return inside("element " + std::to_string(items.size()), converted.error());
        items.push_back(std::move(*converted));
    }
    if (type.kind == Kind::set) {
        std::sort(items.begin(), items.end(), ordered_before);
        items.erase(std::unique(items.begin(), items.end()), items.end());
    }
    return Value::list(std::move(items));
}

tl::expected<Value, std::string> convert_map(const Value& value, const Type& type) {
    if (!value.is_object()) return mismatch(value, type);
    Object members;
    for (const auto& [name, member] : value.as_object()) {
        auto converted = convert(member, type.elements[0]);
        if (!converted) return inside("\"" + name + "\"", converted.error());
        members.emplace(name, std::move(*converted));
    }
    return Value::object(std::move(members));
}

tl::expected<Value, std::string> convert_object(const Value& value, const Type& type) {
    if (!value.is_object()) return mismatch(value, type);
    Object members;
    for (const auto& [name, member_type] : type.members) {
        const Value* member = value.get(name);
        if (member == nullptr) {
            if (!type.optional_members.at(name)) {
                return tl::unexpected{"the member \"" + name + "\" is missing"};
            }
            members.emplace(name, Value{});
            continue;
        }
        auto converted = convert(*member, member_type);
        if (!converted) return inside("\"" + name + "\"", converted.error());
        members.emplace(name, std::move(*converted));
    }
    return Value::object(std::move(members));
}

tl::expected<Value, std::string> convert_tuple(const Value& value, const Type& type) {
    if (!value.is_list()) return mismatch(value, type);
    if (value.as_list().size() != type.elements.size()) {
        return tl::unexpected{std::to_string(type.elements.size()) + " elements are needed, not " +
                              std::to_string(value.as_list().size())};
    }
    List items;
    for (std::size_t i = 0; i < type.elements.size(); ++i) {
        auto converted = convert(value.as_list()[i], type.elements[i]);
        if (!converted) return inside("element " + std::to_string(i), converted.error());
        items.push_back(std::move(*converted));
    }
    return Value::list(std::move(items));
}

}  // namespace

std::string Type::text() const {
    switch (kind) {
        case Kind::any:
            return "any";
        case Kind::string:
            return "string";
        case Kind::number:
            return "number";
        case Kind::boolean:
            return "bool";
        case Kind::list:
            return "list(" + elements[0].text() + ")";
        case Kind::set:
            return "set(" + elements[0].text() + ")";
        case Kind::map:
            return "map(" + elements[0].text() + ")";
        case Kind::object:
            return "object";
        case Kind::tuple:
            return "tuple";
    }
    return "type";
}

tl::expected<Type, std::string> type_from(const Expression& expression) {
    if (const auto* name = std::get_if<Traversal>(&expression.node); name && name->steps.empty()) {
        if (const auto kind = primitive(name->root)) return Type{*kind, {}, {}, {}};
        // "list" alone is the old way to write list(any).
        if (const auto kind = collection(name->root)) return Type{*kind, {Type{}}, {}, {}};
        return tl::unexpected{"unknown type \"" + name->root + "\""};
    }
    const auto* call = std::get_if<Call>(&expression.node);
    if (call == nullptr || call->arguments.size() != 1) {
        return tl::unexpected{
            std::string{"a type is needed: string, number, bool, any, list(...), set(...), "
                        "map(...), object({...}) or tuple([...])"}};
    }
    const Expression& argument = *call->arguments[0];
    if (const auto kind = collection(call->name)) {
        auto element = type_from(argument);
        if (!element) return element;
        return Type{*kind, {std::move(*element)}, {}, {}};
    }
    const auto* object = std::get_if<ObjectConstructor>(&argument.node);
    if (call->name == "object" && object != nullptr) return object_type(*object);
    const auto* tuple = std::get_if<TupleConstructor>(&argument.node);
    if (call->name == "tuple" && tuple != nullptr) return tuple_type(*tuple);
    return tl::unexpected{"unknown type \"" + call->name + "\""};
}

tl::expected<Value, std::string> convert(const Value& value, const Type& type) {
    if (type.kind == Kind::any || value.is_null()) return value;
    switch (type.kind) {
        case Kind::any:
            return value;
        case Kind::string: {
            std::optional<std::string> text = to_string(value);
            if (!text) return mismatch(value, type);
            return Value::string(std::move(*text));
        }
        case Kind::number: {
            const std::optional<Number> number = to_number(value);
            if (!number) return mismatch(value, type);
            return Value::number(*number);
        }
        case Kind::boolean: {
            const std::optional<bool> truth = to_boolean(value);
            if (!truth) return mismatch(value, type);
            return Value::boolean(*truth);
        }
        case Kind::list:
        case Kind::set:
            return convert_list(value, type);
        case Kind::map:
            return convert_map(value, type);
        case Kind::object:
            return convert_object(value, type);
        case Kind::tuple:
            return convert_tuple(value, type);
    }
    return value;
}

}  // namespace drover::hcl
