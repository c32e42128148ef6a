// raft_dialogue [--level L1|L2|L3] [--rewrite] FILE...: runs scripts of etcd-io/raft's formats
// (interaction, confchange, quorum) against the core. Which format a file has is told by its
// commands. One line per file, or the first block that differs; exits 0 only when all hold.
//
//   L1  the state of members (raft-log, raft-state, status) is equal
//   L2  and every block sends the same messages, in whatever order (the default)
//   L3  the whole text is equal
//
// The level concerns interaction files; the others are always compared as a whole. --rewrite puts
// the answers into the files instead of comparing them.
#include <fstream>
#include <iostream>
#include <iterator>

#include "tests/engine/raft/dialogue/script.hpp"

namespace {

using namespace drover::raft::dialogue;

constexpr const char* usage = "usage: raft_dialogue [--level L1|L2|L3] [--rewrite] FILE...\n";

struct Options {
    Level level{Level::messages};
    bool rewrite{false};
    std::vector<std::string> files;
};

// Nothing where the words make no sense; why was said then.
std::optional<Options> options_of(const std::vector<std::string>& words) {
    Options options;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "--level" && i + 1 < words.size()) {
            const std::string& name = words[++i];
            if (name != "L1" && name != "L2" && name != "L3") {
                std::cerr << "--level: \"" << name << "\" is not a level; use L1, L2 or L3\n";
                return std::nullopt;
            }
            options.level = static_cast<Level>(name[1] - '0');
        } else if (words[i] == "--rewrite") {
            options.rewrite = true;
        } else if (words[i].starts_with("--")) {
            std::cerr << words[i] << ": not an option, or its value is missing\n" << usage;
            return std::nullopt;
        } else {
            options.files.push_back(words[i]);
        }
    }
    if (options.files.empty()) {
        std::cerr << usage;
        return std::nullopt;
    }
    return options;
}

std::vector<Lines> answers_of(Format format, const std::vector<Block>& script) {
    switch (format) {
        case Format::quorum:
            return answers_quorum(script);
        case Format::confchange:
            return answers_confchange(script);
        case Format::interaction:
            break;
    }
    return answers_interaction(script);
}

// What differs, or nothing.
std::optional<std::string> run(const std::string& path, const Options& options) {
    std::ifstream in{path};
    if (!in) return "cannot be read";
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    const auto script = parse(text);
    const auto format = format_of(script);
    if (!format) return "holds no command";
    const auto answers = answers_of(*format, script);
    if (options.rewrite) {
        std::ofstream out{path};
        out << rewritten(text, script, answers);
        return out.flush() ? std::nullopt : std::optional<std::string>{"cannot be written"};
    }
    const Level level = *format == Format::interaction ? options.level : Level::text;
    for (std::size_t i = 0; i < script.size(); ++i) {
        if (auto found = difference(script[i], answers[i], level)) return found;
    }
    return std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = options_of({argv + 1, argv + argc});
    if (!options) return 2;
    bool good = true;
    for (const auto& path : options->files) {
        const auto difference = run(path, *options);
        good = good && !difference;
        if (difference) {
            std::cout << "FAIL " << path << ": " << *difference << "\n";
        } else {
            std::cout << "ok " << path << "\n";
        }
    }
    return good ? 0 : 1;
}
