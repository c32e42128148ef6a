#include "agent/cli/job_diff.hpp"

#include "agent/cli/text.hpp"

namespace drover::agent::cli {
namespace {

using schema::JsonValue;

std::string marker(const std::string& type) {
    if (type == "Added") return "+   ";
    if (type == "Deleted") return "-   ";
    if (type == "Edited") return "+/- ";
    return "    ";
}

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

std::string field_line(const JsonValue& field, const std::string& indent) {
    const std::string type = text(field, "Type");
    const std::string before = text(field, "Old"), after = text(field, "New");
    std::string line = indent + marker(type) + text(field, "Name") + ": ";
    if (type == "Edited") {
        line += "\"" + before + "\" => \"" + after + "\"";
    } else {
        line += "\"" + (type == "Deleted" ? before : after) + "\"";
    }
    return line + annotations(field) + "\n";
}

std::string body(const JsonValue& json, const std::string& indent, bool verbose) {
    std::string out;
    for (const auto& field : list(json, "Fields")) {
        if (verbose || text(field, "Type") != "None") out += field_line(field, indent);
    }
    for (const auto& one : list(json, "Objects")) {
        if (!verbose && text(one, "Type") == "None") continue;
        out += indent + marker(text(one, "Type")) + text(one, "Name") + " {\n" +
               body(one, indent + "  ", verbose) + indent + "    }\n";
    }
    return out;
}

}  // namespace

std::string job_diff_text(const JsonValue& diff, bool verbose) {
    std::string out = marker(text(diff, "Type")) + "Job: \"" + text(diff, "ID") + "\"\n" +
                      body(diff, "", verbose);
    for (const auto& group : list(diff, "TaskGroups")) {
        out += marker(text(group, "Type")) + "Task Group: \"" + text(group, "Name") + "\"" +
               updates(group) + "\n" + body(group, "  ", verbose);
        for (const auto& task : list(group, "Tasks")) {
            if (!verbose && text(task, "Type") == "None" && list(task, "Annotations").empty())
                continue;
            out += "  " + marker(text(task, "Type")) + "Task: \"" + text(task, "Name") + "\"" +
                   annotations(task) + "\n" + body(task, "    ", verbose);
        }
    }
    return out;
}

}  // namespace drover::agent::cli
