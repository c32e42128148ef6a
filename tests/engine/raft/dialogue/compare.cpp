// Whether an answer is the expected one, at three levels: the state of members, the messages
// between them whatever their order, or every character.
#include <algorithm>
#include <map>

#include "tests/engine/raft/dialogue/script.hpp"

namespace drover::raft::dialogue {
namespace {

std::string_view without_indent(std::string_view line) {
    const auto begin = line.find_first_not_of(' ');
    return begin == std::string_view::npos ? std::string_view{} : line.substr(begin);
}

// "1->2 MsgApp ...", also where it was dropped.
bool is_message(std::string_view line) {
    const auto arrow = line.find("->");
    const auto kind = line.find(" Msg");
    return arrow != std::string_view::npos && kind != std::string_view::npos && arrow < kind &&
           line.find(' ') >= (line.starts_with("dropped: ") ? 8 : kind);
}

// Every message of a block as often as it is there. Entries over several lines belong to their
// message; a snapshot's line counts for itself.
std::map<std::string, int> messages_of(const Lines& lines) {
    std::map<std::string, int> found;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::string text{without_indent(lines[i])};
        if (text.starts_with("Snapshot: ")) ++found[text];
        if (!is_message(text)) continue;
        bool open = text.ends_with("Entries:[");
        while (open && i + 1 < lines.size()) {
            const auto next = without_indent(lines[++i]);
            text += " " + std::string{next};
            open = !next.starts_with("]");
        }
        ++found[text];
    }
    return found;
}

std::string place(const Block& block) {
    return "line " + std::to_string(block.line) + ": " + block.command + ": ";
}

std::optional<std::string> text_difference(const Block& block, const Lines& answer) {
    const Lines& wanted = block.expected;
    for (std::size_t i = 0; i < std::max(answer.size(), wanted.size()); ++i) {
        const std::string expected = i < wanted.size() ? wanted[i] : "(nothing)";
        const std::string actual = i < answer.size() ? answer[i] : "(nothing)";
        if (expected == actual) continue;
        return place(block) + "line " + std::to_string(block.answer_begin + i + 1) +
               ": expected \"" + expected + "\", actual \"" + actual + "\"";
    }
    return std::nullopt;
}

std::optional<std::string> message_difference(const Block& block, const Lines& answer) {
    const auto wanted = messages_of(block.expected);
    const auto given = messages_of(answer);
    const auto count = [](const auto& all, const std::string& line) {
        const auto found = all.find(line);
        return found == all.end() ? 0 : found->second;
    };
    const auto report = [&](const std::string& line) {
        return place(block) + "expected " + std::to_string(count(wanted, line)) +
               " times, actual " + std::to_string(count(given, line)) + " times: \"" + line + "\"";
    };
    for (const auto& [line, times] : wanted) {
        if (count(given, line) != times) return report(line);
    }
    for (const auto& [line, times] : given) {
        if (count(wanted, line) != times) return report(line);
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string> difference(const Block& block, const Lines& answer, Level level) {
    const std::string& command = block.command;
    const bool state = command == "raft-log" || command == "raft-state" || command == "status";
    const bool unknown = !answer.empty() && answer.back().starts_with("unknown command");
    if (state || unknown || level == Level::text) return text_difference(block, answer);
    if (level == Level::state) return std::nullopt;
    return message_difference(block, answer);
}

}  // namespace drover::raft::dialogue
