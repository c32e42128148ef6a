// Where a text went wrong, and how to say so: every error of this room carries its place in the
// source. It must never hold more of the source than the offending line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace drover::hcl {

// Lines and columns count from 1, columns in code points; bytes count from 0.
struct Position {
    std::uint32_t line = 1;
    std::uint32_t column = 1;
    std::uint32_t byte = 0;

    friend bool operator==(const Position&, const Position&) = default;
};

struct Range {
    Position start;
    Position end;  // one past the last character

    friend bool operator==(const Range&, const Range&) = default;
};

// A named text. The name appears in messages only: nothing here opens files.
struct SourceText {
    std::string name;
    std::string text;
};

// Something that only the host can read. An evaluation that lacks it fails with a diagnostic that
// names it, so that the host can fetch it, add it to the inputs and evaluate again.
struct HostNeed {
    enum class Kind : std::uint8_t { file, file_set };
    Kind kind = Kind::file;
    std::string path;
    std::string pattern;  // of a file_set only

    friend auto operator<=>(const HostNeed&, const HostNeed&) = default;
};

struct Diagnostic {
    std::string file;
    Range range;
    std::string summary;      // what is wrong, with the offending name or value
    std::string detail;       // what to do about it; may be empty
    std::string source_line;  // the line that `range` starts on, cut if it is very long
    std::optional<HostNeed> need{};
};

using Diagnostics = std::vector<Diagnostic>;

template <class T>
using Outcome = tl::expected<T, Diagnostics>;

[[nodiscard]] Diagnostic diagnose(const SourceText& source, const Range& range, std::string summary,
                                  std::string detail = {});

// "file:line,col: summary; detail", then the source line and a caret under the offending part.
[[nodiscard]] std::string to_text(const Diagnostic& diagnostic);
[[nodiscard]] std::string to_text(const Diagnostics& diagnostics);

// The candidate that `word` most likely meant: at most two edits away, and fewer than half the
// word.
[[nodiscard]] std::optional<std::string> closest(std::string_view word,
                                                 const std::vector<std::string>& candidates);

}  // namespace drover::hcl
