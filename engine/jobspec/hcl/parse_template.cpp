// Strings: quoted ones and heredocs are rows of pieces first (text, ${...}, %{...}), which then
// become a tree. See heredoc.cpp for what happens to blanks.
#include <algorithm>
#include <tuple>

#include "engine/jobspec/hcl/parser.hpp"

namespace drover::hcl {
namespace {

bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// The text being collected, as the last item of the row.
std::string& literal_text(std::vector<TemplateItem>& items, const Position& at) {
    if (items.empty() || items.back().kind != TemplateItem::Kind::literal) {
        TemplateItem item;
        item.range = Range{at, at};
        items.push_back(std::move(item));
    }
    return items.back().text;
}

}  // namespace

ExpressionPtr Parser::quoted() {
    const Position start = take().range.start;
    std::vector<TemplateItem> items = quoted_items();
    last_end_ = lexer_.position();
    apply_strip_markers(items, true);
    return template_tree(std::move(items), Range{start, last_end_});
}

std::vector<TemplateItem> Parser::quoted_items() {
    std::vector<TemplateItem> items;
    const Position start = lexer_.position();
    while (!error_) {
        if (lexer_.at_end() || lexer_.current() == '\n') {
            fail(
                Range{start, start}, "string is never closed",
                "end it with a double quote; text of several lines is written as a heredoc, <<EOF");
            break;
        }
        if (lexer_.current() == '"') {
            lexer_.advance();
            break;
        }
        if (lexer_.current() == '\\') {
            escape(literal_text(items, lexer_.position()));
        } else if (!template_sequence(items)) {
            literal_text(items, lexer_.position()) += lexer_.current();
            lexer_.advance();
        }
    }
    return items;
}

void Parser::escape(std::string& text) {
    const Position start = lexer_.position();
    lexer_.advance();
    const char c = lexer_.at_end() ? '\0' : lexer_.current();
    lexer_.advance();
    switch (c) {
        case 'n':
            text += '\n';
            return;
        case 'r':
            text += '\r';
            return;
        case 't':
            text += '\t';
            return;
        case '"':
            text += '"';
            return;
        case '\\':
            text += '\\';
            return;
        case 'u':
            return unicode_escape(text, 4);
        case 'U':
            return unicode_escape(text, 8);
        default:
            break;
    }
    fail(
        Range{start, lexer_.position()}, "unknown escape sequence",
        "the known ones are \\n \\r \\t \\\" \\\\ \\uNNNN \\UNNNNNNNN; write \\\\ for a backslash");
}

void Parser::unicode_escape(std::string& text, std::size_t digits) {
    const Position start = lexer_.position();
    std::uint32_t code_point = 0;
    for (std::size_t i = 0; i < digits; ++i, lexer_.advance()) {
        const char c = lexer_.at_end() ? ' ' : lexer_.current();
        if (!is_hex(c)) {
            return fail(Range{start, lexer_.position()},
                        "escape sequence needs " + std::to_string(digits) + " hexadecimal digits");
        }
        const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
        code_point = code_point * 16 + static_cast<std::uint32_t>(digit);
    }
    if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF)) {
        return fail(Range{start, lexer_.position()}, "escape sequence is no Unicode character");
    }
    append_utf8(text, code_point);
}

// At `${`, `%{` or one of their escapes: takes it and says so.
bool Parser::template_sequence(std::vector<TemplateItem>& items) {
    if (dialect_ == Dialect::config) return false;
    if (lexer_.starts_with("$${") || lexer_.starts_with("%%{")) {
        literal_text(items, lexer_.position()) += lexer_.starts_with("$") ? "${" : "%{";
        lexer_.advance(3);
        return true;
    }
    if (lexer_.starts_with("${")) {
        items.push_back(interpolation());
        return true;
    }
    if (lexer_.starts_with("%{")) {
        items.push_back(directive());
        return true;
    }
    return false;
}

TemplateItem Parser::interpolation() {
    TemplateItem item;
    item.kind = TemplateItem::Kind::interpolation;
    item.range.start = lexer_.position();
    lexer_.advance(2);
    const NewlineRule rule{*this, true};
    item.strip_before = accept(TokenKind::tilde);
    item.expression = expression();
    item.strip_after = accept(TokenKind::tilde);
    expect(TokenKind::close_brace, "\"}\" to end the interpolation");
    item.range.end = lexer_.position();
    return item;
}

