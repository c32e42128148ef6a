// Jobs that are registered already: their allocations, evaluated anew, gone back with, and scaled.
#include <charconv>
#include <iostream>

#include "agent/cli/command.hpp"
#include "agent/cli/monitor.hpp"
#include "agent/cli/rows.hpp"
#include "agent/cli/text.hpp"

namespace drover::agent::cli {
namespace {

using schema::JsonValue;

std::optional<std::int64_t> whole_number(const std::string& word) {
    std::int64_t number = 0;
    const char* const end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, number);
    if (error != std::errc{} || stop != end || number < 0) return std::nullopt;
    return number;
}

std::string path_of(const std::string& id) { return "/v1/job/" + segment(id); }

// By its number or by its tag.
std::optional<std::int64_t> version_named(const Invocation& invocation, const std::string& id,
                                          const std::string& told) {
    if (const auto number = whole_number(told)) return number;
    const auto reply = invocation.api->get(path_of(id) + "/versions");
    if (!reply) return std::nullopt;
    for (const auto& version : list(reply->json, "Versions")) {
        const JsonValue& tag = at(version, "VersionTag");
        if (!tag.is_null() && text(tag, "Name") == told) return integer(version, "Version");
    }
    return std::nullopt;
}

// Follows the evaluation that a change brought along, or tells its id.
int follow(const Invocation& invocation, const JsonValue& written) {
    const std::string warnings = text(written, "Warnings");
    if (!warnings.empty()) std::cout << "Job Warnings:\n" << warnings << "\n\n";
    const std::string evaluation = text(written, "EvalID");
    if (evaluation.empty()) return 0;
    if (invocation.flags.on("detach")) {
        std::cout << "Evaluation ID: " << evaluation << "\n";
        return 0;
    }
    return monitor_evaluation(*invocation.api, evaluation, {invocation.flags.on("verbose"), true});
}

// The group that is named, or the only one; empty, with the reason told, when that is not clear.
std::string group_to_scale(const Invocation& invocation, const JsonValue& job) {
    if (invocation.arguments().size() == 3) return invocation.arguments()[1];
    const auto& groups = list(job, "TaskGroups");
    if (groups.size() == 1) return text(groups.front(), "Name");
    std::string names;
    for (const auto& group : groups) names += "\n  " + text(group, "Name");
    report_error("Job \"" + text(job, "ID") + "\" has several groups; name one of them:\n" + names);
    return {};
}

}  // namespace

int job_allocs(const Invocation& invocation) {
    const auto job = find_job(invocation, invocation.arguments()[0]);
    if (!job) return 1;
    const auto reply =
        invocation.api->get(path_of(text(*job, "ID")) + "/allocations",
                            {{"all", invocation.flags.on("all") ? "true" : "false"}});
    if (!reply) return report_error("Error retrieving allocations: " + reply.error().message);
    if (invocation.flags.on("json")) return print(reply->json);
    std::cout << allocation_rows(reply->json, invocation.flags.on("verbose"));
    return 0;
}

int job_eval(const Invocation& invocation) {
    const auto job = find_job(invocation, invocation.arguments()[0]);
    if (!job) return 1;
    const std::string id = text(*job, "ID");
    const bool force = invocation.flags.on("force-reschedule");
    const auto reply = invocation.api->put(
        path_of(id) + "/evaluate",
        JsonValue::Object{{"JobID", id},
                          {"EvalOptions", JsonValue::Object{{"ForceReschedule", force}}}});
    if (!reply) return report_error("Error evaluating job: " + reply.error().message);
    const std::string evaluation = text(reply->json, "EvalID");
    if (invocation.flags.on("detach")) {
        std::cout << "Created eval ID: \"" << short_id(evaluation, invocation.flags.on("verbose"))
                  << "\"\n";
        return 0;
    }
    return monitor_evaluation(*invocation.api, evaluation, {invocation.flags.on("verbose"), false});
}

int job_revert(const Invocation& invocation) {
    const auto job = find_job(invocation, invocation.arguments()[0]);
    if (!job) return 1;
    const std::string& told = invocation.arguments()[1];
    const std::string id = text(*job, "ID");
    const auto version = version_named(invocation, id, told);
    if (!version) {
        return report_error("\"" + told +
                            "\" is no version: write a number or a tag that `job history` shows");
    }
    const auto reply =
        invocation.api->put(path_of(id) + "/revert",
                            JsonValue::Object{{"JobID", id},
                                              {"JobVersion", *version},
                                              {"EnforcePriorVersion", integer(*job, "Version")}});
    if (!reply) return report_error("Error reverting job: " + reply.error().message);
    return follow(invocation, reply->json);
}

int job_scale(const Invocation& invocation) {
    const auto job = find_job(invocation, invocation.arguments()[0]);
    if (!job) return 1;
    const std::string group = group_to_scale(invocation, *job);
    if (group.empty()) return 1;
    const std::string& told = invocation.arguments().back();
    const auto count = whole_number(told);
    if (!count) return report_error("\"" + told + "\" is no count: write a number, 0 or more");
    const std::string id = text(*job, "ID");
    JsonValue body = JsonValue::Object{
        {"Count", *count},
        {"Target",
         JsonValue::Object{{"Job", id}, {"Group", group}, {"Namespace", text(*job, "Namespace")}}},
        {"Message", "submitted using the command line"}};
    if (const auto* index = invocation.flags.value("check-index")) {
        const auto expected = whole_number(*index);
        if (!expected) {
            return report_error("-check-index=\"" + *index + "\": write the job's modify index");
        }
        body.set("JobModifyIndex", *expected);
    }
    const auto reply = invocation.api->put(path_of(id) + "/scale", body);
    if (!reply) return report_error("Error submitting scaling request: " + reply.error().message);
    return follow(invocation, reply->json);
}

}  // namespace drover::agent::cli
