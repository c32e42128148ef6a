// Jobs as they stand: listed, shown, their versions and their source.
#include <algorithm>
#include <iostream>

#include "agent/cli/command.hpp"
#include "agent/cli/job_diff.hpp"
#include "agent/cli/launch_times.hpp"
#include "agent/cli/monitor.hpp"
#include "agent/cli/rows.hpp"
#include "agent/cli/text.hpp"

namespace drover::agent::cli {
namespace {

using schema::JsonValue;

int list_jobs(const Invocation& invocation) {
    const auto reply = invocation.api->get("/v1/jobs");
    if (!reply) return report_error("Error querying jobs: " + reply.error().message);
    if (invocation.flags.on("json")) return print(reply->json);
    if (reply->json.array() == nullptr || reply->json.array()->empty()) {
        std::cout << "No running jobs\n";
        return 0;
    }
    std::vector<Row> rows{{"ID", "Type", "Priority", "Status", "Submit Date"}};
    for (const auto& job : *reply->json.array()) {
        std::string status = text(job, "Status");
        if (truth(job, "Stop") && status != "dead") status += " (stopped)";
        if (truth(job, "Stop") && status == "dead") status = "dead (stopped)";
        rows.push_back({text(job, "ID"), text(job, "Type"),
                        std::to_string(integer(job, "Priority")), status,
                        time_text(integer(job, "SubmitTime"))});
    }
    std::cout << columns(rows);
    return 0;
}

void print_summary(ApiClient& api, const std::string& path) {
    const auto reply = api.get(path + "/summary");
    if (!reply) return;
    std::vector<Row> rows{
        {"Task Group", "Queued", "Starting", "Running", "Failed", "Complete", "Lost", "Unknown"}};
    for (const auto& [group, counts] : object(reply->json, "Summary")) {
        Row row{group};
        for (const char* what :
             {"Queued", "Starting", "Running", "Failed", "Complete", "Lost", "Unknown"}) {
            row.push_back(std::to_string(integer(counts, what)));
        }
        rows.push_back(std::move(row));
    }
    std::cout << "\nSummary\n" << columns(rows);
}

void print_failures(const JsonValue& evaluations) {
    if (evaluations.array() == nullptr || evaluations.array()->empty()) return;
    // The newest evaluation tells whether something still waits for a place.
    const JsonValue* newest = nullptr;
    for (const auto& one : *evaluations.array()) {
        if (newest == nullptr || integer(one, "CreateIndex") > integer(*newest, "CreateIndex"))
            newest = &one;
    }
    const auto& failed = object(*newest, "FailedTGAllocs");
    if (failed.empty() || text(*newest, "Status") == "canceled") return;
    std::cout << "\nPlacement Failure\n";
    for (const auto& [group, metrics] : failed) {
        std::cout << "Task Group \"" << group << "\":\n" << placement_metrics(metrics, "  * ");
    }
}

void print_evaluations(const JsonValue& evaluations, bool verbose) {
    if (evaluations.array() == nullptr) return;
    std::vector<Row> rows{{"ID", "Priority", "Triggered By", "Status", "Placement Failures"}};
    for (const auto& one : *evaluations.array()) {
        rows.push_back({short_id(text(one, "ID"), verbose),
                        std::to_string(integer(one, "Priority")), text(one, "TriggeredBy"),
                        text(one, "Status"),
                        object(one, "FailedTGAllocs").empty() ? "false" : "true"});
    }
    std::cout << "\nEvaluations\n" << columns(rows);
}

void print_deployment(ApiClient& api, const std::string& path, bool verbose) {
    const auto reply = api.get(path + "/deployment");
    if (!reply || reply->json.is_null()) return;
    const JsonValue& deployment = reply->json;
    std::cout << "\nLatest Deployment\n"
              << key_values({{"ID", short_id(text(deployment, "ID"), verbose)},
                             {"Status", text(deployment, "Status")},
                             {"Description", text(deployment, "StatusDescription")}});
    std::vector<Row> rows{{"Task Group", "Desired", "Placed", "Healthy", "Unhealthy"}};
    for (const auto& [group, state] : object(deployment, "TaskGroups")) {
        rows.push_back({group, std::to_string(integer(state, "DesiredTotal")),
                        std::to_string(integer(state, "PlacedAllocs")),
                        std::to_string(integer(state, "HealthyAllocs")),
                        std::to_string(integer(state, "UnhealthyAllocs"))});
    }
    std::cout << "\nDeployed\n" << columns(rows);
}

bool is_parent(const JsonValue& job) {
    const bool launched = !at(job, "Periodic").is_null();
    return launched || (!at(job, "ParameterizedJob").is_null() && !truth(job, "Dispatched"));
}

// A periodic or parameterised job has jobs, where others have allocations.
int print_children(ApiClient& api, const JsonValue& job, const std::string& path) {
    if (const auto summary = api.get(path + "/summary")) {
        const JsonValue& counts = at(summary->json, "Children");
        Row row;
        for (const char* what : {"Pending", "Running", "Dead"}) {
            row.push_back(std::to_string(integer(counts, what)));
        }
        std::cout << "\nChildren Job Summary\n" << columns({{"Pending", "Running", "Dead"}, row});
    }
    const std::string id = text(job, "ID");
    const auto children = api.get("/v1/jobs", {{"prefix", id + "/"}});
    if (!children) return report_error("Error querying jobs: " + children.error().message);
    std::vector<Row> rows{{"ID", "Status", "Submit Date"}};
    const JsonValue::Array none;
    const auto* const stubs = children->json.array();
    for (const auto& child : stubs != nullptr ? *stubs : none) {
        if (text(child, "ParentID") != id) continue;
        rows.push_back(
            {text(child, "ID"), text(child, "Status"), time_text(integer(child, "SubmitTime"))});
    }
    const bool launched = !at(job, "Periodic").is_null();
    const std::string title = launched ? "Previously Launched Jobs" : "Dispatched Jobs";
    if (rows.size() > 1) std::cout << "\n" << title << "\n" << columns(rows);
    return 0;
}

}  // namespace

int job_status(const Invocation& invocation) {
    if (invocation.arguments().empty()) return list_jobs(invocation);
    const bool verbose = invocation.flags.on("verbose");
    const auto job = find_job(invocation, invocation.arguments()[0]);
    if (!job) return 1;
    if (invocation.flags.on("json")) return print(*job);
    std::string datacenters;
    for (const auto& one : list(*job, "Datacenters")) {
        if (one.text() != nullptr) datacenters += (datacenters.empty() ? "" : ",") + *one.text();
    }
    std::string status = text(*job, "Status");
    if (truth(*job, "Stop")) status += " (stopped)";
    std::vector<std::pair<std::string, std::string>> facts{
        {"ID", text(*job, "ID")},
        {"Name", text(*job, "Name")},
        {"Submit Date", time_text(integer(*job, "SubmitTime"))},
        {"Type", text(*job, "Type")},
        {"Priority", std::to_string(integer(*job, "Priority"))},
        {"Datacenters", datacenters},
        {"Namespace", text(*job, "Namespace")},
        {"Node Pool", text(*job, "NodePool")},
        {"Status", status},
        {"Periodic", at(*job, "Periodic").is_null() ? "false" : "true"},
        {"Parameterized", at(*job, "ParameterizedJob").is_null() ? "false" : "true"}};
    const std::string launch = next_launch_text(*job);
    if (!launch.empty()) facts.emplace_back("Next Periodic Launch", launch);
    std::cout << key_values(facts);
    if (invocation.flags.on("short")) return 0;
    const std::string path = "/v1/job/" + segment(text(*job, "ID"));
    if (is_parent(*job)) return print_children(*invocation.api, *job, path);
    print_summary(*invocation.api, path);
    if (const auto evaluations = invocation.api->get(path + "/evaluations")) {
        if (invocation.flags.on("evals")) print_evaluations(evaluations->json, verbose);
        print_failures(evaluations->json);
    }
    print_deployment(*invocation.api, path, verbose);
    const auto allocations = invocation.api->get(
        path + "/allocations", {{"all", invocation.flags.on("all-allocs") ? "true" : "false"}});
    if (allocations) std::cout << "\nAllocations\n" << allocation_rows(allocations->json, verbose);
    return 0;
}

// `status ID`: whatever has that id, or begins so; `status`: the jobs.
int any_status(const Invocation& invocation) {
    if (invocation.arguments().empty()) return list_jobs(invocation);
    const std::string& told = invocation.arguments()[0];
    const auto reply =
        invocation.api->put("/v1/search", JsonValue::Object{{"Prefix", told}, {"Context", "all"}});
    if (!reply) return report_error("Error querying search: " + reply.error().message);
    std::vector<std::pair<std::string, std::string>> found;
    for (const auto& [kind, ids] : object(reply->json, "Matches")) {
        if (ids.array() == nullptr) continue;
        for (const auto& id : *ids.array()) {
            if (id.text() == nullptr) continue;
            if (*id.text() == told)
                found.insert(found.begin(), {kind, told});
            else
                found.emplace_back(kind, *id.text());
        }
    }
    if (found.empty()) return report_error("Unable to resolve ID: " + told);
    const bool exact = found.front().second == told;
    const bool one_kind = std::all_of(found.begin(), found.end(), [&](const auto& one) {
        return one.first == found.front().first;
    });
    if (!exact && !one_kind) {
        std::vector<Row> rows{{"Kind", "ID"}};
        for (const auto& [kind, id] : found) rows.push_back({kind, id});
        return report_error("Multiple matches found for ID \"" + told + "\"\n\n" + columns(rows));
    }
    const std::string& kind = found.front().first;
    if (kind == "jobs") return job_status(invocation);
    if (kind == "allocs") return alloc_status(invocation);
    if (kind == "evals") return eval_status(invocation);
    if (kind == "nodes") return node_status(invocation);
    if (kind == "deployment") return deployment_status(invocation);
    return report_error("\"" + told + "\" is one of the " + kind +
                        ", which have no status command");
}

namespace {

std::vector<std::pair<std::string, std::string>> version_facts(const JsonValue& version) {
    std::vector<std::pair<std::string, std::string>> facts{
        {"Version", std::to_string(integer(version, "Version"))},
        {"Stable", truth(version, "Stable") ? "true" : "false"},
        {"Submit Date", time_text(integer(version, "SubmitTime"))}};
    const JsonValue& tag = at(version, "VersionTag");
    if (tag.is_null()) return facts;
    facts.emplace_back("Tag Name", text(tag, "Name"));
    if (!text(tag, "Description").empty()) {
        facts.emplace_back("Tag Description", text(tag, "Description"));
    }
    return facts;
}

}  // namespace

int job_inspect(const Invocation& invocation) {
    const auto job = find_job(invocation, invocation.arguments()[0]);
    if (!job) return 1;
    const auto* version = invocation.flags.value("version");
    if (version == nullptr) return print(JsonValue::Object{{"Job", *job}});
    const auto versions = invocation.api->get("/v1/job/" + segment(text(*job, "ID")) + "/versions");
    if (!versions) return report_error("Error inspecting job: " + versions.error().message);
    for (const auto& one : list(versions->json, "Versions")) {
        if (std::to_string(integer(one, "Version")) == *version)
            return print(JsonValue::Object{{"Job", one}});
    }
    return report_error("job " + text(*job, "ID") + " with version " + *version +
                        " couldn't be found");
}

int job_history(const Invocation& invocation) {
    const auto job = find_job(invocation, invocation.arguments()[0]);
    if (!job) return 1;
    const bool diffs = invocation.flags.on("p");
    const auto reply = invocation.api->get("/v1/job/" + segment(text(*job, "ID")) + "/versions",
                                           {{"diffs", diffs ? "true" : "false"}});
    if (!reply) return report_error("Error retrieving job versions: " + reply.error().message);
    const auto& versions = list(reply->json, "Versions");
    if (invocation.flags.on("json")) return print(JsonValue{versions});
    const auto* wanted = invocation.flags.value("version");
    bool first = true;
    for (std::size_t i = 0; i < versions.size(); ++i) {
        const JsonValue& one = versions[i];
        const std::string number = std::to_string(integer(one, "Version"));
        if (wanted != nullptr && *wanted != number) continue;
        if (!first) std::cout << "\n";
        first = false;
        if (invocation.flags.on("full")) {
            print(JsonValue::Object{{"Job", one}});
            continue;
        }
        std::cout << key_values(version_facts(one));
        if (diffs && i < list(reply->json, "Diffs").size()) {
            std::cout << "Diff        =\n" << job_diff_text(list(reply->json, "Diffs")[i], false);
        }
    }
    if (first) return report_error("version " + *wanted + " of the job was not found");
    return 0;
}

}  // namespace drover::agent::cli
