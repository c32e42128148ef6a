// format() and formatlist(): the printf verbs of the language.
#include <algorithm>
#include <array>
#include <charconv>

#include "engine/jobspec/hcl/function.hpp"

namespace drover::hcl {
namespace {

constexpr std::size_t width_max = 1000;

struct Verb {
    bool minus = false;
    bool plus = false;
    bool space = false;
    bool zero = false;
    bool alternate = false;
    std::size_t width = 0;
    std::optional<std::size_t> precision;
    std::optional<std::size_t> argument;  // from %[n]d, counted from 0
    char letter = 0;
};

class Formatter {
public:
    Formatter(Arguments& arguments, std::string_view pattern, std::span<const Value> values)
        : arguments_{arguments}, pattern_{pattern}, values_{values} {}

    std::string run() {
        while (at_ < pattern_.size() && !arguments_.failed()) {
            if (pattern_[at_] != '%') {
                result_ += pattern_[at_++];
                continue;
            }
            ++at_;
            one();
            if (result_.size() > Value::weight_max) arguments_.fail("the result is too large");
        }
        if (!numbered_ && next_ < values_.size()) arguments_.fail("has more values than verbs");
        return std::move(result_);
    }

private:
    char current() const { return at_ < pattern_.size() ? pattern_[at_] : '\0'; }

    std::size_t digits() {
        std::size_t value = 0;
        for (; current() >= '0' && current() <= '9'; ++at_) {
            value = std::min(value * 10 + static_cast<std::size_t>(current() - '0'), width_max + 1);
        }
        if (value > width_max) arguments_.fail(0, "has a width or precision beyond 1000");
        return value;
    }

    Verb parse() {
        Verb verb;
        for (;; ++at_) {
            if (current() == '-')
                verb.minus = true;
            else if (current() == '+')
                verb.plus = true;
            else if (current() == ' ')
                verb.space = true;
            else if (current() == '0')
                verb.zero = true;
            else if (current() == '#')
                verb.alternate = true;
            else
                break;
        }
        verb.width = digits();
        if (current() == '.') {
            ++at_;
            verb.precision = digits();
        }
        if (current() == '[') {
            ++at_;
            const std::size_t index = digits();
            if (current() != ']' || index == 0) arguments_.fail(0, "has a malformed %[n]");
            verb.argument = index - 1;
            numbered_ = true;
            ++at_;
        }
        verb.letter = current();
        ++at_;
        return verb;
    }

    void one() {
        if (current() == '%') {
            ++at_;
            result_ += '%';
            return;
        }
        const Verb verb = parse();
        if (arguments_.failed()) return;
        const std::size_t index = verb.argument.value_or(next_);
        next_ = index + 1;
        if (index >= values_.size()) {
            arguments_.fail(0, "needs a value number " + std::to_string(index + 1));
            return;
        }
        pad(verb, text_of(verb, values_[index]));
    }

    void pad(const Verb& verb, std::string text) {
        std::size_t size = 0;
        for (const char c : text)
            size += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1U : 0U;
        const std::size_t missing = verb.width > size ? verb.width - size : 0;
        const bool numeric =
            std::string_view{"bdoxXeEfgG"}.find(verb.letter) != std::string_view::npos;
        if (verb.minus) {
            result_ += text + std::string(missing, ' ');
        } else if (verb.zero && numeric) {
            const bool sign = text.starts_with('-') || text.starts_with('+');
            result_ += text.substr(0, sign ? 1 : 0) + std::string(missing, '0') +
                       text.substr(sign ? 1 : 0);
        } else {
            result_ += std::string(missing, ' ') + text;
        }
    }

    std::string signed_text(const Verb& verb, std::string text) {
        if (text.starts_with('-')) return text;
        if (verb.plus) return "+" + text;
        return verb.space ? " " + text : text;
    }

    std::string text_of(const Verb& verb, const Value& value) {
        switch (verb.letter) {
            case 'v':
                return any_text(verb, value);
            case 't': {
                const std::optional<bool> truth = to_boolean(value);
                if (!truth) return mismatch(verb, value);
                return *truth ? "true" : "false";
            }
            case 's':
            case 'q': {
                const std::optional<std::string> text = to_string(value);
                if (!text) return mismatch(verb, value);
                const std::string cut = verb.precision ? shortened(*text, *verb.precision) : *text;
                return verb.letter == 'q' ? to_json(Value::string(cut)) : cut;
            }
            case 'b':
            case 'd':
            case 'o':
            case 'x':
            case 'X':
            case 'e':
            case 'E':
            case 'f':
            case 'g':
            case 'G': {
                const std::optional<Number> number = to_number(value);
                if (!number) return mismatch(verb, value);
                return signed_text(verb, number_text(verb, *number));
            }
            default:
                break;
        }
        arguments_.fail(0, std::string{"has an unknown verb %"} + verb.letter);
        return {};
    }

