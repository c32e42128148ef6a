// A strict reader of JSON (RFC 8259) for input that nobody vouches for: bounded in depth and size,
// and it says where it stopped.
#include <charconv>

#include "engine/schema/json_text.hpp"
#include "engine/schema/json_value.hpp"

namespace drover::schema {

namespace {

class Parser {
public:
    Parser(std::string_view text, const JsonLimits& limits) : text_{text}, limits_{limits} {}

    Result<JsonValue> document() {
        JsonValue value;
        skip_space();
        if (!read(value)) return failure();
        skip_space();
        if (at_ < text_.size()) {
            refuse("unexpected text after the value");
            return failure();
        }
        return value;
    }

private:
    // Every reader returns false after refuse(); the first refusal is the one that is told.
    bool refuse(std::string what) {
        if (problem_.empty()) {
            problem_ = std::move(what);
            problem_at_ = at_;
        }
        return false;
    }

    tl::unexpected<Error> failure() const {
        std::size_t line = 1;
        std::size_t column = 1;
        for (std::size_t i = 0; i < problem_at_ && i < text_.size(); ++i) {
            ++column;
            if (text_[i] != '\n') continue;
            ++line;
            column = 1;
        }
        return fail(Errc::invalid_argument, "JSON, line " + std::to_string(line) + ", column " +
                                                std::to_string(column) + ": " + problem_);
    }

    [[nodiscard]] bool ended() const { return at_ >= text_.size(); }
    [[nodiscard]] char peek() const { return ended() ? '\0' : text_[at_]; }

    void skip_space() {
        while (!ended() && (peek() == ' ' || peek() == '\n' || peek() == '\t' || peek() == '\r')) {
            ++at_;
        }
    }

    bool take(char wanted) {
        if (peek() != wanted || ended()) return false;
        ++at_;
        return true;
    }

    bool read(JsonValue& into) {
        if (ended()) return refuse("unexpected end of input");
        switch (peek()) {
            case '{': return read_object(into);
            case '[': return read_array(into);
            case '"': return read_text_value(into);
            case 't': return read_word("true", into, JsonValue{true});
            case 'f': return read_word("false", into, JsonValue{false});
            case 'n': return read_word("null", into, JsonValue{});
            default: return read_number(into);
        }
    }

    bool read_word(std::string_view word, JsonValue& into, JsonValue value) {
        if (!text_.substr(at_).starts_with(word)) return refuse("expected a value");
        at_ += word.size();
        into = std::move(value);
        return true;
    }

    bool enter() {
        if (depth_ == limits_.depth) {
            return refuse("nested deeper than " + std::to_string(limits_.depth) + " levels");
        }
        ++depth_;
        ++at_;
        skip_space();
        return true;
    }

    bool read_array(JsonValue& into) {
        if (!enter()) return false;
        JsonValue::Array items;
        if (!take(']')) {
            do {
                skip_space();
                if (!read(items.emplace_back())) return false;
                skip_space();
            } while (take(','));
            if (!take(']')) return refuse("expected ',' or ']'");
        }
        --depth_;
        into = JsonValue{std::move(items)};
        return true;
    }

    bool read_object(JsonValue& into) {
        if (!enter()) return false;
        JsonValue::Object members;
        if (!take('}')) {
            do {
                skip_space();
                if (peek() != '"') return refuse("expected a member name in double quotes");
                JsonValue::Member& member = members.emplace_back();
                if (!read_text(member.first)) return false;
                skip_space();
                if (!take(':')) return refuse("expected ':' after the member name");
                skip_space();
                if (!read(member.second)) return false;
                skip_space();
            } while (take(','));
            if (!take('}')) return refuse("expected ',' or '}'");
        }
        --depth_;
        into = JsonValue{std::move(members)};
        return true;
    }

    bool read_text_value(JsonValue& into) {
        std::string text;
        if (!read_text(text)) return false;
        into = JsonValue{std::move(text)};
        return true;
    }

    // Protobuf refuses to read text that is not UTF-8: what is not must never get that far.
    bool read_text(std::string& into) {
        if (!read_raw_text(into)) return false;
        into = as_utf8(std::move(into));
        return true;
    }

    bool read_raw_text(std::string& into) {
        ++at_;
        while (true) {
            if (ended()) return refuse("the string does not end");
            char c = text_[at_];
            if (static_cast<unsigned char>(c) < 0x20U) {
                return refuse("a control character in a string must be escaped");
            }
            ++at_;
            if (c == '"') return true;
            if (c != '\\') into += c;
            else if (!read_escape(into)) return false;
        }
    }

