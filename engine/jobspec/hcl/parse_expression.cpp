// Expressions, from the loosest binding (conditional) to the tightest (a step after a name).
#include <algorithm>
#include <array>
#include <tuple>

#include "engine/jobspec/hcl/parser.hpp"

namespace drover::hcl {
namespace {

struct OperatorRow {
    TokenKind token;
    BinaryOperator op;
    int precedence;
};
constexpr std::array operators{
    OperatorRow{TokenKind::logical_or, BinaryOperator::logical_or, 1},
    OperatorRow{TokenKind::logical_and, BinaryOperator::logical_and, 2},
    OperatorRow{TokenKind::equal, BinaryOperator::equal, 3},
    OperatorRow{TokenKind::not_equal, BinaryOperator::not_equal, 3},
    OperatorRow{TokenKind::less, BinaryOperator::less, 4},
    OperatorRow{TokenKind::less_equal, BinaryOperator::less_equal, 4},
    OperatorRow{TokenKind::greater, BinaryOperator::greater, 4},
    OperatorRow{TokenKind::greater_equal, BinaryOperator::greater_equal, 4},
    OperatorRow{TokenKind::plus, BinaryOperator::add, 5},
    OperatorRow{TokenKind::minus, BinaryOperator::subtract, 5},
    OperatorRow{TokenKind::star, BinaryOperator::multiply, 6},
    OperatorRow{TokenKind::slash, BinaryOperator::divide, 6},
    OperatorRow{TokenKind::percent, BinaryOperator::modulo, 6},
};

const OperatorRow* find_operator(TokenKind token) {
    const auto found = std::find_if(operators.begin(), operators.end(),
                                    [&](const OperatorRow& row) { return row.token == token; });
    return found == operators.end() ? nullptr : &*found;
}

std::uint32_t depth_of(const ExpressionPtr& one) { return one ? one->depth : 0; }
std::uint32_t depth_of(const std::vector<ExpressionPtr>& all) {
    std::uint32_t depth = 0;
    for (const ExpressionPtr& one : all) depth = std::max(depth, depth_of(one));
    return depth;
}
template <class... Children>
std::uint32_t deepest(const Children&... children) {
    return std::max({depth_of(children)...});
}

struct DepthOfChildren {
    std::uint32_t operator()(const Literal&) const { return 0; }
    std::uint32_t operator()(const Traversal&) const { return 0; }
    std::uint32_t operator()(const SplatElement&) const { return 0; }
    std::uint32_t operator()(const IndexStep& node) const { return deepest(node.from, node.key); }
    std::uint32_t operator()(const Splat& node) const { return deepest(node.from, node.each); }
    std::uint32_t operator()(const TupleConstructor& node) const { return depth_of(node.items); }
    std::uint32_t operator()(const ObjectConstructor& node) const {
        std::uint32_t depth = 0;
        for (const auto& item : node.items) depth = std::max(depth, deepest(item.key, item.value));
        return depth;
    }
    std::uint32_t operator()(const ForExpression& node) const {
        return deepest(node.collection, node.key, node.value, node.condition);
    }
    std::uint32_t operator()(const Call& node) const { return depth_of(node.arguments); }
    std::uint32_t operator()(const Unary& node) const { return depth_of(node.operand); }
    std::uint32_t operator()(const Binary& node) const { return deepest(node.left, node.right); }
    std::uint32_t operator()(const Conditional& node) const {
        return deepest(node.condition, node.when_true, node.when_false);
    }
    std::uint32_t operator()(const Template& node) const { return depth_of(node.parts); }
    std::uint32_t operator()(const TemplateIf& node) const {
        return deepest(node.condition, node.when_true, node.when_false);
    }
    std::uint32_t operator()(const TemplateFor& node) const {
        return deepest(node.collection, node.content);
    }
};

}  // namespace

// A tree is as deep as its longest chain, and chains such as a + b + c + ... need no nesting in the
// text: so the depth of the result is bounded here, besides that of the recursion.
ExpressionPtr Parser::make(const Range& range, ExpressionNode node) {
    const std::uint32_t depth = 1 + std::visit(DepthOfChildren{}, node);
    if (depth > limits_.expression_depth_max) {
        fail(range, "expression is too deep",
             "at most " + std::to_string(limits_.expression_depth_max) + " levels are accepted");
        return std::make_shared<const Expression>(Expression{range, Literal{}, 1});
    }
    return std::make_shared<const Expression>(Expression{range, std::move(node), depth});
}

ExpressionPtr Parser::make(const Position& start, ExpressionNode node) {
    return make(Range{start, last_end_}, std::move(node));
}

ExpressionPtr Parser::expression() {
    const Depth depth{*this, expression_depth_, limits_.expression_depth_max, "expression"};
    const Position start = peek().range.start;
    ExpressionPtr condition = binary(1);
    if (!accept(TokenKind::question)) return condition;
    ExpressionPtr when_true = expression();
    expect(TokenKind::colon, "\":\" of the conditional");
    ExpressionPtr when_false = expression();
    return make(start,
                Conditional{std::move(condition), std::move(when_true), std::move(when_false)});
}

ExpressionPtr Parser::binary(int precedence_min) {
    const Position start = peek().range.start;
    ExpressionPtr left = unary();
    while (const OperatorRow* row = find_operator(peek().kind)) {
        if (row->precedence < precedence_min) break;
        take();
        ExpressionPtr right = binary(row->precedence + 1);
        left = make(start, Binary{row->op, std::move(left), std::move(right)});
    }
    return left;
}

ExpressionPtr Parser::unary() {
    const Position start = peek().range.start;
    const bool negate = at(TokenKind::minus);
    if (!negate && !at(TokenKind::bang)) return postfix(primary(), false);
    const Depth depth{*this, expression_depth_, limits_.expression_depth_max, "expression"};
    take();
    ExpressionPtr operand = unary();
    return make(start,
                Unary{negate ? UnaryOperator::negate : UnaryOperator::invert, std::move(operand)});
}

ExpressionPtr Parser::primary() {
    switch (peek().kind) {
        case TokenKind::number:
            return number();
        case TokenKind::quote:
            return quoted();
        case TokenKind::heredoc:
            return heredoc();
        case TokenKind::identifier:
            return name_or_call();
        case TokenKind::open_paren:
            return parenthesised();
        case TokenKind::open_bracket:
            return tuple();
        case TokenKind::open_brace:
            return object();
        default:
            break;
    }
    const Range range = peek().range;
    fail_unexpected("a value");
    return make(range, Literal{});
}

ExpressionPtr Parser::number() {
    const Token token = take();
    const std::optional<Number> value = Number::parse(token.text);
    if (!value)
        fail(token.range, "number " + std::string{token.text.substr(0, 40)} + " is out of range");
    return make(token.range, Literal{value ? Value::number(*value) : Value{}});
}

// The parentheses become part of the range, so that `(a).b` is quoted as it was written.
ExpressionPtr Parser::parenthesised() {
    const Position start = peek().range.start;
    ExpressionPtr inner;
    {
        const NewlineRule rule{*this, true};
        take();
        inner = expression();
        expect(TokenKind::close_paren, "\")\"");
    }
    Expression whole = *inner;
    whole.range = Range{start, last_end_};
    return std::make_shared<const Expression>(std::move(whole));
}

ExpressionPtr Parser::name_or_call() {
    const Token name = take();
    if (name.text == "true") return make(name.range, Literal{Value::boolean(true)});
    if (name.text == "false") return make(name.range, Literal{Value::boolean(false)});
    if (name.text == "null") return make(name.range, Literal{});
    if (at(TokenKind::open_paren)) return call(name);
    return make(name.range, Traversal{std::string{name.text}, {}, std::string{name.text}});
}

ExpressionPtr Parser::call(const Token& name) {
    Call result{std::string{name.text}, name.range, {}, false};
    {
        const NewlineRule rule{*this, true};
        take();
        while (!at(TokenKind::close_paren) && !at(TokenKind::end)) {
            result.arguments.push_back(expression());
            if (accept(TokenKind::ellipsis)) {
                result.expand_last = true;
                break;
            }
            if (!accept(TokenKind::comma)) break;
        }
        expect(TokenKind::close_paren, "\",\" or \")\" in the call of " + result.name);
    }
    return make(name.range.start, std::move(result));
}

bool Parser::at_for() {
    if (!at_keyword("for")) return false;
    const Position before = before_peeked_;
    take();
    const bool names_follow = at(TokenKind::identifier);
    peeked_.reset();
    lexer_.seek(before);
    return names_follow;
}

ExpressionPtr Parser::tuple() {
    const Position start = peek().range.start;
    TupleConstructor result;
    {
        const NewlineRule rule{*this, true};
        take();
        if (at_for()) return for_expression(start, TokenKind::close_bracket);
        while (!at(TokenKind::close_bracket) && !at(TokenKind::end)) {
            result.items.push_back(expression());
            if (!accept(TokenKind::comma)) break;
        }
        expect(TokenKind::close_bracket, "\",\" or \"]\"");
    }
    return make(start, std::move(result));
}

ExpressionPtr Parser::object() {
    const Position start = peek().range.start;
    {
        const NewlineRule rule{*this, true};
        take();
        if (at_for()) return for_expression(start, TokenKind::close_brace);
    }
    const NewlineRule rule{*this, false};
    ObjectConstructor result;
    while (true) {
        while (accept(TokenKind::newline)) {
        }
        if (at(TokenKind::close_brace) || at(TokenKind::end)) break;
        ExpressionPtr key = object_key();
        if (!accept(TokenKind::colon)) expect(TokenKind::assign, "\"=\" or \":\" after the key");
        ExpressionPtr value = expression();
        result.items.push_back({std::move(key), std::move(value)});
        if (!at(TokenKind::comma) && !at(TokenKind::newline)) break;
        take();
    }
    expect(TokenKind::close_brace, "\",\", a new line or \"}\"");
    return make(start, std::move(result));
}

// A bare name is the key itself; anything else is evaluated.
ExpressionPtr Parser::object_key() {
    if (!at(TokenKind::identifier)) return expression();
    const Position before = before_peeked_;
    const Token name = take();
    if (at(TokenKind::assign) || at(TokenKind::colon)) {
        return make(name.range, Literal{Value::string(std::string{name.text})});
    }
    peeked_.reset();
    lexer_.seek(before);
    return expression();
}

std::pair<std::string, std::string> Parser::for_names() {
    std::pair<std::string, std::string> names;
    names.second = std::string{peek().text};
    expect(TokenKind::identifier, "a name after \"for\"");
    if (accept(TokenKind::comma)) {
        names.first = std::exchange(names.second, std::string{peek().text});
        expect(TokenKind::identifier, "a second name after \",\"");
    }
    if (at_keyword("in")) {
        take();
    } else {
        fail_unexpected("\"in\"");
    }
    return names;
}

ExpressionPtr Parser::for_expression(const Position& start, TokenKind close) {
    take();
    ForExpression result;
    std::tie(result.key_name, result.value_name) = for_names();
    result.collection = expression();
    expect(TokenKind::colon, "\":\" after the collection");
    result.value = expression();
    if (close == TokenKind::close_brace) {
        expect(TokenKind::arrow, "\"=>\" between key and value");
        result.key = std::exchange(result.value, expression());
        result.grouped = accept(TokenKind::ellipsis);
    }
    if (at_keyword("if")) {
        take();
        result.condition = expression();
    }
    expect(close, close == TokenKind::close_brace ? "\"}\"" : "\"]\"");
    return make(start, std::move(result));
}

}  // namespace drover::hcl
