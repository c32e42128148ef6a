// References, collections and calls. Operators and loops are in files beside this one.
#include "engine/jobspec/hcl/evaluator.hpp"

#include "engine/base/ensure.hpp"
#include "engine/jobspec/hcl/function.hpp"
#include "engine/jobspec/hcl/type.hpp"

namespace drover::hcl {
namespace {

constexpr std::size_t step_cost = 16;  // of evaluating any one expression, in units of the budget

std::vector<std::string> keys_of(const Object& object) {
    constexpr std::size_t count_max = 200;  // only as many as a suggestion is worth
    std::vector<std::string> keys;
    for (const auto& [key, value] : object) {
        if (keys.size() == count_max) break;
        keys.push_back(key);
    }
    return keys;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
    const std::optional<std::string> guess = closest(word, known);
    return guess ? "did you mean \"" + *guess + "\"?" : std::string{};
}

std::vector<std::string> names_in(const Scope& innermost) {
    std::vector<std::string> names;
    for (const Scope* scope = &innermost; scope != nullptr; scope = scope->parent) {
        for (const auto& [name, value] : scope->names) names.push_back(name);
    }
    return names;
}

}  // namespace

// `vars.image` stays text like any unknown name, but hardly anyone means it so.
void Evaluator::warn_of_near_miss(const Frame& frame, const Traversal& node) {
    if (node.steps.empty()) return;
    const std::optional<std::string> guess = closest(node.root, names_in(frame.scope));
    if (!guess || evaluation_.warnings_.size() >= 20) return;
    evaluation_.warn(frame.self.range, "\"${" + node.text + "}\" stays text",
                     "did you mean \"" + *guess + "\"?");
}

Evaluator::Maybe Evaluator::fail(const Range& range, std::string summary, std::string detail) {
    evaluation_.report(range, std::move(summary), std::move(detail));
    return std::nullopt;
}

bool Evaluator::spend(const Range& range, std::size_t amount) {
    return evaluation_.spend(range, amount);
}

Evaluator::Maybe Evaluator::made(const Range& range, Value value) {
    if (value.weight() > Value::weight_max || value.depth() > Value::depth_max) {
        return fail(range, "value is too large", "at most 4 MiB and 128 levels are accepted");
    }
    if (!spend(range, value.weight())) return std::nullopt;
    return value;
}

Evaluator::Maybe Evaluator::evaluate(const Expression& expression, const Scope& scope,
                                     const Value* element) {
    if (!spend(expression.range, step_cost)) return std::nullopt;
    const Frame frame{expression, scope, element};
    return std::visit([&](const auto& node) { return on(frame, node); }, expression.node);
}

Evaluator::Maybe Evaluator::on(const Frame& frame, const Literal& node) {
    return made(frame.self.range, node.value);
}

Evaluator::Maybe Evaluator::on(const Frame& frame, const SplatElement&) {
    ENSURE(frame.element != nullptr);  // the parser places one only inside a Splat
    return *frame.element;
}

Evaluator::Maybe Evaluator::on(const Frame& frame, const Traversal& node) {
    const Value* root = frame.scope.find(node.root);
    if (root == nullptr) {
        if (evaluation_.unknown_names_ == UnknownNames::verbatim) {
            warn_of_near_miss(frame, node);
            return made(frame.self.range, Value::string("${" + node.text + "}"));
        }
        return fail(frame.self.range, "unknown name \"" + node.root + "\"",
                    suggestion(node.root, names_in(frame.scope)));
    }
    Maybe value = *root;
    for (const Traversal::Step& one : node.steps) {
        value = step(*value, one.key, one.range);
        if (!value) return std::nullopt;
    }
    return value;
}

Evaluator::Maybe Evaluator::member(const Value& from, const std::string& name, const Range& range) {
    if (const Value* found = from.get(name)) return *found;
    return fail(range, "there is no \"" + name.substr(0, 80) + "\" here",
                suggestion(name, keys_of(from.as_object())));
}

Evaluator::Maybe Evaluator::step(const Value& from, const Value& key, const Range& range) {
    if (from.is_object()) {
        const std::optional<std::string> name = to_string(key);
        if (!name) return fail(range, "a key must be a string, not " + std::string{describe(key)});
        return member(from, *name, range);
    }
    if (!from.is_list()) {
        return fail(range, std::string{describe(from)} + " has no members",
                    "only lists and objects have");
    }
    const std::optional<Number> index = to_number(key);
    if (!index || !index->is_integer()) {
        return fail(range,
                    "a list is indexed by a whole number, not " + std::string{describe(key)});
    }
    const List& items = from.as_list();
    const std::int64_t at = *index->as_int64();
    if (at < 0 || static_cast<std::uint64_t>(at) >= items.size()) {
        return fail(range, "index " + std::to_string(at) + " is outside the list",
                    "it has " + std::to_string(items.size()) + " elements, counted from 0");
    }
    return items[static_cast<std::size_t>(at)];
}

Evaluator::Maybe Evaluator::on(const Frame& frame, const IndexStep& node) {
    const Maybe from = evaluate(frame, node.from);
    if (!from) return std::nullopt;
    const Maybe key = evaluate(frame, node.key);
    if (!key) return std::nullopt;
    return step(*from, *key, node.key->range);
}

Evaluator::Maybe Evaluator::on(const Frame& frame, const Splat& node) {
    const Maybe from = evaluate(frame, node.from);
    if (!from) return std::nullopt;
    const List items = from->is_list() ? from->as_list() : from->is_null() ? List{} : List{*from};
    List results;
    for (const Value& item : items) {
        Maybe result = evaluate(*node.each, frame.scope, &item);
        if (!result) return std::nullopt;
        results.push_back(std::move(*result));
    }
    return made(frame.self.range, Value::list(std::move(results)));
}

Evaluator::Maybe Evaluator::on(const Frame& frame, const TupleConstructor& node) {
    List items;
    for (const ExpressionPtr& expression : node.items) {
        Maybe item = evaluate(frame, expression);
        if (!item) return std::nullopt;
        items.push_back(std::move(*item));
    }
    return made(frame.self.range, Value::list(std::move(items)));
}

Evaluator::Maybe Evaluator::on(const Frame& frame, const ObjectConstructor& node) {
    Object members;
    for (const ObjectConstructor::Item& item : node.items) {
        const Maybe key = evaluate(frame, item.key);
        if (!key) return std::nullopt;
        std::optional<std::string> name = to_string(*key);
        if (!name) {
            return fail(item.key->range,
                        "a key must be a string, not " + std::string{describe(*key)});
        }
        Maybe value = evaluate(frame, item.value);
        if (!value) return std::nullopt;
        members.insert_or_assign(std::move(*name), std::move(*value));
    }
    return made(frame.self.range, Value::object(std::move(members)));
}

Evaluator::Maybe Evaluator::on(const Frame& frame, const Conditional& node) {
    const std::optional<bool> condition = truth(frame, node.condition, "the condition");
    if (!condition) return std::nullopt;
    return evaluate(frame, *condition ? node.when_true : node.when_false);
}

std::optional<bool> Evaluator::truth(const Frame& frame, const ExpressionPtr& expression,
                                     std::string_view what) {
    const Maybe value = evaluate(frame, expression);
    if (!value) return std::nullopt;
    const std::optional<bool> result = to_boolean(*value);
    if (!result) {
        fail(expression->range,
             std::string{what} + " must be true or false, not " + std::string{describe(*value)});
    }
    return result;
}

// Functions that turn failure into a value: their arguments may fail.
Evaluator::Maybe Evaluator::fallible(const Frame& frame, const Call& node) {
    const std::size_t before = evaluation_.diagnostics_.size();
    for (const ExpressionPtr& argument : node.arguments) {
        Maybe value = evaluate(frame, argument);
        if (value) return node.name == "can" ? Value::boolean(true) : *value;
        // What the host has yet to deliver is no failure yet, and a spent budget stays spent.
        if (evaluation_.budget_ == 0 || evaluation_.diagnostics_.back().need) return std::nullopt;
        if (node.name == "can" || &argument != &node.arguments.back()) {
            evaluation_.diagnostics_.resize(before);
        }
    }
    if (node.name == "can") return Value::boolean(false);
    return std::nullopt;
}

std::optional<std::vector<Value>> Evaluator::arguments(const Frame& frame, const Call& node) {
    std::vector<Value> values;
    std::size_t weight = 0;
    for (const ExpressionPtr& argument : node.arguments) {
        Maybe value = evaluate(frame, argument);
        if (!value) return std::nullopt;
        weight += value->weight() / 4;
        const bool expand = node.expand_last && &argument == &node.arguments.back();
        if (!expand) {
            values.push_back(std::move(*value));
        } else if (value->is_list()) {
            values.insert(values.end(), value->as_list().begin(), value->as_list().end());
        } else {
            fail(argument->range, "only a list can be expanded with \"...\"");
            return std::nullopt;
        }
    }
    if (!spend(frame.self.range, weight)) return std::nullopt;
    return values;
}

// convert(value, type): its second argument is a type, not a value.
Evaluator::Maybe Evaluator::conversion(const Frame& frame, const Call& node) {
    const Maybe value = evaluate(frame, node.arguments[0]);
    if (!value) return std::nullopt;
    const auto type = type_from(*node.arguments[1]);
    if (!type) return fail(node.arguments[1]->range, "convert: " + type.error());
    auto converted = convert(*value, *type);
    if (!converted) return fail(node.arguments[0]->range, "convert: " + converted.error());
    return made(frame.self.range, std::move(*converted));
}

Evaluator::Maybe Evaluator::on(const Frame& frame, const Call& node) {
    if ((node.name == "try" || node.name == "can") && !node.arguments.empty()) {
        return fallible(frame, node);
    }
    if (node.name == "convert" && node.arguments.size() == 2) return conversion(frame, node);
    const Function* function = find_function(node.name);
    if (function == nullptr) {
        return fail(node.name_range, "unknown function \"" + node.name + "\"",
                    suggestion(node.name, function_names()));
    }
    const std::optional<std::vector<Value>> values = arguments(frame, node);
    if (!values) return std::nullopt;
    if (values->size() < function->count_min || values->size() > function->count_max) {
        return fail(frame.self.range, "wrong number of arguments for " + node.name,
                    std::to_string(values->size()) + " given, " +
                        (values->size() < function->count_min
                             ? "at least " + std::to_string(function->count_min)
                             : "at most " + std::to_string(function->count_max)) +
                        " expected");
    }
    Arguments call{*values, *evaluation_.inputs_, evaluation_.prng_};
    for (std::size_t i = 0; i < values->size() && !function->takes_null; ++i) {
        if ((*values)[i].is_null()) call.fail(i, "must not be null");
    }
    Value result = call.failed() ? Value{} : function->body(call);
    if (!call.failed()) return made(frame.self.range, std::move(result));
    return refused(frame, node, call.failure());
}

Evaluator::Maybe Evaluator::refused(const Frame& frame, const Call& node,
                                    const Arguments::Failure& failure) {
    const bool at_argument = failure.argument && *failure.argument < node.arguments.size();
    const std::string place =
        at_argument ? ": argument " + std::to_string(*failure.argument + 1) + " " : ": ";
    evaluation_.report(at_argument ? node.arguments[*failure.argument]->range : frame.self.range,
                       node.name + place + failure.message, {}, failure.need);
    return std::nullopt;
}

}  // namespace drover::hcl
