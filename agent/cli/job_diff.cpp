// A job's diff as lines: markers in one column, names in the next, values aligned behind them.
// What is wholly new or wholly gone shows its parts only when asked for.
#include "agent/cli/job_diff.hpp"

#include <algorithm>

#include "agent/cli/text.hpp"

namespace drover::agent::cli {
namespace {

using schema::JsonValue;

std::string marker(const std::string& type) {
    if (type == "Added") return "+ ";
    if (type == "Deleted") return "- ";
    if (type == "Edited") return "+/- ";
    return "";
}

std::string marker_of(const JsonValue& diff) { return marker(text(diff, "Type")); }

std::string blanks(std::size_t count) { return std::string(count, ' '); }

std::string quoted(const std::string& text) { return schema::print_json(JsonValue{text}); }

std::string annotations(const JsonValue& json) {
    std::string text;
    for (const auto& one : list(json, "Annotations")) {
        if (one.text() != nullptr) text += (text.empty() ? "" : ", ") + *one.text();
    }
    return text.empty() ? text : " (" + text + ")";
}

std::string updates(const JsonValue& group) {
    std::string text;
    for (const auto& [what, count] : object(group, "Updates")) {
        if (count.integer() == nullptr || *count.integer() == 0) continue;
        text += (text.empty() ? "" : ", ") + std::to_string(*count.integer()) + " " + what;
    }
    return text.empty() ? text : " (" + text + ")";
}

// How wide the columns are for what stands beside each other.
struct Widths {
    std::size_t marker{}, name{};

    void cover(const JsonValue::Array& diffs) {
        for (const auto& one : diffs) marker = std::max(marker, marker_of(one).size());
    }
    static Widths of(const JsonValue& diff) {
        Widths widths;
        widths.cover(list(diff, "Fields"));
        widths.cover(list(diff, "Objects"));
        for (const auto& field : list(diff, "Fields"))
            widths.name = std::max(widths.name, text(field, "Name").size());
        return widths;
    }
    // The marker, and what fills its column.
    [[nodiscard]] std::string mark(const JsonValue& diff) const {
        const std::string mark = marker_of(diff);
        return mark + blanks(marker - mark.size());
    }
};

std::string field_line(const JsonValue& field, std::size_t indent, const Widths& widths) {
    const std::string type = text(field, "Type"), name = text(field, "Name");
    const std::string before = quoted(text(field, "Old")), after = quoted(text(field, "New"));
    return blanks(indent) + widths.mark(field) + name + ": " + blanks(widths.name - name.size()) +
           (type == "Edited"    ? before + " => " + after
            : type == "Deleted" ? before
                                : after) +
           annotations(field) + "\n";
}

std::string body(const JsonValue& diff, std::size_t indent, const Widths& widths) {
    std::string out;
    for (const auto& field : list(diff, "Fields")) out += field_line(field, indent, widths);
    for (const auto& one : list(diff, "Objects")) {
        const std::string mark = widths.mark(one);
        const std::size_t filling = mark.size() - marker_of(one).size();
        out += blanks(indent) + mark + text(one, "Name") + " {\n" +
               body(one, indent + filling + 2, Widths::of(one)) + blanks(indent + mark.size()) +
               "}\n";
    }
    return out;
}

bool shows_parts(const JsonValue& diff, bool verbose) {
    return verbose || text(diff, "Type") == "Edited";
}

std::string task_text(const JsonValue& task, std::size_t indent, const Widths& widths,
                      bool verbose) {
    std::string out = blanks(indent) + widths.mark(task) + "Task: " + quoted(text(task, "Name")) +
                      annotations(task) + "\n";
    if (text(task, "Type") == "None" || !shows_parts(task, verbose)) return out;
    return out + body(task, indent + 2, Widths::of(task));
}

std::string group_text(const JsonValue& group, const Widths& beside, bool verbose) {
    const std::string mark = beside.mark(group);
    const std::size_t indent = mark.size() - marker_of(group).size() + 2;
    std::string out = mark + "Task Group: " + quoted(text(group, "Name")) + updates(group) + "\n";
    Widths widths = Widths::of(group);
    widths.cover(list(group, "Tasks"));
    if (shows_parts(group, verbose)) out += body(group, indent, widths);
    for (const auto& task : list(group, "Tasks")) out += task_text(task, indent, widths, verbose);
    return out + "\n";
}

}  // namespace

std::string job_diff_text(const JsonValue& diff, bool verbose) {
    Widths widths = Widths::of(diff);
    widths.cover(list(diff, "TaskGroups"));
    std::string out = marker_of(diff) + "Job: " + quoted(text(diff, "ID")) + "\n";
    if (shows_parts(diff, verbose)) {
        const std::string parts = body(diff, 0, widths);
        out += parts + (parts.empty() ? "" : "\n");
    }
    for (const auto& group : list(diff, "TaskGroups")) out += group_text(group, widths, verbose);
    while (out.ends_with("\n\n")) out.pop_back();
    return out;
}

}  // namespace drover::agent::cli