    bool read_escape(std::string& into) {
        char c = peek();
        ++at_;
        switch (c) {
            case '"': case '\\': case '/': into += c; return true;
            case 'b': into += '\b'; return true;
            case 'f': into += '\f'; return true;
            case 'n': into += '\n'; return true;
            case 'r': into += '\r'; return true;
            case 't': into += '\t'; return true;
            case 'u': return read_code_point(into);
            default: --at_; return refuse("unknown escape in a string");
        }
    }

    bool read_unit(unsigned& unit) {
        std::string_view digits = text_.substr(at_, 4);
        auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
        if (error != std::errc{} || end != digits.data() + 4 || digits.size() != 4) {
            return refuse("\\u needs four hexadecimal digits");
        }
        at_ += 4;
        return true;
    }

    bool read_code_point(std::string& into) {
        unsigned unit = 0;
        if (!read_unit(unit)) return false;
        if (unit >= 0xd800U && unit < 0xdc00U && text_.substr(at_).starts_with("\\u")) {
            std::size_t before = at_;
            unsigned low = 0;
            at_ += 2;
            if (!read_unit(low)) return false;
            if (low >= 0xdc00U && low < 0xe000U) {
                append_utf8(0x10000U + ((unit - 0xd800U) << 10U) + (low - 0xdc00U), into);
                return true;
            }
            at_ = before;
        }
        // Half a pair stands for nothing.
        append_utf8(unit >= 0xd800U && unit < 0xe000U ? 0xfffdU : unit, into);
        return true;
    }

    static void append_utf8(unsigned point, std::string& into) {
        auto put = [&into](unsigned byte) { into += static_cast<char>(byte); };
        if (point < 0x80U) {
            put(point);
        } else if (point < 0x800U) {
            put(0xc0U | point >> 6U);
            put(0x80U | (point & 0x3fU));
        } else if (point < 0x10000U) {
            put(0xe0U | point >> 12U);
            put(0x80U | (point >> 6U & 0x3fU));
            put(0x80U | (point & 0x3fU));
        } else {
            put(0xf0U | point >> 18U);
            put(0x80U | (point >> 12U & 0x3fU));
            put(0x80U | (point >> 6U & 0x3fU));
            put(0x80U | (point & 0x3fU));
        }
    }

    [[nodiscard]] bool at_digit() const { return peek() >= '0' && peek() <= '9'; }

    void skip_digits() {
        while (at_digit()) ++at_;
    }

    bool read_number(JsonValue& into) {
        std::size_t start = at_;
        take('-');
        if (!at_digit()) {
            at_ = start;
            return refuse("expected a value");
        }
        if (!take('0')) skip_digits();
        bool whole = true;
        if (take('.')) {
            whole = false;
            if (!at_digit()) return refuse("expected a digit after the decimal point");
            skip_digits();
        }
        if (take('e') || take('E')) {
            whole = false;
            if (!take('+')) take('-');
            if (!at_digit()) return refuse("expected a digit in the exponent");
            skip_digits();
        }
        return convert(text_.substr(start, at_ - start), whole, into);
    }

    bool convert(std::string_view digits, bool whole, JsonValue& into) {
        const char* end = digits.data() + digits.size();
        std::int64_t small = 0;
        if (whole && std::from_chars(digits.data(), end, small).ec == std::errc{}) {
            into = JsonValue{small};
            return true;
        }
        std::uint64_t large = 0;
        if (whole && digits.front() != '-' &&
            std::from_chars(digits.data(), end, large).ec == std::errc{}) {
            into = JsonValue{large};
            return true;
        }
        double real = 0;
        if (std::from_chars(digits.data(), end, real).ec != std::errc{}) {
            return refuse("the number " + std::string{digits.substr(0, 40)} + " is out of range");
        }
        into = JsonValue{real};
        return true;
    }

    std::string_view text_;
    const JsonLimits& limits_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
    std::string problem_;
    std::size_t problem_at_ = 0;
};

}  // namespace

Result<JsonValue> parse_json(std::string_view text, const JsonLimits& limits) {
    if (text.size() > limits.bytes) {
        return fail(Errc::invalid_argument, "JSON of " + std::to_string(text.size()) +
                                                " bytes is above the limit of " +
                                                std::to_string(limits.bytes));
    }
    return Parser{text, limits}.document();
}

}  // namespace drover::schema
