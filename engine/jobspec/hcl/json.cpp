// JSON <-> Value: RFC 8259, strictly. Depth is bounded, so the recursion is too.
#include <array>

#include "engine/jobspec/hcl/hcl.hpp"
#include "engine/jobspec/hcl/lexer.hpp"

namespace drover::hcl {
namespace {

class JsonParser {
public:
    explicit JsonParser(const SourceText& source) : source_{source}, at_{source.text} {}

    Outcome<Value> run() {
        constexpr std::size_t size_max = std::size_t{16} << 20;
        if (source_.text.size() > size_max) {
            fail(Range{}, "text is too large", "at most 16 MiB are accepted");
        } else if (const std::size_t bad = find_invalid_utf8(source_.text);
                   bad != std::string::npos) {
            at_.advance(bad);
            fail_here("the text is not valid UTF-8 here");
        } else {
            Value value = parse(0);
            skip_blanks();
            if (!error_ && !at_.at_end()) fail_here("text after the end of the JSON value");
            if (!error_) return value;
        }
        return tl::unexpected{Diagnostics{*error_}};
    }

private:
    void fail(const Range& range, std::string summary, std::string detail = {}) {
        if (!error_) error_ = diagnose(source_, range, std::move(summary), std::move(detail));
    }
    void fail_here(std::string summary, std::string detail = {}) {
        fail(Range{at_.position(), at_.position()}, std::move(summary), std::move(detail));
    }
    void fail_expected(std::string_view wanted) {
        fail_here("expected " + std::string{wanted} + ", found " +
                  (at_.at_end() ? std::string{"end of text"} : "\"" + std::string{found()} + "\""));
    }
    std::string_view found() const {
        const std::string_view rest = at_.rest();
        std::size_t size = 1;
        while (size < rest.size() && (static_cast<unsigned char>(rest[size]) & 0xC0U) == 0x80U)
            ++size;
        return rest.substr(0, size);
    }

    void skip_blanks() {
        while (!at_.at_end() &&
               std::string_view{" \t\r\n"}.find(at_.current()) != std::string_view::npos) {
            at_.advance();
        }
    }

    bool accept(std::string_view text) {
        skip_blanks();
        if (!at_.starts_with(text)) return false;
        at_.advance(text.size());
        return true;
    }

    Value parse(std::size_t depth) {
        skip_blanks();
        if (error_ || at_.at_end()) {
            fail_expected("a value");
            return Value{};
        }
        if (depth >= Value::depth_max) {
            fail_here("values are nested too deeply");
            return Value{};
        }
        if (at_.current() == '{') return object(depth);
        if (at_.current() == '[') return list(depth);
        if (at_.current() == '"') return Value::string(string());
        if (accept("null")) return Value{};
        if (accept("true")) return Value::boolean(true);
        if (accept("false")) return Value::boolean(false);
        return number();
    }

    Value object(std::size_t depth) {
        Object members;
        at_.advance();
        if (accept("}")) return Value::object({});
        while (!error_) {
            skip_blanks();
            if (at_.at_end() || at_.current() != '"') {
                fail_expected("a member name in double quotes");
                break;
            }
            std::string name = string();
            if (!accept(":")) fail_expected("\":\"");
            members.insert_or_assign(std::move(name), parse(depth + 1));
            if (accept(",")) continue;
            if (!accept("}")) fail_expected("\",\" or \"}\"");
            break;
        }
        return Value::object(std::move(members));
    }

    Value list(std::size_t depth) {
        List items;
        at_.advance();
        if (accept("]")) return Value::list({});
        while (!error_) {
            items.push_back(parse(depth + 1));
            if (accept(",")) continue;
            if (!accept("]")) fail_expected("\",\" or \"]\"");
            break;
        }
        return Value::list(std::move(items));
    }

    std::string string() {
        std::string text;
        at_.advance();
        while (!error_) {
            if (at_.at_end() || static_cast<unsigned char>(at_.current()) < 0x20) {
                fail_here("string is never closed");
            } else if (at_.current() == '"') {
                at_.advance();
                break;
            } else if (at_.current() == '\\') {
                escape(text);
            } else {
                text += at_.current();
                at_.advance();
            }
        }
        return text;
    }

