// The rules of the house that a compiler does not check, as tests. Each failure names file and
// line.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace drover {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t columns_max = 100;
constexpr std::size_t file_lines_max = 600;
constexpr std::size_t function_lines_max = 70;

struct SourceFile {
    std::string path;  // from the repository's root
    std::vector<std::string> lines;
};

fs::path root() { return DROVER_SOURCE_DIR; }

bool is_code(const fs::path& path) {
    return path.extension() == ".cpp" || path.extension() == ".hpp";
}

std::vector<std::string> read_lines(const fs::path& path) {
    std::ifstream in{path};
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

const std::vector<std::string>& folders() {
    static const std::vector<std::string> names{"engine", "sim",   "io",   "drivers",
                                                "agent",  "tests", "fuzz", "scenarios"};
    return names;
}

template <class Wanted>
std::vector<SourceFile> read_tree(Wanted wanted) {
    std::vector<SourceFile> files;
    for (const auto& folder : folders()) {
        if (!fs::exists(root() / folder)) continue;
        for (const auto& entry : fs::recursive_directory_iterator{root() / folder}) {
            if (!entry.is_regular_file() || !wanted(entry.path())) continue;
            files.push_back(
                {fs::relative(entry.path(), root()).string(), read_lines(entry.path())});
        }
    }
    std::sort(files.begin(), files.end(),
              [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
    return files;
}

const std::vector<SourceFile>& code() {
    static const std::vector<SourceFile> files = read_tree(is_code);
    return files;
}

// Characters as a reader counts them: continuation bytes of UTF-8 take no column.
std::size_t columns(const std::string& line) {
    return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
    }));
}

std::string place(const SourceFile& file, std::size_t line) {
    return file.path + ":" + std::to_string(line + 1);
}

TEST(Lint, there_is_code_to_look_at) { EXPECT_GT(code().size(), 50U); }

TEST(Lint, no_line_is_wider_than_a_hundred_columns) {
    for (const auto& file : code()) {
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            EXPECT_LE(columns(file.lines[i]), columns_max) << place(file, i);
        }
    }
}

TEST(Lint, files_stay_short) {
    for (const auto& file : code()) EXPECT_LE(file.lines.size(), file_lines_max) << file.path;
}

// A function is what opens with a brace at the end of a line that also closes a parenthesis, and
// closes at the same indentation. Tests are spared: a table of cases is one thing, however long.
TEST(Lint, functions_stay_short) {
    for (const auto& file : code()) {
        if (file.path.starts_with("tests/")) continue;
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            const std::string& line = file.lines[i];
            const auto indent = line.find_first_not_of(' ');
            if (indent == std::string::npos || indent > 4 || !line.ends_with("{")) continue;
            if (line.find(')') == std::string::npos || line.find("namespace") != std::string::npos)
                continue;
            const std::string closing = std::string(indent, ' ') + "}";
            std::size_t end = i + 1;
            while (end < file.lines.size() && !file.lines[end].starts_with(closing)) ++end;
            EXPECT_LE(end - i + 1, function_lines_max) << place(file, i);
        }
    }
}

TEST(Lint, nothing_is_left_for_later_in_a_comment) {
    for (const auto& file : code()) {
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            for (const std::string word : {"FIX"
                                           "ME",
                                           "TO"
                                           "DO",
                                           "X"
                                           "XX",
                                           "HA"
                                           "CK"}) {
                EXPECT_EQ(file.lines[i].find(word), std::string::npos)
                    << place(file, i) << ": " << word;
            }
        }
    }
}

TEST(Lint, every_file_opens_with_a_comment_that_says_its_place) {
    for (const auto& file : code()) {
        if (!file.path.ends_with(".hpp")) continue;
        ASSERT_FALSE(file.lines.empty()) << file.path;
        EXPECT_TRUE(file.lines[0].starts_with("//")) << file.path;
        const bool guarded =
            std::any_of(file.lines.begin(), file.lines.end(),
                        [](const std::string& line) { return line == "#pragma once"; });
        EXPECT_TRUE(guarded) << file.path;
    }
}

// What the engine may include, besides its own headers: Protobuf, RE2, tl::expected and the part of
// the standard library that neither reads the world nor orders things by chance.
bool allowed_in_engine(const std::string& header) {
    static const std::set<std::string> standard{"algorithm",
                                                "array",
                                                "bit",
                                                "bitset",
                                                "cctype",
                                                "charconv",
                                                "chrono",
                                                "climits",
                                                "cmath",
                                                "compare",
                                                "concepts",
                                                "cstddef",
                                                "cstdint",
                                                "cstdio",
                                                "cstdlib",
                                                "cstring",
                                                "deque",
                                                "functional",
                                                "initializer_list",
                                                "iterator",
                                                "limits",
                                                "list",
                                                "map",
                                                "memory",
                                                "new",
                                                "numeric",
                                                "optional",
                                                "queue",
                                                "ranges",
                                                "set",
                                                "span",
                                                "stdexcept",
                                                "string",
                                                "string_view",
                                                "system_error",
                                                "tuple",
                                                "type_traits",
                                                "typeinfo",
                                                "utility",
                                                "variant",
                                                "vector",
                                                "stddef.h",
                                                "stdint.h",
                                                "exception",
                                                "cassert"};
    return standard.contains(header) || header.starts_with("google/protobuf/") ||
           header == "re2/re2.h" || header == "tl/expected.hpp" || header.starts_with("engine/");
}

