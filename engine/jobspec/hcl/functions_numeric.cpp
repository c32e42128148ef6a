// Functions over numbers.
#include <array>
#include <cmath>

#include "engine/jobspec/hcl/function.hpp"

namespace drover::hcl {
namespace {

Value result_of(Arguments& arguments, double value) {
    if (!std::isfinite(value)) return arguments.fail("the result is out of range");
    return Value::number(Number{value});
}

Value absolute(Arguments& arguments) {
    const Number value = arguments.number(0);
    if (value.is_integer() && *value.as_int64() != std::numeric_limits<std::int64_t>::min()) {
        return Value::number(std::abs(*value.as_int64()));
    }
    return result_of(arguments, std::fabs(value.as_double()));
}

Value ceil_of(Arguments& arguments) {
    const Number value = arguments.number(0);
    return value.is_integer() ? Value::number(value)
                              : result_of(arguments, std::ceil(value.as_double()));
}

Value floor_of(Arguments& arguments) {
    const Number value = arguments.number(0);
    return value.is_integer() ? Value::number(value)
                              : result_of(arguments, std::floor(value.as_double()));
}

Value log_of(Arguments& arguments) {
    const double value = arguments.number(0).as_double();
    const double base = arguments.number(1).as_double();
    return result_of(arguments, std::log(value) / std::log(base));
}

Value power(Arguments& arguments) {
    const Number base = arguments.number(0);
    const Number exponent = arguments.number(1);
    if (base.is_integer() && exponent.is_integer() && *exponent.as_int64() >= 0 &&
        *exponent.as_int64() < 64) {
        std::int64_t product = 1;
        bool exact = true;
        for (std::int64_t i = 0; i < *exponent.as_int64(); ++i) {
            exact = exact && !__builtin_mul_overflow(product, *base.as_int64(), &product);
        }
        if (exact) return Value::number(product);
    }
    return result_of(arguments, std::pow(base.as_double(), exponent.as_double()));
}

template <bool Largest>
Value extreme(Arguments& arguments) {
    Number best = arguments.number(0);
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const Number one = arguments.number(i);
        if (Largest ? best < one : one < best) best = one;
    }
    return Value::number(best);
}

Value signum(Arguments& arguments) {
    const double value = arguments.number(0).as_double();
    return Value::number(value > 0 ? std::int64_t{1} : value < 0 ? std::int64_t{-1} : 0);
}

Value parseint(Arguments& arguments) {
    const std::string text = arguments.text(0);
    const std::int64_t base = arguments.integer(1);
    if (base < 2 || base > 62) return arguments.fail(1, "must be between 2 and 62");
    const bool negative = text.starts_with('-');
    std::int64_t value = 0;
    for (const char c : std::string_view{text}.substr(negative ? 1 : 0)) {
        int digit = 99;
        if (c >= '0' && c <= '9') digit = c - '0';
        if (c >= 'a' && c <= 'z') digit = c - 'a' + 10;
        if (c >= 'A' && c <= 'Z') digit = c - 'A' + (base <= 36 ? 10 : 36);
        if (digit >= base) return arguments.fail(0, "is no number of base " + std::to_string(base));
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            return arguments.fail(0, "does not fit in 64 bits");
        }
    }
    if (text.size() == (negative ? 1U : 0U)) return arguments.fail(0, "is empty");
    return Value::number(negative ? -value : value);
}

constexpr std::array table{
    Function{"abs", 1, 1, absolute},
    Function{"ceil", 1, 1, ceil_of},
    Function{"floor", 1, 1, floor_of},
    Function{"log", 2, 2, log_of},
    Function{"max", 1, Function::any_count, extreme<true>},
    Function{"min", 1, Function::any_count, extreme<false>},
    Function{"parseint", 2, 2, parseint},
    Function{"pow", 2, 2, power},
    Function{"signum", 1, 1, signum},
};

}  // namespace

std::span<const Function> numeric_functions() { return table; }

}  // namespace drover::hcl