    void escape(std::string& text) {
        at_.advance();
        const char c = at_.at_end() ? '\0' : at_.current();
        constexpr std::string_view letters = "\"\\/bfnrt";
        constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
        const std::size_t known = letters.find(c);
        if (c != '\0' && known != std::string_view::npos) {
            text += meanings[known];
            at_.advance();
        } else if (c == 'u') {
            at_.advance();
            append_utf8(text, code_point());
        } else {
            fail_here("unknown escape sequence");
        }
    }

    // A lone half of a surrogate pair becomes the replacement character, as in Go.
    std::uint32_t code_point() {
        constexpr std::uint32_t replacement = 0xFFFD;
        const std::uint32_t first = hex4();
        if (first < 0xD800 || first > 0xDFFF) return first;
        if (first > 0xDBFF || !at_.starts_with("\\u")) return replacement;
        const Position before = at_.position();
        at_.advance(2);
        const std::uint32_t second = hex4();
        if (second >= 0xDC00 && second <= 0xDFFF) {
            return 0x10000U + ((first - 0xD800U) << 10U) + (second - 0xDC00U);
        }
        at_.seek(before);
        return replacement;
    }

    std::uint32_t hex4() {
        std::uint32_t value = 0;
        for (int i = 0; i < 4; ++i, at_.advance()) {
            constexpr std::string_view digits = "0123456789abcdef0123456789ABCDEF";
            const std::size_t digit =
                at_.at_end() ? std::string_view::npos : digits.find(at_.current());
            if (digit == std::string_view::npos) {
                fail_here("\\u needs four hexadecimal digits");
                return 0;
            }
            value = value * 16 + static_cast<std::uint32_t>(digit % 16);
        }
        return value;
    }

    Value number() {
        const std::string_view rest = at_.rest();
        const std::size_t size = std::min(rest.find_first_not_of("0123456789.eE+-"), rest.size());
        const std::string_view text = rest.substr(0, size);
        const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
        const bool leading_zero =
            digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9';
        const std::optional<Number> value = Number::parse(text);
        if (size == 0) {
            fail_expected("a value");
        } else if (!value || leading_zero || text.back() == '.') {
            fail_here("malformed or too large number");
        }
        at_.advance(size);
        return value ? Value::number(*value) : Value{};
    }

    const SourceText& source_;
    Lexer at_;  // used for its position only
    std::optional<Diagnostic> error_{};
};

void append_string(std::string& out, std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            // As Go does, so that the result can stand inside HTML.
            case '<':
                out += "\\u003c";
                break;
            case '>':
                out += "\\u003e";
                break;
            case '&':
                out += "\\u0026";
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    out += "\\u00";
                    out += hex[static_cast<unsigned char>(c) >> 4U];
                    out += hex[static_cast<unsigned char>(c) & 15U];
                } else {
                    out += c;
                }
        }
    }
    out += '"';
}

void append_json(std::string& out, const Value& value) {
    switch (value.kind()) {
        case Value::Kind::null:
            out += "null";
            return;
        case Value::Kind::boolean:
            out += value.as_boolean() ? "true" : "false";
            return;
        case Value::Kind::number:
            out += value.as_number().text();
            return;
        case Value::Kind::string:
            append_string(out, value.as_string());
            return;
        case Value::Kind::list: {
            out += '[';
            std::string_view separator;
            for (const Value& item : value.as_list()) {
                out += std::exchange(separator, ",");
                append_json(out, item);
            }
            out += ']';
            return;
        }
        case Value::Kind::object: {
            out += '{';
            std::string_view separator;
            for (const auto& [name, member] : value.as_object()) {
                out += std::exchange(separator, ",");
                append_string(out, name);
                out += ':';
                append_json(out, member);
            }
            out += '}';
            return;
        }
    }
}

}  // namespace

Outcome<Value> parse_json(std::string_view text, std::string filename) {
    const SourceText source{std::move(filename), std::string{text}};
    return JsonParser{source}.run();
}

std::string to_json(const Value& value) {
    std::string out;
    append_json(out, value);
    return out;
}

}  // namespace drover::hcl
