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

    [[nodiscard]] bool has(const std::string& key) const { return options.contains(key); }
    [[nodiscard]] std::string option(const std::string& key, std::string otherwise = {}) const;
    [[nodiscard]] bool flag(const std::string& key) const { return option(key) == "true"; }
    [[nodiscard]] std::uint64_t number(const std::string& key, std::uint64_t otherwise = 0) const;
    [[nodiscard]] std::vector<std::uint64_t> numbers(const std::string& key) const;
    [[nodiscard]] std::uint64_t word(std::size_t place) const;
    [[nodiscard]] std::vector<std::uint64_t> word_numbers() const;
};

enum class Level { state = 1, messages = 2 };

[[nodiscard]] std::vector<Block> parse(std::string_view text);
// A number, or 0 where the text is none.
[[nodiscard]] std::uint64_t to_number(std::string_view text);

// Each answers with the first difference, or with nothing. A script is run by the one that knows
// its commands.
[[nodiscard]] std::optional<std::string> run_interaction(const std::vector<Block>& script,
                                                         Level level);
[[nodiscard]] std::optional<std::string> run_confchange(const std::vector<Block>& script);
[[nodiscard]] std::optional<std::string> run_quorum(const std::vector<Block>& script);

}  // namespace drover::raft::dialogue
