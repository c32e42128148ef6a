#include "agent/cli/rows.hpp"

#include <algorithm>

#include "agent/cli/text.hpp"

namespace drover::agent::cli {

using schema::JsonValue;

namespace {

// A stub tells the version itself, a whole allocation holds the job.
std::string job_version(const JsonValue& allocation) {
    const JsonValue& job = at(allocation, "Job");
    return std::to_string(job.is_null() ? integer(allocation, "JobVersion")
                                        : integer(job, "Version"));
}

}  // namespace

std::string allocation_rows(const JsonValue& allocations, bool verbose) {
    if (allocations.array() == nullptr || allocations.array()->empty())
        return "No allocations placed\n";
    std::vector<const JsonValue*> sorted;
    for (const auto& one : *allocations.array()) sorted.push_back(&one);
    std::stable_sort(sorted.begin(), sorted.end(), [](const JsonValue* a, const JsonValue* b) {
        return integer(*a, "CreateIndex") > integer(*b, "CreateIndex");
    });
    std::vector<Row> rows{
        {"ID", "Node ID", "Task Group", "Version", "Desired", "Status", "Created", "Modified"}};
    for (const JsonValue* one : sorted) {
        rows.push_back({short_id(text(*one, "ID"), verbose),
                        short_id(text(*one, "NodeID"), verbose), text(*one, "TaskGroup"),
                        job_version(*one), text(*one, "DesiredStatus"), text(*one, "ClientStatus"),
                        age_text(integer(*one, "CreateTime"), verbose),
                        age_text(integer(*one, "ModifyTime"), verbose)});
    }
    return columns(rows);
}

std::optional<JsonValue> find_by_prefix(const Invocation& invocation, const std::string& list,
                                        const std::string& one, const std::string& what,
                                        const std::string& prefix) {
    const auto listed = invocation.api->get(list, {{"prefix", prefix}, {"namespace", "*"}});
    if (!listed) {
        report_error("Error querying " + what + ": " + listed.error().message);
        return std::nullopt;
    }
    if (listed->json.array() == nullptr || listed->json.array()->empty()) {
        report_error("No " + what + "(s) with prefix or id \"" + prefix + "\" found");
        return std::nullopt;
    }
    if (listed->json.array()->size() > 1) {
        std::string ids;
        for (const auto& found : *listed->json.array())
            ids += "\n" + text(found, "ID") + "  " + text(found, "Name");
        report_error("Prefix matched multiple " + what + "s\n" + ids);
        return std::nullopt;
    }
    auto whole = invocation.api->get(one + text(listed->json.array()->front(), "ID"));
    if (whole) return std::move(whole->json);
    report_error("Error querying " + what + ": " + whole.error().message);
    return std::nullopt;
}

std::optional<JsonValue> find_job(const Invocation& invocation, const std::string& id) {
    auto reply = invocation.api->get("/v1/job/" + segment(id));
    if (reply) return std::move(reply->json);
    if (reply.error().code != Errc::not_found) {
        report_error("Error querying job: " + reply.error().message);
        return std::nullopt;
    }
    const auto listed = invocation.api->get("/v1/jobs", {{"prefix", id}});
    if (!listed || listed->json.array() == nullptr || listed->json.array()->empty()) {
        report_error("No job(s) with prefix or id \"" + id + "\" found");
        return std::nullopt;
    }
    if (listed->json.array()->size() > 1) {
        std::vector<Row> rows{{"ID", "Type", "Priority", "Status"}};
        for (const auto& job : *listed->json.array()) {
            rows.push_back({text(job, "ID"), text(job, "Type"),
                            std::to_string(integer(job, "Priority")), text(job, "Status")});
        }
        report_error("Prefix matched multiple jobs\n\n" + columns(rows));
        return std::nullopt;
    }
    auto whole =
        invocation.api->get("/v1/job/" + segment(text(listed->json.array()->front(), "ID")));
    if (whole) return std::move(whole->json);
    report_error("Error querying job: " + whole.error().message);
    return std::nullopt;
}

}  // namespace drover::agent::cli
