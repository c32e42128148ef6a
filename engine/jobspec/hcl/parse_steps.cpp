// What may follow a value: `.name`, `[key]` and splats.
#include "engine/jobspec/hcl/parser.hpp"

namespace drover::hcl {

ExpressionPtr Parser::postfix(ExpressionPtr from, bool attributes_only) {
    while (true) {
        if (at(TokenKind::dot)) {
            from = after_dot(std::move(from));
        } else if (!attributes_only && at(TokenKind::open_bracket)) {
            from = after_bracket(std::move(from));
        } else {
            return from;
        }
    }
}

ExpressionPtr Parser::step(ExpressionPtr from, Value key, const Range& range) {
    if (const auto* known = std::get_if<Traversal>(&from->node)) {
        Traversal longer = *known;
        longer.steps.push_back({std::move(key), range});
        longer.text = lexer_.between(from->range.start.byte, range.end.byte);
        // A chain of steps is copied at each step: bounding it also bounds that work.
        if (longer.steps.size() > limits_.expression_depth_max)
            fail(range, "name has too many parts");
        return make(Range{from->range.start, range.end}, std::move(longer));
    }
    ExpressionPtr literal = make(range, Literal{std::move(key)});
    const Range whole{from->range.start, range.end};
    return make(whole, IndexStep{std::move(from), std::move(literal)});
}

ExpressionPtr Parser::after_dot(ExpressionPtr from) {
    const Position start = from->range.start;
    take();
    if (at(TokenKind::identifier)) {
        const Token name = take();
        return step(std::move(from), Value::string(std::string{name.text}), name.range);
    }
    if (at(TokenKind::star)) {
        const Depth depth{*this, expression_depth_, limits_.expression_depth_max, "expression"};
        const Token star = take();
        ExpressionPtr each = postfix(make(star.range, SplatElement{}), true);
        return make(start, Splat{std::move(from), std::move(each)});
    }
    if (!at(TokenKind::number)) {
        fail_unexpected("a name after \".\"");
        return from;
    }
    // `list.0.1` is read as the number 0.1: take it apart again.
    const Token token = take();
    std::string_view digits = token.text;
    while (!digits.empty()) {
        const std::size_t dot = std::min(digits.find('.'), digits.size());
        const std::optional<Number> index = Number::parse(digits.substr(0, dot));
        if (!index || !index->is_integer()) {
            fail(token.range,
                 "\"" + std::string{token.text.substr(0, 40)} + "\" is no list position");
            return from;
        }
        from = step(std::move(from), Value::number(*index), token.range);
        digits.remove_prefix(std::min(dot + 1, digits.size()));
    }
    return from;
}

ExpressionPtr Parser::after_bracket(ExpressionPtr from) {
    const Position start = from->range.start;
    ExpressionPtr key;
    bool splat = false;
    {
        const NewlineRule rule{*this, true};
        take();
        splat = accept(TokenKind::star);
        if (!splat) key = expression();
        expect(TokenKind::close_bracket, "\"]\"");
    }
    if (splat) {
        const Depth depth{*this, expression_depth_, limits_.expression_depth_max, "expression"};
        ExpressionPtr each = postfix(make(start, SplatElement{}), false);
        return make(start, Splat{std::move(from), std::move(each)});
    }
    const auto* literal = std::get_if<Literal>(&key->node);
    if (literal != nullptr && (literal->value.is_string() || literal->value.is_number())) {
        return step(std::move(from), literal->value, Range{key->range.start, last_end_});
    }
    return make(start, IndexStep{std::move(from), std::move(key)});
}

}  // namespace drover::hcl
