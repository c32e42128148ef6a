// See script.hpp.
#include "tests/engine/raft/dialogue/script.hpp"

#include <charconv>

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

void read_command(Block& block, const std::string& line) {
    const auto words = split_words(line);
    block.command = words.front();
    for (std::size_t i = 1; i < words.size(); ++i) {
        const auto equals = words[i].find('=');
        if (equals == std::string::npos) {
            block.words.push_back(words[i]);
        } else {
            block.options[words[i].substr(0, equals)] = split_values(words[i].substr(equals + 1));
        }
    }
}

}  // namespace

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
        Block block;
        block.line = at + 1;
        read_command(block, lines[at++]);
        for (; at < lines.size() && lines[at] != "----"; ++at) block.input.push_back(lines[at]);
        ++at;
        // Doubled dashes bracket an output that has blank lines itself.
        const bool doubled = at < lines.size() && lines[at] == "----";
        if (doubled) ++at;
        for (; at < lines.size(); ++at) {
            if (doubled ? lines[at] == "----" : lines[at].empty()) break;
            block.expected.push_back(lines[at]);
        }
        if (doubled) at += 2;
        blocks.push_back(std::move(block));
    }
    return blocks;
}

}  // namespace drover::raft::dialogue