TemplateItem Parser::directive() {
    using Kind = TemplateItem::Kind;
    TemplateItem item;
    item.range.start = lexer_.position();
    lexer_.advance(2);
    const NewlineRule rule{*this, true};
    item.strip_before = accept(TokenKind::tilde);
    const Token keyword = take();
    if (keyword.text == "if") {
        item.kind = Kind::if_;
        item.expression = expression();
    } else if (keyword.text == "for") {
        item.kind = Kind::for_;
        std::tie(item.key_name, item.value_name) = for_names();
        item.expression = expression();
    } else if (keyword.text == "else") {
        item.kind = Kind::else_;
    } else if (keyword.text == "endif") {
        item.kind = Kind::endif;
    } else if (keyword.text == "endfor") {
        item.kind = Kind::endfor;
    } else {
        fail(keyword.range, "unknown template directive",
             "the known ones are if, else, endif, for, endfor; write %%{ for a plain %{");
    }
    item.strip_after = accept(TokenKind::tilde);
    expect(TokenKind::close_brace, "\"}\" to end the directive");
    item.range.end = lexer_.position();
    return item;
}

ExpressionPtr Parser::template_tree(std::vector<TemplateItem> items, const Range& range) {
    std::size_t at = 0;
    std::vector<ExpressionPtr> parts = template_parts(items, at);
    if (at < items.size()) fail(items[at].range, "directive without a beginning");
    return join_parts(std::move(parts), range);
}

ExpressionPtr Parser::join_parts(std::vector<ExpressionPtr> parts, const Range& range) {
    if (parts.empty()) return make(range, Literal{Value::string("")});
    if (parts.size() > 1) return make(range, Template{std::move(parts)});
    const bool directive = std::holds_alternative<TemplateIf>(parts[0]->node) ||
                           std::holds_alternative<TemplateFor>(parts[0]->node);
    if (directive) return make(range, Template{std::move(parts)});
    Expression whole = *parts[0];
    whole.range = range;  // the quotes belong to it
    return std::make_shared<const Expression>(std::move(whole));
}

// Pieces up to the end of the row, or to a directive that belongs to the caller.
std::vector<ExpressionPtr> Parser::template_parts(const std::vector<TemplateItem>& items,
                                                  std::size_t& at) {
    using Kind = TemplateItem::Kind;
    const Depth depth{*this, expression_depth_, limits_.expression_depth_max, "template"};
    std::vector<ExpressionPtr> parts;
    while (!error_ && at < items.size()) {
        const TemplateItem& item = items[at];
        if (item.kind == Kind::literal) {
            if (!item.text.empty())
                parts.push_back(make(item.range, Literal{Value::string(item.text)}));
            ++at;
        } else if (item.kind == Kind::interpolation) {
            parts.push_back(item.expression);
            ++at;
        } else if (item.kind == Kind::if_) {
            parts.push_back(template_if(items, at));
        } else if (item.kind == Kind::for_) {
            parts.push_back(template_for(items, at));
        } else {
            break;
        }
    }
    return parts;
}

ExpressionPtr Parser::template_if(const std::vector<TemplateItem>& items, std::size_t& at) {
    const TemplateItem& begin = items[at++];
    TemplateIf result{begin.expression, nullptr, nullptr};
    result.when_true = join_parts(template_parts(items, at), begin.range);
    if (at < items.size() && items[at].kind == TemplateItem::Kind::else_) {
        ++at;
        result.when_false = join_parts(template_parts(items, at), begin.range);
    }
    if (at >= items.size() || items[at].kind != TemplateItem::Kind::endif) {
        fail(begin.range, "%{ if } without %{ endif }");
    }
    ++at;
    return make(begin.range, std::move(result));
}

ExpressionPtr Parser::template_for(const std::vector<TemplateItem>& items, std::size_t& at) {
    const TemplateItem& begin = items[at++];
    ExpressionPtr content = join_parts(template_parts(items, at), begin.range);
    if (at >= items.size() || items[at].kind != TemplateItem::Kind::endfor) {
        fail(begin.range, "%{ for } without %{ endfor }");
    }
    ++at;
    return make(begin.range, TemplateFor{begin.key_name, begin.value_name, begin.expression,
                                         std::move(content)});
}

}  // namespace drover::hcl
