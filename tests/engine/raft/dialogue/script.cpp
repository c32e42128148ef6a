// See script.hpp.
#include "tests/engine/raft/dialogue/script.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace drover::raft::dialogue {
namespace {

std::vector<std::string> split_lines(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const auto end = text.find('\n');
        lines.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return lines;
}

// Splits at blanks, but not within parentheses.
std::vector<std::string> split_words(const std::string& line) {
    std::vector<std::string> words;
    std::string word;
    int depth = 0;
    for (const char one : line) {
        if (one == ' ' && depth == 0) {
            if (!word.empty()) words.push_back(word);
            word.clear();
            continue;
        }
        depth += one == '(' ? 1 : one == ')' ? -1 : 0;
        if (one != ' ') word.push_back(one);
    }
    if (!word.empty()) words.push_back(word);
    return words;
}

std::vector<std::string> split_values(std::string value) {
    if (value.starts_with('(') && value.ends_with(')')) value = value.substr(1, value.size() - 2);
    std::vector<std::string> values;
    std::size_t from = 0;
    for (std::size_t comma = value.find(','); comma != std::string::npos;
         comma = value.find(',', from)) {
        values.push_back(value.substr(from, comma - from));
        from = comma + 1;
    }
    if (from < value.size()) values.push_back(value.substr(from));
    return values;
}

}  // namespace

Block command_of(const std::string& line) {
    Block block;
    const auto words = split_words(line);
    if (words.empty()) return block;
    block.command = words.front();
    for (std::size_t i = 1; i < words.size(); ++i) {
        const auto equals = words[i].find('=');
        if (equals == std::string::npos) {
            block.words.push_back(words[i]);
        } else {
            block.options[words[i].substr(0, equals)] = split_values(words[i].substr(equals + 1));
        }
    }
    return block;
}

std::uint64_t to_number(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::string Block::option(const std::string& key, std::string otherwise) const {
    const auto found = options.find(key);
    return found == options.end() || found->second.empty() ? otherwise : found->second.front();
}

std::uint64_t Block::number(const std::string& key, std::uint64_t otherwise) const {
    return has(key) ? to_number(option(key)) : otherwise;
}

std::vector<std::uint64_t> Block::numbers(const std::string& key) const {
    std::vector<std::uint64_t> found;
    if (!has(key)) return found;
    for (const auto& value : options.at(key)) found.push_back(to_number(value));
    return found;
}

std::uint64_t Block::word(std::size_t place) const {
    return place < words.size() ? to_number(words[place]) : 0;
}

std::vector<std::uint64_t> Block::word_numbers() const {
    std::vector<std::uint64_t> found;
    for (const auto& one : words) found.push_back(to_number(one));
    return found;
}

std::vector<Block> parse(std::string_view text) {
    const auto lines = split_lines(text);
    std::vector<Block> blocks;
    std::size_t at = 0;
    const auto plain = [&](std::size_t i) { return !lines[i].empty() && lines[i][0] != '#'; };
    while (at < lines.size()) {
        if (!plain(at)) {
            ++at;
            continue;
        }
        Block block = command_of(lines[at]);
        block.line = ++at;
        for (; at < lines.size() && lines[at] != "----"; ++at) {
            if (plain(at)) block.input.push_back(lines[at]);
        }
        block.answer_begin = ++at;
        // Doubled dashes bracket an output that has blank lines itself.
        const bool doubled = at < lines.size() && lines[at] == "----";
        if (doubled) ++at;
        for (; at < lines.size(); ++at) {
            if (doubled ? lines[at] == "----" : lines[at].empty()) break;
            block.expected.push_back(lines[at]);
        }
        if (doubled) at = std::min(at + 2, lines.size());
        block.answer_end = std::min(at, lines.size());
        blocks.push_back(std::move(block));
    }
    return blocks;
}

std::string rewritten(std::string_view text, const std::vector<Block>& script,
                      const std::vector<Lines>& answers) {
    const auto lines = split_lines(text);
    std::string out;
    std::size_t at = 0;
    const auto put = [&out](const std::string& line) { out += line + "\n"; };
    for (std::size_t i = 0; i < script.size() && i < answers.size(); ++i) {
        for (; at < script[i].answer_begin && at < lines.size(); ++at) put(lines[at]);
        const bool blank = std::any_of(answers[i].begin(), answers[i].end(),
                                       [](const std::string& line) { return line.empty(); });
        if (blank) put("----");
        for (const auto& line : answers[i]) put(line);
        if (blank) {
            put("----");
            put("----");
        }
        at = script[i].answer_end;
    }
    for (; at < lines.size(); ++at) put(lines[at]);
    return out;
}

std::optional<Format> format_of(const std::vector<Block>& script) {
    static const std::set<std::string> quorum{"committed", "vote"};
    static const std::set<std::string> confchange{"simple", "enter-joint", "leave-joint"};
    if (script.empty()) return std::nullopt;
    const std::string& command = script.front().command;
    if (quorum.contains(command)) return Format::quorum;
    return confchange.contains(command) ? Format::confchange : Format::interaction;
}

}  // namespace drover::raft::dialogue
