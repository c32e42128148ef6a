// Deployments: shown, promoted, failed, paused and resumed.
#include <iostream>

#include "agent/cli/command.hpp"
#include "agent/cli/monitor.hpp"
#include "agent/cli/rows.hpp"
#include "agent/cli/text.hpp"

namespace drover::agent::cli {
namespace {

using schema::JsonValue;

std::optional<JsonValue> find_deployment(const Invocation& invocation) {
    return find_by_prefix(invocation, "/v1/deployments", "/v1/deployment/", "deployment",
                          invocation.arguments()[0]);
}

bool waits_for_promotion(const JsonValue& state) {
    return integer(state, "DesiredCanaries") > 0 && !truth(state, "Promoted");
}

std::string word(bool value) { return value ? "true" : "false"; }

// Columns that say the same of every group are left out: reverting, and what belongs to canaries.
std::string group_rows(const JsonValue& deployment) {
    const auto& groups = object(deployment, "TaskGroups");
    bool reverts = false, has_canaries = false;
    for (const auto& [group, state] : groups) {
        reverts |= truth(state, "AutoRevert");
        has_canaries |= integer(state, "DesiredCanaries") > 0;
    }
    Row head{"Task Group"};
    if (reverts) head.emplace_back("Auto Revert");
    if (has_canaries) head.emplace_back("Promoted");
    head.emplace_back("Desired");
    if (has_canaries) head.emplace_back("Canaries");
    for (const char* name : {"Placed", "Healthy", "Unhealthy", "Progress Deadline"})
        head.emplace_back(name);
    std::vector<Row> rows{head};
    for (const auto& [group, state] : groups) {
        const bool canaries = integer(state, "DesiredCanaries") > 0;
        Row row{group};
        if (reverts) row.push_back(word(truth(state, "AutoRevert")));
        if (has_canaries) row.push_back(canaries ? word(truth(state, "Promoted")) : "N/A");
        row.push_back(std::to_string(integer(state, "DesiredTotal")));
        if (has_canaries) row.push_back(std::to_string(integer(state, "DesiredCanaries")));
        for (const char* name : {"PlacedAllocs", "HealthyAllocs", "UnhealthyAllocs"})
            row.push_back(std::to_string(integer(state, name)));
        const std::string until = text(state, "RequireProgressBy");
        row.push_back(until.empty() || until.starts_with("0001-") ? "N/A" : until);
        rows.push_back(std::move(row));
    }
    return columns(rows);
}

// Sends the change, and returns what was answered; reports what went wrong.
std::optional<JsonValue> change(const Invocation& invocation, const std::string& id,
                                const std::string& what, JsonValue::Object body) {
    body.emplace_back("DeploymentID", id);
    auto reply =
        invocation.api->put("/v1/deployment/" + what + "/" + id, JsonValue{std::move(body)});
    if (reply) return std::move(reply->json);
    report_error("Error changing deployment: " + reply.error().message);
    return std::nullopt;
}

// What came of a change is followed, unless nobody wants to know.
int follow(const Invocation& invocation, const JsonValue& written) {
    const std::string evaluation = text(written, "EvalID");
    if (evaluation.empty() || invocation.flags.on("detach")) return 0;
    std::cout << "\n";
    return monitor_evaluation(*invocation.api, evaluation, {invocation.flags.on("verbose"), false});
}

std::string named(const Invocation& invocation, const JsonValue& deployment) {
    return "Deployment \"" + short_id(text(deployment, "ID"), invocation.flags.on("verbose")) +
           "\"";
}

// What a rollout did after its promotion is part of the answer to it.
int promote(const Invocation& invocation, const std::string& id) {
    JsonValue::Object body;
    const auto groups = invocation.flags.values("group");
    if (groups.empty()) {
        body.emplace_back("All", true);
    } else {
        JsonValue::Array list;
        for (const auto& group : groups) list.emplace_back(group);
        body.emplace_back("Groups", std::move(list));
    }
    const auto written = change(invocation, id, "promote", std::move(body));
    if (!written) return 1;
    const std::string evaluation = text(*written, "EvalID");
    if (evaluation.empty() || invocation.flags.on("detach")) {
        if (!evaluation.empty()) std::cout << "Evaluation ID: " << evaluation << "\n";
        return 0;
    }
    return monitor_evaluation(*invocation.api, evaluation, {invocation.flags.on("verbose"), true});
}

}  // namespace

std::string deployment_rows(const JsonValue& deployments, bool verbose) {
    if (deployments.array() == nullptr || deployments.array()->empty())
        return "No deployments found\n";
    std::vector<Row> rows{{"ID", "Job ID", "Job Version", "Status", "Description"}};
    for (const auto& one : *deployments.array()) {
        rows.push_back({short_id(text(one, "ID"), verbose), text(one, "JobID"),
                        std::to_string(integer(one, "JobVersion")), text(one, "Status"),
                        text(one, "StatusDescription")});
    }
    return columns(rows);
}

std::string deployment_text(const JsonValue& deployment, bool verbose) {
    std::string out =
        key_values({{"ID", short_id(text(deployment, "ID"), verbose)},
                    {"Job ID", text(deployment, "JobID")},
                    {"Job Version", std::to_string(integer(deployment, "JobVersion"))},
                    {"Status", text(deployment, "Status")},
                    {"Description", text(deployment, "StatusDescription")}});
    if (!object(deployment, "TaskGroups").empty()) out += "\nDeployed\n" + group_rows(deployment);
    return out;
}

int deployment_list(const Invocation& invocation) {
    const auto reply = invocation.api->get("/v1/deployments");
    if (!reply) return report_error("Error retrieving deployments: " + reply.error().message);
    if (invocation.flags.on("json")) return print(reply->json);
    std::cout << deployment_rows(reply->json, invocation.flags.on("verbose"));
    return 0;
}

int deployment_status(const Invocation& invocation) {
    if (invocation.arguments().empty()) return deployment_list(invocation);
    const auto deployment = find_deployment(invocation);
    if (!deployment) return 1;
    if (invocation.flags.on("json")) return print(*deployment);
    const bool verbose = invocation.flags.on("verbose");
    std::cout << deployment_text(*deployment, verbose);
    if (!invocation.flags.on("monitor")) return 0;
    std::cout << "\n";
    return monitor_deployment(*invocation.api, text(*deployment, "ID"), verbose);
}

int deployment_promote(const Invocation& invocation) {
    const auto deployment = find_deployment(invocation);
    return deployment ? promote(invocation, text(*deployment, "ID")) : 1;
}

int deployment_fail(const Invocation& invocation) {
    const auto deployment = find_deployment(invocation);
    if (!deployment) return 1;
    const auto written = change(invocation, text(*deployment, "ID"), "fail", {});
    if (!written) return 1;
    std::cout << named(invocation, *deployment) << " failed";
    if (at(*written, "RevertedJobVersion").integer() != nullptr)
        std::cout << "; the job goes back to version " << integer(*written, "RevertedJobVersion");
    std::cout << "\n";
    return follow(invocation, *written);
}

int deployment_pause(const Invocation& invocation) {
    const auto deployment = find_deployment(invocation);
    if (!deployment) return 1;
    if (!change(invocation, text(*deployment, "ID"), "pause", {{"Pause", true}})) return 1;
    std::cout << named(invocation, *deployment) << " paused\n";
    return 0;
}

int deployment_resume(const Invocation& invocation) {
    const auto deployment = find_deployment(invocation);
    if (!deployment) return 1;
    const auto written = change(invocation, text(*deployment, "ID"), "pause", {{"Pause", false}});
    if (!written) return 1;
    std::cout << named(invocation, *deployment) << " resumed\n";
    return follow(invocation, *written);
}

int deployment_unblock(const Invocation& invocation) {
    const auto deployment = find_deployment(invocation);
    if (!deployment) return 1;
    const auto written = change(invocation, text(*deployment, "ID"), "unblock", {});
    if (!written) return 1;
    std::cout << named(invocation, *deployment) << " unblocked\n";
    return follow(invocation, *written);
}

// ---- the same, by the job that is rolled out

int job_deployments(const Invocation& invocation) {
    const auto job = find_job(invocation, invocation.arguments()[0]);
    if (!job) return 1;
    const bool verbose = invocation.flags.on("verbose");
    const std::string path = "/v1/job/" + segment(text(*job, "ID"));
    if (invocation.flags.on("latest")) {
        const auto reply = invocation.api->get(path + "/deployment");
        if (!reply) return report_error("Error retrieving deployments: " + reply.error().message);
        if (invocation.flags.on("json")) return print(reply->json);
        std::cout << (reply->json.is_null() ? "No deployment found\n"
                                            : deployment_text(reply->json, verbose));
        return 0;
    }
    const auto reply = invocation.api->get(
        path + "/deployments", {{"all", invocation.flags.on("all") ? "true" : "false"}});
    if (!reply) return report_error("Error retrieving deployments: " + reply.error().message);
    if (invocation.flags.on("json")) return print(reply->json);
    std::cout << deployment_rows(reply->json, verbose);
    return 0;
}

int job_promote(const Invocation& invocation) {
    const auto job = find_job(invocation, invocation.arguments()[0]);
    if (!job) return 1;
    const std::string id = text(*job, "ID");
    const auto latest = invocation.api->get("/v1/job/" + segment(id) + "/deployment");
    if (!latest) return report_error("Error retrieving deployment: " + latest.error().message);
    if (latest->json.is_null()) {
        return report_error("Job \"" + id + "\" has no deployment to promote");
    }
    bool waits = false;
    for (const auto& [group, state] : object(latest->json, "TaskGroups"))
        waits |= waits_for_promotion(state);
    if (!waits) {
        return report_error("Deployment \"" + text(latest->json, "ID") + "\" of job \"" + id +
                            "\" has no canaries that wait for promotion");
    }
    return promote(invocation, text(latest->json, "ID"));
}

}  // namespace drover::agent::cli
