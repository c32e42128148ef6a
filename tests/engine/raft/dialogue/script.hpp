// The format of etcd-io/raft's test scripts: blocks of a command with arguments, optional input
// lines, a line of dashes, and the expected output up to a blank line.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drover::raft::dialogue {

struct Block {
    std::size_t line{};  // of the command, from 1
    std::string command;
    std::vector<std::string> words;                           // arguments without a value
    std::map<std::string, std::vector<std::string>> options;  // key=value, key=(v1,v2)
    std::vector<std::string> input;
    std::vector<std::string> expected;
    std::size_t answer_begin{};  // the lines of the script, from 0, that an answer replaces
    std::size_t answer_end{};

    [[nodiscard]] bool has(const std::string& key) const { return options.contains(key); }
    [[nodiscard]] std::string option(const std::string& key, std::string otherwise = {}) const;
    [[nodiscard]] bool flag(const std::string& key) const { return option(key) == "true"; }
    [[nodiscard]] std::uint64_t number(const std::string& key, std::uint64_t otherwise = 0) const;
    [[nodiscard]] std::vector<std::uint64_t> numbers(const std::string& key) const;
    [[nodiscard]] std::uint64_t word(std::size_t place) const;
    [[nodiscard]] std::vector<std::uint64_t> word_numbers() const;
};

using Lines = std::vector<std::string>;

// How much must agree: the state of members, also the messages between them, or the whole text.
enum class Level { state = 1, messages = 2, text = 3 };

enum class Format { interaction, confchange, quorum };

// A command with its arguments, as on the first line of a block.
[[nodiscard]] Block command_of(const std::string& line);
[[nodiscard]] std::vector<Block> parse(std::string_view text);
// The same script with these answers instead of the expected ones; comments stay.
[[nodiscard]] std::string rewritten(std::string_view text, const std::vector<Block>& script,
                                    const std::vector<Lines>& answers);
// By the commands alone; none where no command is known.
[[nodiscard]] std::optional<Format> format_of(const std::vector<Block>& script);
// A number, or 0 where the text is none.
[[nodiscard]] std::uint64_t to_number(std::string_view text);

// One answer for each block, from the first on.
[[nodiscard]] std::vector<Lines> answers_interaction(const std::vector<Block>& script);
[[nodiscard]] std::vector<Lines> answers_confchange(const std::vector<Block>& script);
[[nodiscard]] std::vector<Lines> answers_quorum(const std::vector<Block>& script);

// What differs first, or nothing.
[[nodiscard]] std::optional<std::string> difference(const Block& block, const Lines& answer,
                                                    Level level);

}  // namespace drover::raft::dialogue
