// Operators. Whole numbers stay exact for as long as they fit in 64 bits; beyond, and for
// fractions, arithmetic is that of doubles.
#include <cmath>

#include "engine/jobspec/hcl/evaluator.hpp"

namespace drover::hcl {
namespace {

std::optional<std::int64_t> exact(BinaryOperator op, std::int64_t left, std::int64_t right) {
    std::int64_t result = 0;
    switch (op) {
        case BinaryOperator::add:
            return __builtin_add_overflow(left, right, &result) ? std::nullopt
                                                                : std::optional{result};
        case BinaryOperator::subtract:
            return __builtin_sub_overflow(left, right, &result) ? std::nullopt
                                                                : std::optional{result};
        case BinaryOperator::multiply:
            return __builtin_mul_overflow(left, right, &result) ? std::nullopt
                                                                : std::optional{result};
        default:
            break;
    }
    if (right == 0 || right == -1) return std::nullopt;  // -1 overflows for the smallest number
    if (op == BinaryOperator::modulo) return left % right;
    if (op == BinaryOperator::divide && left % right == 0) return left / right;
    return std::nullopt;
}

double inexact(BinaryOperator op, double left, double right) {
    switch (op) {
        case BinaryOperator::add:
            return left + right;
        case BinaryOperator::subtract:
            return left - right;
        case BinaryOperator::multiply:
            return left * right;
        case BinaryOperator::divide:
            return left / right;
        default:
            return std::fmod(left, right);
    }
}

bool holds(BinaryOperator op, std::partial_ordering order) {
    switch (op) {
        case BinaryOperator::less:
            return order < 0;
        case BinaryOperator::less_equal:
            return order <= 0;
        case BinaryOperator::greater:
            return order > 0;
        default:
            return order >= 0;
    }
}

bool is_comparison(BinaryOperator op) {
    return op == BinaryOperator::less || op == BinaryOperator::less_equal ||
           op == BinaryOperator::greater || op == BinaryOperator::greater_equal;
}

}  // namespace

std::optional<Number> Evaluator::number(const Frame& frame, const ExpressionPtr& expression) {
    const Maybe value = evaluate(frame, expression);
    if (!value) return std::nullopt;
    const std::optional<Number> result = to_number(*value);
    if (!result) {
        fail(expression->range, "a number is needed here, not " + std::string{describe(*value)});
    }
    return result;
}

Evaluator::Maybe Evaluator::on(const Frame& frame, const Unary& node) {
    if (node.op == UnaryOperator::invert) {
        const std::optional<bool> value = truth(frame, node.operand, "the operand of \"!\"");
        if (!value) return std::nullopt;
        return Value::boolean(!*value);
    }
    const std::optional<Number> value = number(frame, node.operand);
    if (!value) return std::nullopt;
    return arithmetic(frame, BinaryOperator::subtract, Number{std::int64_t{0}}, *value);
}

// The right side is not looked at when the left one decides.
Evaluator::Maybe Evaluator::logical(const Frame& frame, const Binary& node) {
    const std::string_view what = "an operand of \"&&\" or \"||\"";
    const std::optional<bool> left = truth(frame, node.left, what);
    if (!left) return std::nullopt;
    if (*left == (node.op == BinaryOperator::logical_or)) return Value::boolean(*left);
    const std::optional<bool> right = truth(frame, node.right, what);
    if (!right) return std::nullopt;
    return Value::boolean(*right);
}

Evaluator::Maybe Evaluator::on(const Frame& frame, const Binary& node) {
    if (node.op == BinaryOperator::logical_or || node.op == BinaryOperator::logical_and) {
        return logical(frame, node);
    }
    if (node.op == BinaryOperator::equal || node.op == BinaryOperator::not_equal) {
        const Maybe left = evaluate(frame, node.left);
        if (!left) return std::nullopt;
        const Maybe right = evaluate(frame, node.right);
        if (!right || !spend(frame.self.range, std::min(left->weight(), right->weight()) / 4)) {
            return std::nullopt;
        }
        return Value::boolean((*left == *right) == (node.op == BinaryOperator::equal));
    }
    const std::optional<Number> left = number(frame, node.left);
    if (!left) return std::nullopt;
    const std::optional<Number> right = number(frame, node.right);
    if (!right) return std::nullopt;
    if (is_comparison(node.op)) return Value::boolean(holds(node.op, *left <=> *right));
    return arithmetic(frame, node.op, *left, *right);
}

Evaluator::Maybe Evaluator::arithmetic(const Frame& frame, BinaryOperator op, const Number& left,
                                       const Number& right) {
    const bool divides = op == BinaryOperator::divide || op == BinaryOperator::modulo;
    if (divides && right == Number{std::int64_t{0}})
        return fail(frame.self.range, "division by zero");
    if (left.is_integer() && right.is_integer()) {
        const auto result = exact(op, *left.as_int64(), *right.as_int64());
        if (result) return Value::number(*result);
    }
    const double result = inexact(op, left.as_double(), right.as_double());
    if (!std::isfinite(result)) return fail(frame.self.range, "the result is out of range");
    return Value::number(Number{result});
}

}  // namespace drover::hcl
