// The parser's tokens and bodies. Expressions are in parse_expression.cpp, strings in
// parse_template.cpp.
#include "engine/jobspec/hcl/parser.hpp"

#include <algorithm>

namespace drover::hcl {
namespace {

constexpr std::size_t label_count_max = 8;

}  // namespace

Parser::Parser(std::shared_ptr<const SourceText> source, Dialect dialect, const ParseLimits& limits)
    : source_{std::move(source)}, dialect_{dialect}, limits_{limits}, lexer_{source_->text} {}

Parser::NewlineRule::NewlineRule(Parser& parser, bool skip)
    : parser_{parser}, before_{parser.skip_newlines_} {
    parser_.forget_peeked();
    parser_.skip_newlines_ = skip;
}

Parser::NewlineRule::~NewlineRule() {
    parser_.forget_peeked();
    parser_.skip_newlines_ = before_;
}

Parser::Depth::Depth(Parser& parser, std::uint32_t& depth, std::uint32_t limit,
                     std::string_view what)
    : depth_{depth} {
    if (++depth_ <= limit) return;
    parser.fail(parser.peek().range, std::string{what} + " nested too deeply",
                "at most " + std::to_string(limit) + " levels are accepted");
}

const Token& Parser::peek() {
    if (peeked_) return *peeked_;
    before_peeked_ = lexer_.position();
    if (error_) {
        peeked_ = Token{TokenKind::end, Range{before_peeked_, before_peeked_}, {}};
        return *peeked_;
    }
    Token token = lexer_.next();
    while (skip_newlines_ && token.kind == TokenKind::newline) token = lexer_.next();
    if (token.kind == TokenKind::unclosed_comment) {
        fail(token.range, "comment is never closed", "end it with */");
        return peek();
    }
    peeked_ = token;
    return *peeked_;
}

Token Parser::take() {
    const Token token = peek();
    peeked_.reset();
    last_end_ = token.range.end;
    return token;
}

void Parser::forget_peeked() {
    if (!peeked_) return;
    lexer_.seek(before_peeked_);
    peeked_.reset();
}

bool Parser::at_keyword(std::string_view word) {
    return at(TokenKind::identifier) && peek().text == word;
}

bool Parser::accept(TokenKind kind) {
    if (!at(kind)) return false;
    take();
    return true;
}

bool Parser::expect(TokenKind kind, std::string_view what) {
    if (accept(kind)) return true;
    fail_unexpected(what);
    return false;
}

void Parser::fail(const Range& range, std::string summary, std::string detail) {
    if (!error_) error_ = diagnose(*source_, range, std::move(summary), std::move(detail));
    peeked_.reset();
}

void Parser::fail_unexpected(std::string_view wanted) {
    if (error_) return;
    const Token token = peek();
    std::string found = "\"" + std::string{token.text.substr(0, 40)} + "\"";
    if (token.kind == TokenKind::end) found = "end of text";
    if (token.kind == TokenKind::newline) found = "end of line";
    std::string detail;
    if (token.text == "'") detail = "strings are written in double quotes";
    if (token.text == ";") detail = "put each attribute on a line of its own";
    fail(token.range, "expected " + std::string{wanted} + ", found " + found, detail);
}

bool Parser::check_source() {
    const std::string& text = source_->text;
    if (text.size() > limits_.source_size_max) {
        fail(Range{}, "text of " + std::to_string(text.size()) + " bytes is too large",
             "at most " + std::to_string(limits_.source_size_max) + " bytes are accepted");
        return false;
    }
    const std::size_t invalid = find_invalid_utf8(text);
    if (invalid == std::string_view::npos) return true;
    Lexer walker{text};
    walker.advance(invalid - std::min<std::size_t>(walker.position().byte, invalid));
    fail(Range{walker.position(), walker.position()}, "the text is not valid UTF-8 here",
         "save the file as UTF-8");
    return false;
}

Outcome<File> Parser::file() {
    File file{source_, {}};
    if (check_source()) file.body = body(true);
    if (error_) return tl::unexpected{Diagnostics{*error_}};
    return file;
}

Outcome<ExpressionFile> Parser::single_expression() {
    ExpressionFile file{source_, nullptr};
    if (check_source()) {
        const NewlineRule rule{*this, true};
        file.expression = expression();
        if (!at(TokenKind::end)) fail_unexpected("the end of the expression");
    }
    if (error_) return tl::unexpected{Diagnostics{*error_}};
    return file;
}

Body Parser::body(bool top) {
    Body result;
    SeenNames seen;
    const NewlineRule rule{*this, false};
    const Depth depth{*this, block_depth_, limits_.block_depth_max, "blocks"};
    while (true) {
        while (accept(TokenKind::newline)) {
        }
        if (at(TokenKind::end)) {
            if (!top) fail_unexpected("\"}\" to close the block");
            break;
        }
        if (!top && at(TokenKind::close_brace)) break;
        body_item(result, seen);
    }
    result.end = peek().range;
    return result;
}

void Parser::body_item(Body& into, SeenNames& seen) {
    if (dialect_ == Dialect::hcl2 && !at(TokenKind::identifier)) {
        return fail_unexpected("an attribute or block name");
    }
    std::optional<Label> name = name_or_string();
    if (!name) return fail_unexpected("an attribute or block name");
    if (at(TokenKind::assign) || (dialect_ == Dialect::config && at(TokenKind::colon))) {
        return attribute(into, std::move(name->text), name->range, seen);
    }
    const bool header =
        at(TokenKind::open_brace) || at(TokenKind::quote) || at(TokenKind::identifier);
    if (!header) return fail_unexpected("\"=\" or \"{\" after \"" + name->text + "\"");
    block(into, std::move(name->text), name->range);
}

void Parser::attribute(Body& into, std::string name, const Range& name_range, SeenNames& seen) {
    const auto [first, is_new] = seen.emplace(name, name_range.start.line);
    if (!is_new) {
        return fail(name_range, "attribute \"" + name + "\" is set twice",
                    "it was first set on line " + std::to_string(first->second));
    }
    take();
    ExpressionPtr value = expression();
    into.attributes.push_back(Attribute{std::move(name), name_range, std::move(value)});
    end_of_item();
}

void Parser::block(Body& into, std::string type, const Range& type_range) {
    Block result{std::move(type), type_range, {}, {}};
    while (!at(TokenKind::open_brace)) {
        std::optional<Label> label = name_or_string();
        if (!label) return fail_unexpected("a label or \"{\" after \"" + result.type + "\"");
        if (result.labels.size() == label_count_max) {
            return fail(label->range, "block has too many labels");
        }
        result.labels.push_back(std::move(*label));
    }
    take();
    result.body = body(false);
    expect(TokenKind::close_brace, "\"}\"");
    into.blocks.push_back(std::move(result));
    end_of_item();
}

// A one-line block may hold an attribute: `port "http" { to = 80 }`.
void Parser::end_of_item() {
    if (accept(TokenKind::newline) || at(TokenKind::end) || at(TokenKind::close_brace)) return;
    // Configuration files are older than that rule: `ports { http = 1 rpc = 2 }`.
    if (dialect_ == Dialect::config &&
        (accept(TokenKind::comma) || at(TokenKind::identifier) || at(TokenKind::quote))) {
        return;
    }
    fail_unexpected("a new line");
}

std::optional<Label> Parser::name_or_string() {
    if (at(TokenKind::identifier)) {
        const Token token = take();
        return Label{std::string{token.text}, token.range};
    }
    if (!at(TokenKind::quote)) return std::nullopt;
    const Position start = peek().range.start;
    const ExpressionPtr text = quoted();
    const Range range{start, last_end_};
    const auto* literal = std::get_if<Literal>(&text->node);
    if (literal == nullptr || !literal->value.is_string()) {
        fail(range, "a name must be plain text", "\"${\" and \"%{\" cannot be used here");
        return Label{};
    }
    return Label{literal->value.as_string(), range};
}

const Attribute* Body::attribute(std::string_view name) const {
    const auto found = std::find_if(attributes.begin(), attributes.end(),
                                    [&](const Attribute& one) { return one.name == name; });
    return found == attributes.end() ? nullptr : &*found;
}

Outcome<File> parse(std::string_view text, std::string filename, Dialect dialect,
                    const ParseLimits& limits) {
    auto source =
        std::make_shared<const SourceText>(SourceText{std::move(filename), std::string{text}});
    return Parser{std::move(source), dialect, limits}.file();
}

Outcome<ExpressionFile> parse_expression(std::string_view text, std::string filename,
                                         const ParseLimits& limits) {
    auto source =
        std::make_shared<const SourceText>(SourceText{std::move(filename), std::string{text}});
    return Parser{std::move(source), Dialect::hcl2, limits}.single_expression();
}

}  // namespace drover::hcl
