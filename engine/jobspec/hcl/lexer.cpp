// Recognising tokens: each by its first characters alone, the longest match winning.
#include "engine/jobspec/hcl/lexer.hpp"

#include <algorithm>
#include <array>

namespace drover::hcl {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}
bool is_identifier_part(char c) { return is_letter(c) || is_digit(c) || c == '-'; }

struct Symbol {
    std::string_view text;
    TokenKind kind;
};
// Longest first: the first that matches is taken.
constexpr std::array symbols{
    Symbol{"...", TokenKind::ellipsis},     Symbol{"==", TokenKind::equal},
    Symbol{"!=", TokenKind::not_equal},     Symbol{"<=", TokenKind::less_equal},
    Symbol{">=", TokenKind::greater_equal}, Symbol{"=>", TokenKind::arrow},
    Symbol{"&&", TokenKind::logical_and},   Symbol{"||", TokenKind::logical_or},
    Symbol{"{", TokenKind::open_brace},     Symbol{"}", TokenKind::close_brace},
    Symbol{"[", TokenKind::open_bracket},   Symbol{"]", TokenKind::close_bracket},
    Symbol{"(", TokenKind::open_paren},     Symbol{")", TokenKind::close_paren},
    Symbol{",", TokenKind::comma},          Symbol{".", TokenKind::dot},
    Symbol{":", TokenKind::colon},          Symbol{"?", TokenKind::question},
    Symbol{"=", TokenKind::assign},         Symbol{"<", TokenKind::less},
    Symbol{">", TokenKind::greater},        Symbol{"!", TokenKind::bang},
    Symbol{"+", TokenKind::plus},           Symbol{"-", TokenKind::minus},
    Symbol{"*", TokenKind::star},           Symbol{"/", TokenKind::slash},
    Symbol{"%", TokenKind::percent},        Symbol{"~", TokenKind::tilde},
    Symbol{"\"", TokenKind::quote},
};

// How many bytes the well-formed sequence at `text` has; 0 if it is ill-formed (Unicode table 3-7).
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const bool overlong = first == 0xE0 && byte(1) < 0xA0;
        const bool surrogate = first == 0xED && byte(1) > 0x9F;
        return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const bool overlong = first == 0xF0 && byte(1) < 0x90;
        const bool too_large = first == 0xF4 && byte(1) > 0x8F;
        return continues(1) && continues(2) && continues(3) && !overlong && !too_large ? 4 : 0;
    }
    return 0;
}

}  // namespace

Lexer::Lexer(std::string_view text) : text_{text}, end_{text.size()} {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (text_.starts_with(byte_order_mark)) at_.byte = byte_order_mark.size();
}

std::size_t Lexer::set_end(std::size_t byte) {
    return std::exchange(end_, std::min(byte, text_.size()));
}

void Lexer::advance(std::size_t bytes) {
    for (; bytes > 0 && at_.byte < end_; --bytes, ++at_.byte) {
        const char c = text_[at_.byte];
        if (c == '\n') {
            ++at_.line;
            at_.column = 1;
        } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) {
            ++at_.column;
        }
    }
}

bool Lexer::skip_blanks() {
    while (!at_end()) {
        if (current() == ' ' || current() == '\t' || starts_with("\r\n")) {
            advance();
        } else if (current() == '#' || starts_with("//")) {
            advance(std::min(rest().find('\n'), rest().size()));
        } else if (starts_with("/*")) {
            const std::size_t close = rest().find("*/", 2);
            if (close == std::string_view::npos) return false;
            advance(close + 2);
        } else {
            break;
        }
    }
    return true;
}

Token Lexer::take(TokenKind kind, std::size_t bytes) {
    const Position start = at_;
    advance(bytes);
    return Token{kind, Range{start, at_}, text_.substr(start.byte, at_.byte - start.byte)};
}

Token Lexer::take_identifier() {
    std::size_t size = 1;
    while (size < rest().size() && is_identifier_part(rest()[size])) ++size;
    return take(TokenKind::identifier, size);
}

Token Lexer::take_number() {
    const std::string_view text = rest();
    std::size_t size = 0;
    const auto digits = [&] {
        while (size < text.size() && is_digit(text[size])) ++size;
    };
    digits();
    if (size + 1 < text.size() && text[size] == '.' && is_digit(text[size + 1])) {
        ++size;
        digits();
    }
    if (size < text.size() && (text[size] == 'e' || text[size] == 'E')) {
        std::size_t exponent = size + 1;
        if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
        if (exponent < text.size() && is_digit(text[exponent])) {
            size = exponent;
            digits();
        }
    }
    return take(TokenKind::number, size);
}

Token Lexer::take_symbol() {
    const std::string_view text = rest();
    if (text.starts_with("<<")) {
        std::size_t size = text.starts_with("<<-") ? 3 : 2;
        if (size < text.size() && is_letter(text[size])) {
            while (size < text.size() && is_identifier_part(text[size])) ++size;
            return take(TokenKind::heredoc, size);
        }
        return take(TokenKind::invalid, 2);
    }
    for (const Symbol& symbol : symbols) {
        if (text.starts_with(symbol.text)) return take(symbol.kind, symbol.text.size());
    }
    return take(TokenKind::invalid, 1);
}

Token Lexer::next() {
    if (!skip_blanks()) return take(TokenKind::unclosed_comment, 2);
    if (at_end()) return Token{TokenKind::end, Range{at_, at_}, {}};
    if (current() == '\n') return take(TokenKind::newline, 1);
    if (is_letter(current())) return take_identifier();
    if (is_digit(current())) return take_number();
    return take_symbol();
}

std::size_t find_invalid_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = sequence_length(text.substr(at, 4));
        if (size == 0) return at;
        at += size;
    }
    return std::string_view::npos;
}

void append_utf8(std::string& text, std::uint32_t code_point) {
    const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
    if (code_point < 0x80) {
        put(code_point);
    } else if (code_point < 0x800) {
        put(0xC0U | (code_point >> 6U));
        put(0x80U | (code_point & 0x3FU));
    } else if (code_point < 0x10000) {
        put(0xE0U | (code_point >> 12U));
        put(0x80U | ((code_point >> 6U) & 0x3FU));
        put(0x80U | (code_point & 0x3FU));
    } else {
        put(0xF0U | (code_point >> 18U));
        put(0x80U | ((code_point >> 12U) & 0x3FU));
        put(0x80U | ((code_point >> 6U) & 0x3FU));
        put(0x80U | (code_point & 0x3FU));
    }
}

}  // namespace drover::hcl
