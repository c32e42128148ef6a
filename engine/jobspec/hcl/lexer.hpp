// Text -> tokens, one at a time and on demand: strings hold templates, templates hold expressions,
// so only the parser knows what kind of text comes next. Must keep positions exact and never look
// back.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/jobspec/hcl/diagnostic.hpp"

namespace drover::hcl {

enum class TokenKind : std::uint8_t {
    end,
    newline,
    identifier,
    number,
    quote,
    heredoc,
    open_brace,
    close_brace,
    open_bracket,
    close_bracket,
    open_paren,
    close_paren,
    comma,
    dot,
    ellipsis,
    colon,
    question,
    assign,
    equal,
    not_equal,
    less,
    less_equal,
    greater,
    greater_equal,
    logical_and,
    logical_or,
    bang,
    plus,
    minus,
    star,
    slash,
    percent,
    arrow,
    tilde,
    unclosed_comment,
    invalid
};

struct Token {
    TokenKind kind = TokenKind::end;
    Range range{};
    std::string_view text{};
};

class Lexer {
public:
    explicit Lexer(std::string_view text);

    // The next token; comments and blanks before it are passed over. A quote or heredoc token is
    // its opening alone: what follows is read character by character.
    Token next();

    [[nodiscard]] Position position() const { return at_; }
    void seek(const Position& position) { at_ = position; }
    // Everything from this byte on is treated as the end of the text. Returns the previous end.
    std::size_t set_end(std::size_t byte);

    [[nodiscard]] bool at_end() const { return at_.byte >= end_; }
    [[nodiscard]] bool starts_with(std::string_view prefix) const {
        return text_.substr(at_.byte, end_ - at_.byte).starts_with(prefix);
    }
    [[nodiscard]] char current() const { return text_[at_.byte]; }
    [[nodiscard]] std::string_view rest() const { return text_.substr(at_.byte, end_ - at_.byte); }
    [[nodiscard]] std::string_view between(std::size_t from, std::size_t to) const {
        return text_.substr(from, to - from);
    }
    void advance(std::size_t bytes = 1);

private:
    bool skip_blanks();  // false at a comment that never ends
    Token take(TokenKind kind, std::size_t bytes);
    Token take_identifier();
    Token take_number();
    Token take_symbol();

    std::string_view text_;
    std::size_t end_;
    Position at_{};
};

// The byte offset of the first ill-formed UTF-8 sequence; npos if there is none.
[[nodiscard]] std::size_t find_invalid_utf8(std::string_view text);
void append_utf8(std::string& text, std::uint32_t code_point);

}  // namespace drover::hcl
