// How diagnostics read, and how near misses are found. Must stay bounded for absurdly long lines.
#include "engine/jobspec/hcl/diagnostic.hpp"

#include <algorithm>

namespace drover::hcl {
namespace {

constexpr std::size_t line_width_max = 200;

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// The line that holds `byte`; of a very long line, the part around it.
std::string line_at(std::string_view text, std::size_t byte) {
    byte = std::min(byte, text.size());
    const std::size_t before = byte == 0 ? std::string_view::npos : text.rfind('\n', byte - 1);
    const std::size_t start = before == std::string_view::npos ? 0 : before + 1;
    std::string_view line = text.substr(start, text.find('\n', start) - start);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.size() <= line_width_max) return std::string{line};
    std::size_t end = line_width_max;
    while (end > 0 && is_continuation(line[end])) --end;
    return std::string{line.substr(0, end)};
}

// Spaces up to the column, keeping tabs so that the caret lines up in a terminal.
std::string caret_line(const Diagnostic& diagnostic) {
    std::string caret;
    std::size_t column = 1;
    for (const char c : diagnostic.source_line) {
        if (is_continuation(c)) continue;
        if (column++ == diagnostic.range.start.column) break;
        caret += c == '\t' ? '\t' : ' ';
    }
    const bool one_line = diagnostic.range.end.line == diagnostic.range.start.line;
    const std::size_t width =
        one_line && diagnostic.range.end.column > diagnostic.range.start.column
            ? diagnostic.range.end.column - diagnostic.range.start.column
            : 1;
    return caret + std::string(std::min<std::size_t>(width, 60), '^');
}

std::size_t edit_distance(std::string_view left, std::string_view right) {
    std::vector<std::size_t> row(right.size() + 1);
    for (std::size_t j = 0; j <= right.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= left.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= right.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min(
                {row[j] + 1, row[j - 1] + 1, diagonal + (left[i - 1] == right[j - 1] ? 0U : 1U)});
            diagonal = above;
        }
    }
    return row[right.size()];
}

}  // namespace

Diagnostic diagnose(const SourceText& source, const Range& range, std::string summary,
                    std::string detail) {
    return Diagnostic{source.name,
                      range,
                      std::move(summary),
                      std::move(detail),
                      line_at(source.text, range.start.byte),
                      std::nullopt};
}

std::string to_text(const Diagnostic& diagnostic) {
    std::string text = diagnostic.file + ":" + std::to_string(diagnostic.range.start.line) + "," +
                       std::to_string(diagnostic.range.start.column) + ": " + diagnostic.summary;
    if (!diagnostic.detail.empty()) text += "; " + diagnostic.detail;
    if (diagnostic.source_line.empty()) return text;
    return text + "\n    " + diagnostic.source_line + "\n    " + caret_line(diagnostic);
}

std::string to_text(const Diagnostics& diagnostics) {
    std::string text;
    for (const Diagnostic& diagnostic : diagnostics) {
        if (!text.empty()) text += "\n";
        text += to_text(diagnostic);
    }
    return text;
}

std::optional<std::string> closest(std::string_view word,
                                   const std::vector<std::string>& candidates) {
    constexpr std::size_t word_size_max = 64;
    if (word.size() > word_size_max) return std::nullopt;
    std::optional<std::string> best;
    std::size_t best_distance = std::min<std::size_t>(3, (word.size() + 1) / 2);
    for (const std::string& candidate : candidates) {
        if (candidate.size() > word_size_max) continue;
        const std::size_t distance = edit_distance(word, candidate);
        if (distance >= best_distance) continue;
        best_distance = distance;
        best = candidate;
    }
    return best;
}

}  // namespace drover::hcl
