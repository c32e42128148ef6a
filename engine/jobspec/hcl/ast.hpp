// The tree of a parsed text. Nodes are immutable and shared, so a File is a cheap, copyable value.
// The parser bounds the depth of every tree, so recursing over one is safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/jobspec/hcl/diagnostic.hpp"
#include "engine/jobspec/hcl/value.hpp"

namespace drover::hcl {

struct Expression;
using ExpressionPtr = std::shared_ptr<const Expression>;

struct Literal {
    Value value;
};

// A name followed by constant steps: `var.ports[0].name`. Kept in one node, with its text, because
// an unknown root turns the whole of it into text.
struct Traversal {
    struct Step {
        Value key;  // a string or a number
        Range range;
    };
    std::string root;
    std::vector<Step> steps;
    std::string text;
};

struct IndexStep {
    ExpressionPtr from;
    ExpressionPtr key;
};

// `from[*].name` and `from.*.name`: `each` is evaluated once per element, which SplatElement
// denotes.
struct Splat {
    ExpressionPtr from;
    ExpressionPtr each;
};
struct SplatElement {};

struct TupleConstructor {
    std::vector<ExpressionPtr> items;
};

struct ObjectConstructor {
    struct Item {
        ExpressionPtr key;
        ExpressionPtr value;
    };
    std::vector<Item> items;
};

// `[for k, v in collection : value if condition]` and `{for k, v in collection : key => value...}`.
struct ForExpression {
    std::string key_name;  // empty if only one name is given
    std::string value_name;
    ExpressionPtr collection;
    ExpressionPtr key;  // null for the tuple form
    ExpressionPtr value;
    ExpressionPtr condition;  // may be null
    bool grouped = false;
};

struct Call {
    std::string name;
    Range name_range;
    std::vector<ExpressionPtr> arguments;
    bool expand_last = false;
};

enum class UnaryOperator : std::uint8_t { negate, invert };
struct Unary {
    UnaryOperator op;
    ExpressionPtr operand;
};

enum class BinaryOperator : std::uint8_t {
    logical_or,
    logical_and,
    equal,
    not_equal,
    less,
    less_equal,
    greater,
    greater_equal,
    add,
    subtract,
    multiply,
    divide,
    modulo
};
struct Binary {
    BinaryOperator op;
    ExpressionPtr left;
    ExpressionPtr right;
};

struct Conditional {
    ExpressionPtr condition;
    ExpressionPtr when_true;
    ExpressionPtr when_false;
};

// The pieces of a string in order. "${x}" alone is no template but x itself, and keeps x's type.
struct Template {
    std::vector<ExpressionPtr> parts;
};
struct TemplateIf {
    ExpressionPtr condition;
    ExpressionPtr when_true;
    ExpressionPtr when_false;  // may be null
};
struct TemplateFor {
    std::string key_name;
    std::string value_name;
    ExpressionPtr collection;
    ExpressionPtr content;
};

using ExpressionNode = std::variant<Literal, Traversal, IndexStep, Splat, SplatElement,
                                    TupleConstructor, ObjectConstructor, ForExpression, Call, Unary,
                                    Binary, Conditional, Template, TemplateIf, TemplateFor>;

struct Expression {
    Range range;
    ExpressionNode node;
    std::uint32_t depth = 1;  // 1 + the deepest child
};

struct Attribute {
    std::string name;
    Range name_range;
    ExpressionPtr value;
};

struct Label {
    std::string text;
    Range range;
};

struct Block;

struct Body {
    std::vector<Attribute> attributes;  // in the order of the text; names are unique
    std::vector<Block> blocks;
    Range end;  // the closing brace, or the end of the file

    [[nodiscard]] const Attribute* attribute(std::string_view name) const;
};

struct Block {
    std::string type;
    Range type_range;
    std::vector<Label> labels;
    Body body;
};

struct File {
    std::shared_ptr<const SourceText> source;
    Body body;
};

struct ExpressionFile {
    std::shared_ptr<const SourceText> source;
    ExpressionPtr expression;
};

}  // namespace drover::hcl
