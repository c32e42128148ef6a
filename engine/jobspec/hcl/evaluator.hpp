// Walks an expression. Recursion is bounded by the depth that the parser allowed; work and memory
// are bounded by the evaluation's budget.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/jobspec/hcl/function.hpp"
#include "engine/jobspec/hcl/hcl.hpp"

namespace drover::hcl {

class Evaluator {
public:
    using Maybe = std::optional<Value>;

    // Where an expression is evaluated: the names it sees, and what `[*]` stands for.
    struct Frame {
        const Expression& self;
        const Scope& scope;
        const Value* element = nullptr;
    };

    explicit Evaluator(Evaluation& evaluation) : evaluation_{evaluation} {}

    Maybe evaluate(const Expression& expression, const Scope& scope, const Value* element);

private:
    Maybe on(const Frame& frame, const Literal& node);
    Maybe on(const Frame& frame, const Traversal& node);
    Maybe on(const Frame& frame, const IndexStep& node);
    Maybe on(const Frame& frame, const Splat& node);
    Maybe on(const Frame& frame, const SplatElement& node);
    Maybe on(const Frame& frame, const TupleConstructor& node);
    Maybe on(const Frame& frame, const ObjectConstructor& node);
    Maybe on(const Frame& frame, const ForExpression& node);
    Maybe on(const Frame& frame, const Call& node);
    Maybe on(const Frame& frame, const Unary& node);
    Maybe on(const Frame& frame, const Binary& node);
    Maybe on(const Frame& frame, const Conditional& node);
    Maybe on(const Frame& frame, const Template& node);
    Maybe on(const Frame& frame, const TemplateIf& node);
    Maybe on(const Frame& frame, const TemplateFor& node);

    Maybe evaluate(const Frame& frame, const ExpressionPtr& expression) {
        return evaluate(*expression, frame.scope, frame.element);
    }
    void warn_of_near_miss(const Frame& frame, const Traversal& node);
    Maybe step(const Value& from, const Value& key, const Range& range);
    Maybe member(const Value& from, const std::string& name, const Range& range);
    std::optional<bool> truth(const Frame& frame, const ExpressionPtr& expression,
                              std::string_view what);
    std::optional<Number> number(const Frame& frame, const ExpressionPtr& expression);
    Maybe logical(const Frame& frame, const Binary& node);
    Maybe arithmetic(const Frame& frame, BinaryOperator op, const Number& left,
                     const Number& right);
    std::optional<std::string> text(const Frame& frame, const ExpressionPtr& part);
    Maybe conversion(const Frame& frame, const Call& node);
    Maybe refused(const Frame& frame, const Call& node, const Arguments::Failure& failure);
    Maybe fallible(const Frame& frame, const Call& node);
    std::optional<std::vector<Value>> arguments(const Frame& frame, const Call& node);
    Maybe for_tuple(const Frame& frame, const ForExpression& node, const Value& collection);
    Maybe for_object(const Frame& frame, const ForExpression& node, const Value& collection);
    bool add_member(const Frame& frame, const ForExpression& node, std::string key, Value value,
                    Object& members);

    // Calls visit(scope) per element of a list or object; false as soon as one visit is.
    template <class Visit>
    bool each(const Frame& frame, std::string_view key_name, std::string_view value_name,
              const Value& collection, Visit visit);

    // Accounts for a new value; none, with a diagnostic, if it is too large or the budget is spent.
    Maybe made(const Range& range, Value value);
    bool spend(const Range& range, std::size_t amount);
    Maybe fail(const Range& range, std::string summary, std::string detail = {});

    Evaluation& evaluation_;
};

}  // namespace drover::hcl
