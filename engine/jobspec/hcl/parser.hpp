// Recursive descent over the tokens. The first error stops everything: from then on the parser sees
// only the end of the text, so every loop finishes and no caller needs to check. All recursion is
// bounded by the limits.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/jobspec/hcl/hcl.hpp"
#include "engine/jobspec/hcl/lexer.hpp"

namespace drover::hcl {

// One piece of a template before it becomes a tree: directives still stand in a row.
struct TemplateItem {
    enum class Kind : std::uint8_t { literal, interpolation, if_, else_, endif, for_, endfor };
    Kind kind = Kind::literal;
    Range range{};
    std::string text{};  // of a literal
    ExpressionPtr expression{};
    std::string key_name{};
    std::string value_name{};
    bool strip_before = false;
    bool strip_after = false;
};

class Parser {
public:
    Parser(std::shared_ptr<const SourceText> source, Dialect dialect, const ParseLimits& limits);

    Outcome<File> file();
    Outcome<ExpressionFile> single_expression();

private:
    // Newlines separate attributes, but mean nothing between brackets. Switching forgets the token
    // that was looked at ahead, since it may have been read under the other rule.
    class NewlineRule {
    public:
        NewlineRule(Parser& parser, bool skip);
        ~NewlineRule();
        NewlineRule(const NewlineRule&) = delete;
        NewlineRule& operator=(const NewlineRule&) = delete;

    private:
        Parser& parser_;
        bool before_;
    };
    class Depth;

    // Tokens.
    const Token& peek();
    Token take();
    bool at(TokenKind kind) { return peek().kind == kind; }
    bool at_keyword(std::string_view word);
    bool accept(TokenKind kind);
    bool expect(TokenKind kind, std::string_view what);
    void forget_peeked();
    void fail(const Range& range, std::string summary, std::string detail = {});
    void fail_unexpected(std::string_view wanted);
    bool check_source();

    // Bodies.
    Body body(bool top);
    using SeenNames = std::map<std::string, std::uint32_t, std::less<>>;  // and the line of each
    void body_item(Body& into, SeenNames& seen);
    void attribute(Body& into, std::string name, const Range& name_range, SeenNames& seen);
    void block(Body& into, std::string type, const Range& type_range);
    void end_of_item();
    std::optional<Label> name_or_string();

    // Expressions.
    ExpressionPtr expression();
    ExpressionPtr binary(int precedence_min);
    ExpressionPtr unary();
    ExpressionPtr primary();
    ExpressionPtr number();
    ExpressionPtr parenthesised();
    ExpressionPtr name_or_call();
    ExpressionPtr call(const Token& name);
    ExpressionPtr tuple();
    ExpressionPtr object();
    ExpressionPtr object_key();
    ExpressionPtr for_expression(const Position& start, TokenKind close);
    bool at_for();
    std::pair<std::string, std::string> for_names();
    ExpressionPtr postfix(ExpressionPtr from, bool attributes_only);
    ExpressionPtr after_dot(ExpressionPtr from);
    ExpressionPtr after_bracket(ExpressionPtr from);
    ExpressionPtr step(ExpressionPtr from, Value key, const Range& range);
    ExpressionPtr make(const Position& start, ExpressionNode node);
    ExpressionPtr make(const Range& range, ExpressionNode node);

    // Templates.
    ExpressionPtr quoted();
    ExpressionPtr heredoc();
    std::vector<TemplateItem> quoted_items();
    std::vector<TemplateItem> heredoc_items();
    void escape(std::string& text);
    void unicode_escape(std::string& text, std::size_t digits);
    bool template_sequence(std::vector<TemplateItem>& items);
    TemplateItem interpolation();
    TemplateItem directive();
    ExpressionPtr template_tree(std::vector<TemplateItem> items, const Range& range);
    std::vector<ExpressionPtr> template_parts(const std::vector<TemplateItem>& items,
                                              std::size_t& at);
    ExpressionPtr template_if(const std::vector<TemplateItem>& items, std::size_t& at);
    ExpressionPtr template_for(const std::vector<TemplateItem>& items, std::size_t& at);
    ExpressionPtr join_parts(std::vector<ExpressionPtr> parts, const Range& range);

    std::shared_ptr<const SourceText> source_;
    Dialect dialect_;
    ParseLimits limits_;
    Lexer lexer_;
    std::optional<Token> peeked_{};
    Position before_peeked_{};
    Position last_end_{};  // where the last taken token ended
    bool skip_newlines_ = false;
    std::uint32_t block_depth_ = 0;
    std::uint32_t expression_depth_ = 0;
    std::optional<Diagnostic> error_{};
};

// Counts one level of nesting for as long as it lives, and fails the parser beyond the limit.
class Parser::Depth {
public:
    Depth(Parser& parser, std::uint32_t& depth, std::uint32_t limit, std::string_view what);
    ~Depth() { --depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;

private:
    std::uint32_t& depth_;
};

// heredoc.cpp: `<<-` removes the indentation that all lines share; `~` removes neighbouring blanks.
void remove_common_indentation(std::vector<TemplateItem>& items);
void apply_strip_markers(std::vector<TemplateItem>& items, bool whole_text);

}  // namespace drover::hcl