    std::string any_text(const Verb& verb, const Value& value) {
        if (verb.alternate) return to_json(value);
        if (value.is_null()) return "null";
        const std::optional<std::string> text = to_string(value);
        return text ? *text : to_json(value);
    }

    static std::string shortened(const std::string& text, std::size_t count) {
        std::size_t end = 0;
        for (std::size_t points = 0; end < text.size(); ++end) {
            const bool starts = (static_cast<unsigned char>(text[end]) & 0xC0U) != 0x80U;
            if (starts && points++ == count) break;
        }
        return text.substr(0, end);
    }

    std::string mismatch(const Verb& verb, const Value& value) {
        arguments_.fail(std::string{"%"} + verb.letter + " cannot show " +
                        std::string{describe(value)});
        return {};
    }

    std::string number_text(const Verb& verb, const Number& number) {
        std::array<char, 1600> buffer{};
        char* const end = buffer.data() + buffer.size();
        const std::string_view integers = "bdoxX";
        std::to_chars_result written{};
        if (integers.find(verb.letter) != std::string_view::npos) {
            const double real = number.as_double();
            if (!number.is_integer() && (real >= 9.2e18 || real <= -9.2e18)) {
                arguments_.fail("number is too large for this verb");
                return {};
            }
            const std::int64_t whole =
                number.is_integer() ? *number.as_int64() : static_cast<std::int64_t>(real);
            const int base = verb.letter == 'b'   ? 2
                             : verb.letter == 'o' ? 8
                             : verb.letter == 'd' ? 10
                                                  : 16;
            written = std::to_chars(buffer.data(), end, whole, base);
        } else {
            const auto precision = static_cast<int>(verb.precision.value_or(6));
            const double real = number.as_double();
            if (verb.letter == 'f') {
                written =
                    std::to_chars(buffer.data(), end, real, std::chars_format::fixed, precision);
            } else if (verb.letter == 'e' || verb.letter == 'E') {
                written = std::to_chars(buffer.data(), end, real, std::chars_format::scientific,
                                        precision);
            } else if (verb.precision) {
                written =
                    std::to_chars(buffer.data(), end, real, std::chars_format::general, precision);
            } else {
                return number.text();
            }
        }
        std::string text{buffer.data(), written.ptr};
        if (verb.letter == 'X' || verb.letter == 'E' || verb.letter == 'G') {
            std::transform(text.begin(), text.end(), text.begin(), [](char c) {
                return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
            });
        }
        return text;
    }

    Arguments& arguments_;
    std::string_view pattern_;
    std::span<const Value> values_;
    std::size_t at_ = 0;
    std::size_t next_ = 0;
    bool numbered_ = false;
    std::string result_{};
};

Value format(Arguments& arguments) {
    const std::string pattern = arguments.text(0);
    return Value::string(Formatter{arguments, pattern, arguments.from(1)}.run());
}

// formatlist(pattern, ...): every list argument gives one value per row, any other the same to all.
Value formatlist(Arguments& arguments) {
    const std::string pattern = arguments.text(0);
    std::optional<std::size_t> rows;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        if (!arguments[i].is_list()) continue;
        const std::size_t count = arguments[i].as_list().size();
        if (rows && *rows != count)
            return arguments.fail(i, "has another length than the lists before");
        rows = count;
    }
    List results;
    std::size_t weight = 0;
    for (std::size_t row = 0; row < rows.value_or(1) && !arguments.failed(); ++row) {
        std::vector<Value> values;
        for (std::size_t i = 1; i < arguments.size(); ++i) {
            values.push_back(arguments[i].is_list() ? arguments[i].as_list()[row] : arguments[i]);
        }
        results.push_back(Value::string(Formatter{arguments, pattern, values}.run()));
        weight += results.back().weight();
        if (weight > Value::weight_max) return arguments.fail("the result is too large");
    }
    return Value::list(std::move(results));
}

constexpr std::array table{
    Function{"format", 1, Function::any_count, format, true},
    Function{"formatlist", 1, Function::any_count, formatlist, true},
};

}  // namespace

std::span<const Function> format_functions() { return table; }

}  // namespace drover::hcl
