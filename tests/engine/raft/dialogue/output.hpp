// What a script's command has to say: lines, indented where one command runs others, and nothing at
// all while the script has its log switched off. It must never decide what is said.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace drover::raft::dialogue {

using Lines = std::vector<std::string>;

enum class LogLevel { debug, info, warn, error, fatal, none };

inline constexpr std::array<std::string_view, 6> log_level_names{"DEBUG", "INFO",  "WARN",
                                                                 "ERROR", "FATAL", "NONE"};

// In capitals or not.
[[nodiscard]] inline std::optional<LogLevel> log_level_of(std::string name) {
    for (char& one : name)
        one = one >= 'a' && one <= 'z' ? static_cast<char>(one - 'a' + 'A') : one;
    const auto found = std::find(log_level_names.begin(), log_level_names.end(), name);
    if (found == log_level_names.end()) return std::nullopt;
    return static_cast<LogLevel>(found - log_level_names.begin());
}

class Output {
public:
    // One line or several.
    void say(std::string_view text) {
        while (level != LogLevel::none && !text.empty()) {
            const auto end = std::min(text.find('\n'), text.size());
            lines_.push_back(std::string(indent_, ' ') + std::string{text.substr(0, end)});
            text.remove_prefix(std::min(end + 1, text.size()));
        }
    }
    void log(LogLevel at, std::string_view text) {
        if (at < level) return;
        say(std::string{log_level_names.at(static_cast<std::size_t>(at))} + " " +
            std::string{text});
    }
    // A failed command says why even where nothing else is said.
    void fail(std::string_view text) { lines_.emplace_back(text); }

    template <class Act>
    void indented(Act act) {
        indent_ += 2;
        act();
        indent_ -= 2;
    }
    [[nodiscard]] Lines take() { return std::exchange(lines_, {}); }

    LogLevel level{LogLevel::debug};

private:
    Lines lines_;
    std::size_t indent_{0};
};

}  // namespace drover::raft::dialogue
