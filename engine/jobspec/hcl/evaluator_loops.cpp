// `for` expressions and templates.
#include "engine/jobspec/hcl/evaluator.hpp"

namespace drover::hcl {

template <class Visit>
bool Evaluator::each(const Frame& frame, std::string_view key_name, std::string_view value_name,
                     const Value& collection, Visit visit) {
    Scope scope{&frame.scope, {}};
    const auto turn = [&](Value key, const Value& value) {
        if (!key_name.empty()) scope.names.insert_or_assign(std::string{key_name}, std::move(key));
        scope.names.insert_or_assign(std::string{value_name}, value);
        return visit(scope);
    };
    if (collection.is_list()) {
        std::int64_t index = 0;
        for (const Value& item : collection.as_list()) {
            if (!turn(Value::number(index++), item)) return false;
        }
        return true;
    }
    if (collection.is_object()) {
        for (const auto& [key, value] : collection.as_object()) {
            if (!turn(Value::string(key), value)) return false;
        }
        return true;
    }
    fail(frame.self.range,
         "\"for\" goes over a list or an object, not " + std::string{describe(collection)});
    return false;
}

Evaluator::Maybe Evaluator::on(const Frame& frame, const ForExpression& node) {
    const Maybe collection = evaluate(frame, node.collection);
    if (!collection) return std::nullopt;
    return node.key ? for_object(frame, node, *collection) : for_tuple(frame, node, *collection);
}

Evaluator::Maybe Evaluator::for_tuple(const Frame& frame, const ForExpression& node,
                                      const Value& collection) {
    List items;
    const auto visit = [&](const Scope& scope) {
        const Frame inner{frame.self, scope, frame.element};
        if (node.condition) {
            const std::optional<bool> wanted =
                truth(inner, node.condition, "the \"if\" of \"for\"");
            if (!wanted) return false;
            if (!*wanted) return true;
        }
        Maybe item = evaluate(inner, node.value);
        if (item) items.push_back(std::move(*item));
        return item.has_value();
    };
    if (!each(frame, node.key_name, node.value_name, collection, visit)) return std::nullopt;
    return made(frame.self.range, Value::list(std::move(items)));
}

Evaluator::Maybe Evaluator::for_object(const Frame& frame, const ForExpression& node,
                                       const Value& collection) {
    Object members;
    std::map<std::string, List> groups;
    const auto visit = [&](const Scope& scope) {
        const Frame inner{frame.self, scope, frame.element};
        if (node.condition) {
            const std::optional<bool> wanted =
                truth(inner, node.condition, "the \"if\" of \"for\"");
            if (!wanted) return false;
            if (!*wanted) return true;
        }
        const Maybe key = evaluate(inner, node.key);
        if (!key) return false;
        std::optional<std::string> name = to_string(*key);
        if (!name) {
            fail(node.key->range, "a key must be a string, not " + std::string{describe(*key)});
            return false;
        }
        Maybe value = evaluate(inner, node.value);
        if (!value) return false;
        if (node.grouped) {
            groups[*name].push_back(std::move(*value));
            return true;
        }
        return add_member(frame, node, std::move(*name), std::move(*value), members);
    };
    if (!each(frame, node.key_name, node.value_name, collection, visit)) return std::nullopt;
    for (auto& [name, items] : groups) members.emplace(name, Value::list(std::move(items)));
    return made(frame.self.range, Value::object(std::move(members)));
}

bool Evaluator::add_member(const Frame&, const ForExpression& node, std::string key, Value value,
                           Object& members) {
    const auto [place, is_new] = members.emplace(std::move(key), std::move(value));
    if (!is_new) {
        fail(node.key->range, "two elements have the key \"" + place->first.substr(0, 80) + "\"",
             "add \"...\" after the value to collect them in a list");
    }
    return is_new;
}

std::optional<std::string> Evaluator::text(const Frame& frame, const ExpressionPtr& part) {
    const Maybe value = evaluate(frame, part);
    if (!value) return std::nullopt;
    std::optional<std::string> result = to_string(*value);
    if (!result) {
        fail(part->range, std::string{describe(*value)} + " cannot be part of a string",
             value->is_null() ? "" : "use jsonencode() or join() to write it out");
    }
    return result;
}

Evaluator::Maybe Evaluator::on(const Frame& frame, const Template& node) {
    std::string result;
    for (const ExpressionPtr& part : node.parts) {
        const std::optional<std::string> piece = text(frame, part);
        if (!piece || !spend(part->range, piece->size())) return std::nullopt;
        result += *piece;
    }
    return made(frame.self.range, Value::string(std::move(result)));
}

Evaluator::Maybe Evaluator::on(const Frame& frame, const TemplateIf& node) {
    const std::optional<bool> condition = truth(frame, node.condition, "the condition");
    if (!condition) return std::nullopt;
    if (*condition) return evaluate(frame, node.when_true);
    if (node.when_false) return evaluate(frame, node.when_false);
    return Value::string("");
}

Evaluator::Maybe Evaluator::on(const Frame& frame, const TemplateFor& node) {
    const Maybe collection = evaluate(frame, node.collection);
    if (!collection) return std::nullopt;
    std::string result;
    const auto visit = [&](const Scope& scope) {
        const Frame inner{frame.self, scope, frame.element};
        const std::optional<std::string> piece = text(inner, node.content);
        if (piece) result += *piece;
        return piece.has_value() && spend(node.content->range, piece->size());
    };
    if (!each(frame, node.key_name, node.value_name, *collection, visit)) return std::nullopt;
    return made(frame.self.range, Value::string(std::move(result)));
}

}  // namespace drover::hcl
