// Heredocs, and the blanks around template pieces. Text inside a heredoc is taken as it stands:
// only
// `$${` and `%%{` are escapes.
#include <algorithm>

#include "engine/jobspec/hcl/parser.hpp"

namespace drover::hcl {
namespace {

constexpr std::string_view blanks = " \t\r\n";

std::string_view trim_indentation(std::string_view line) {
    return line.substr(std::min(line.find_first_not_of(" \t"), line.size()));
}

// Where the line that holds nothing but the marker starts, counted from `text`; npos if there is
// none.
std::size_t find_marker_line(std::string_view text, std::string_view marker) {
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t next = std::min(text.find('\n', at), text.size());
        std::string_view line = trim_indentation(text.substr(at, next - at));
        line = line.substr(0, line.find_last_not_of(blanks) + 1);
        if (line == marker) return at;
        at = next + 1;
    }
    return std::string_view::npos;
}

// Calls visit(line, starts_line, ends_line) for each line of each literal.
template <class Visit>
void for_each_line(std::vector<TemplateItem>& items, Visit visit) {
    bool line_start = true;
    for (TemplateItem& item : items) {
        if (item.kind != TemplateItem::Kind::literal) {
            if (line_start) visit(item, std::string_view{}, true, false);
            line_start = false;
            continue;
        }
        const std::string text = std::exchange(item.text, {});
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t newline = text.find('\n', at);
            const bool ends = newline != std::string::npos;
            const std::size_t next = ends ? newline + 1 : text.size();
            visit(item, std::string_view{text}.substr(at, next - at), line_start, ends);
            line_start = ends;
            at = next;
        }
    }
}

}  // namespace

ExpressionPtr Parser::heredoc() {
    const Token open = take();
    const bool indented = open.text.starts_with("<<-");
    const std::string_view marker = open.text.substr(indented ? 3 : 2);
    const std::string_view line = lexer_.rest().substr(0, lexer_.rest().find('\n'));
    if (line.find_first_not_of(blanks) != std::string_view::npos) {
        fail(open.range, "text after the heredoc marker", "start the text on the next line");
    }
    lexer_.advance(std::min(line.size() + 1, lexer_.rest().size()));
    const std::size_t size = find_marker_line(lexer_.rest(), marker);
    if (size == std::string_view::npos) {
        fail(open.range, "heredoc is never closed",
             "end it with a line that holds only " + std::string{marker});
        return make(open.range, Literal{});
    }
    const std::size_t outer_end = lexer_.set_end(lexer_.position().byte + size);
    std::vector<TemplateItem> items = heredoc_items();
    lexer_.set_end(outer_end);
    const std::string_view last = lexer_.rest();
    lexer_.advance(std::min(last.find(marker), last.size() - marker.size()) + marker.size());
    last_end_ = lexer_.position();
    if (indented) remove_common_indentation(items);
    apply_strip_markers(items, false);
    return template_tree(std::move(items), Range{open.range.start, last_end_});
}

std::vector<TemplateItem> Parser::heredoc_items() {
    std::vector<TemplateItem> items;
    TemplateItem literal;
    literal.range = Range{lexer_.position(), lexer_.position()};
    items.push_back(std::move(literal));
    while (!error_ && !lexer_.at_end()) {
        if (template_sequence(items)) continue;
        if (items.back().kind != TemplateItem::Kind::literal) {
            TemplateItem next;
            next.range = Range{lexer_.position(), lexer_.position()};
            items.push_back(std::move(next));
        }
        if (!lexer_.starts_with("\r\n")) items.back().text += lexer_.current();
        lexer_.advance();
    }
    return items;
}

void remove_common_indentation(std::vector<TemplateItem>& items) {
    std::size_t common = std::string::npos;
    std::vector<TemplateItem> measured = items;
    for_each_line(measured, [&](TemplateItem&, std::string_view line, bool starts, bool ends) {
        const std::string_view text = trim_indentation(line);
        const bool blank = ends && text.find_first_not_of(blanks) == std::string_view::npos;
        if (starts && !blank) common = std::min(common, line.size() - text.size());
    });
    if (common == std::string::npos) common = 0;
    for_each_line(items, [&](TemplateItem& item, std::string_view line, bool starts, bool) {
        const std::size_t indentation = line.size() - trim_indentation(line).size();
        item.text += line.substr(starts ? std::min(common, indentation) : 0);
    });
}

// In a quoted string a marker removes all blanks beside it. In a heredoc it stops at the end of the
// line, so that the next line keeps its indentation.
void apply_strip_markers(std::vector<TemplateItem>& items, bool whole_text) {
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (items[i].kind == TemplateItem::Kind::literal) continue;
        if (items[i].strip_before && i > 0 && items[i - 1].kind == TemplateItem::Kind::literal) {
            std::string& text = items[i - 1].text;
            text.erase(text.find_last_not_of(whole_text ? blanks : blanks.substr(0, 3)) + 1);
        }
        if (items[i].strip_after && i + 1 < items.size() &&
            items[i + 1].kind == TemplateItem::Kind::literal) {
            std::string& text = items[i + 1].text;
            std::size_t keep = std::min(text.find_first_not_of(blanks), text.size());
            if (!whole_text) keep = std::min(keep, std::min(text.find('\n'), text.size() - 1) + 1);
            text.erase(0, keep);
        }
    }
}

}  // namespace drover::hcl