std::string included(const std::string& line) {
    if (!line.starts_with("#include ") || line.size() < 12) return {};
    const auto end = line.find_first_of(">\"", 10);
    return end == std::string::npos ? std::string{} : line.substr(10, end - 10);
}

TEST(Lint, the_engine_includes_nothing_impure) {
    for (const auto& file : code()) {
        if (!file.path.starts_with("engine/")) continue;
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            const std::string header = included(file.lines[i]);
            EXPECT_TRUE(header.empty() || allowed_in_engine(header))
                << place(file, i) << ": " << header;
        }
    }
}

TEST(Lint, the_engine_names_no_clock_and_no_chance) {
    const std::vector<std::string> forbidden{"clock::now",    "random_device", "std::shuffle",
                                             "_distribution", "unordered_",    "std::thread",
                                             "std::mutex",    "getenv(",       "std::async"};
    for (const auto& file : code()) {
        if (!file.path.starts_with("engine/")) continue;
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            const std::string text = file.lines[i].substr(0, file.lines[i].find("//"));
            for (const auto& word : forbidden) {
                EXPECT_EQ(text.find(word), std::string::npos) << place(file, i) << ": " << word;
            }
        }
    }
}

// The arrows between the folders: who may include whom.
TEST(Lint, the_arrows_of_the_house_hold) {
    const std::map<std::string, std::set<std::string>> sees{
        {"engine", {"engine"}},
        {"sim", {"engine", "sim"}},
        {"io", {"engine", "io"}},
        {"drivers", {"engine", "drivers"}},
        {"agent", {"engine", "io", "drivers", "agent"}},
    };
    for (const auto& file : code()) {
        const auto from = sees.find(file.path.substr(0, file.path.find('/')));
        if (from == sees.end()) continue;
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            const std::string header = included(file.lines[i]);
            const std::string folder = header.substr(0, header.find('/'));
            if (std::find(folders().begin(), folders().end(), folder) == folders().end()) continue;
            EXPECT_TRUE(from->second.contains(folder)) << place(file, i) << ": " << header;
        }
    }
}

// Not every preset compiles every file; what is included is there all the same.
TEST(Lint, every_header_of_the_house_exists) {
    for (const auto& file : code()) {
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            std::string header = included(file.lines[i]);
            const std::string folder = header.substr(0, header.find('/'));
            if (std::find(folders().begin(), folders().end(), folder) == folders().end()) continue;
            if (const auto generated = header.rfind(".pb.h"); generated != std::string::npos) {
                header.replace(generated, std::string::npos, ".proto");
            }
            EXPECT_TRUE(fs::exists(root() / header)) << place(file, i) << ": " << header;
        }
    }
}

TEST(Lint, every_folder_with_sources_explains_itself) {
    const std::vector<std::string> headings{"What this is", "What it may not do",
                                            "Read in this order", "How it is tested", "Decisions"};
    std::set<std::string> wanted;
    for (const auto& file : code()) {
        const fs::path folder = fs::path{file.path}.parent_path();
        if (!file.path.starts_with("tests/")) wanted.insert(folder.string());
    }
    wanted.insert({"tests", "fuzz", "scenarios", "engine"});
    for (const auto& folder : wanted) {
        std::string text;
        for (const auto& line : read_lines(root() / folder / "README.md")) text += line + "\n";
        EXPECT_FALSE(text.empty()) << folder << " has no README.md";
        for (const auto& heading : headings) {
            EXPECT_NE(text.find(heading), std::string::npos) << folder << "/README.md: " << heading;
        }
    }
}

TEST(Lint, the_top_level_holds_what_was_agreed_and_nothing_else) {
    const std::set<std::string> agreed{"CMakeLists.txt",
                                       "CMakePresets.json",
                                       "Makefile",
                                       "README.md",
                                       "LICENSE",
                                       ".ci",
                                       ".clang-format",
                                       ".clang-tidy",
                                       ".gitignore",
                                       ".git",
                                       "build",
                                       "engine",
                                       "sim",
                                       "io",
                                       "drivers",
                                       "agent",
                                       "tests",
                                       "fuzz",
                                       "scenarios",
                                       ".cache",
                                       "compile_commands.json"};
    for (const auto& entry : fs::directory_iterator{root()}) {
        EXPECT_TRUE(agreed.contains(entry.path().filename().string())) << entry.path();
    }
}

}  // namespace
}  // namespace drover
