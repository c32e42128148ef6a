// Nodes, allocations, evaluations.
#include <csignal>
#include <iostream>

#include "agent/cli/command.hpp"
#include "agent/cli/monitor.hpp"
#include "agent/cli/rows.hpp"
#include "agent/cli/text.hpp"

namespace drover::agent::cli {
namespace {

using schema::JsonValue;

int list_nodes(const Invocation& invocation) {
    const auto reply = invocation.api->get("/v1/nodes");
    if (!reply) return report_error("Error querying node status: " + reply.error().message);
    if (invocation.flags.on("json")) return print(reply->json);
    if (reply->json.array() == nullptr || reply->json.array()->empty()) {
        std::cout << "No nodes registered\n";
        return 0;
    }
    const bool verbose = invocation.flags.on("verbose");
    std::vector<Row> rows{
        {"ID", "Node Pool", "DC", "Name", "Class", "Drain", "Eligibility", "Status"}};
    for (const auto& node : *reply->json.array()) {
        if (invocation.flags.on("quiet")) {
            std::cout << text(node, "ID") << "\n";
            continue;
        }
        rows.push_back({short_id(text(node, "ID"), verbose), text(node, "NodePool"),
                        text(node, "Datacenter"), text(node, "Name"), text(node, "NodeClass"),
                        truth(node, "Drain") ? "true" : "false",
                        text(node, "SchedulingEligibility"), text(node, "Status")});
    }
    if (!invocation.flags.on("quiet")) std::cout << columns(rows);
    return 0;
}

std::string amount(std::int64_t used, std::int64_t all, const char* unit) {
    return std::to_string(used) + "/" + std::to_string(all) + " " + unit;
}

void print_node_resources(const JsonValue& node, const JsonValue& allocations) {
    std::int64_t cpu = 0, memory = 0, disk = 0;
    if (allocations.array() != nullptr) {
        for (const auto& one : *allocations.array()) {
            const std::string status = text(one, "ClientStatus");
            if (status != "running" && status != "pending") continue;
            for (const auto& [task, resources] : object(at(one, "AllocatedResources"), "Tasks")) {
                cpu += integer(at(resources, "Cpu"), "CpuShares");
                memory += integer(at(resources, "Memory"), "MemoryMB");
            }
            disk += integer(at(at(one, "AllocatedResources"), "Shared"), "DiskMB");
        }
    }
    const JsonValue& all = at(node, "NodeResources");
    std::cout << "\nAllocated Resources\n"
              << columns({{"CPU", "Memory", "Disk"},
                          {amount(cpu, integer(at(all, "Cpu"), "CpuShares"), "MHz"),
                           amount(memory, integer(at(all, "Memory"), "MemoryMB"), "MiB"),
                           amount(disk, integer(at(all, "Disk"), "DiskMB"), "MiB")}});
}

int show_node(const Invocation& invocation, const JsonValue& node) {
    if (invocation.flags.on("json")) return print(node);
    const bool verbose = invocation.flags.on("verbose");
    std::string drivers;
    for (const auto& [name, driver] : object(node, "Drivers")) {
        if (!truth(driver, "Detected")) continue;
        drivers +=
            (drivers.empty() ? "" : ",") + name + (truth(driver, "Healthy") ? "" : " (unhealthy)");
    }
    std::cout << key_values({{"ID", short_id(text(node, "ID"), verbose)},
                             {"Name", text(node, "Name")},
                             {"Node Pool", text(node, "NodePool")},
                             {"Class", text(node, "NodeClass")},
                             {"DC", text(node, "Datacenter")},
                             {"Drain", truth(node, "Drain") ? "true" : "false"},
                             {"Eligibility", text(node, "SchedulingEligibility")},
                             {"Status", text(node, "Status")},
                             {"Drivers", drivers}});
    if (invocation.flags.on("short")) return 0;
    const auto& events = list(node, "Events");
    if (!events.empty()) {
        std::vector<Row> rows{{"Time", "Subsystem", "Message"}};
        for (auto event = events.rbegin(); event != events.rend(); ++event) {
            rows.push_back(
                {text(*event, "Timestamp"), text(*event, "Subsystem"), text(*event, "Message")});
        }
        std::cout << "\nNode Events\n" << columns(rows);
    }
    const auto allocations = invocation.api->get("/v1/node/" + text(node, "ID") + "/allocations");
    if (!allocations)
        return report_error("Error querying node allocations: " + allocations.error().message);
    print_node_resources(node, allocations->json);
    std::cout << "\nAllocations\n" << allocation_rows(allocations->json, verbose);
    if (!verbose) return 0;
    std::vector<std::pair<std::string, std::string>> attributes;
    for (const auto& [name, value] : object(node, "Attributes")) {
        attributes.emplace_back(name, value.text() == nullptr ? "" : *value.text());
    }
    std::cout << "\nAttributes\n" << key_values(attributes);
    return 0;
}

std::string event_text(const JsonValue& event) {
    std::string shown = text(event, "DisplayMessage");
    if (shown.empty()) shown = text(event, "Message");
    return shown;
}

void print_task(const std::string& name, const JsonValue& state, const JsonValue& resources) {
    std::cout << "\nTask \"" << name << "\" is \"" << text(state, "State") << "\""
              << (truth(state, "Failed") ? " (failed)" : "") << "\nTask Resources\n"
              << columns({{"CPU", "Memory"},
                          {std::to_string(integer(at(resources, "Cpu"), "CpuShares")) + " MHz",
                           std::to_string(integer(at(resources, "Memory"), "MemoryMB")) + " MiB"}})
              << "\nTask Events:\n"
              << key_values({{"Started At", text(state, "StartedAt")},
                             {"Finished At", text(state, "FinishedAt")},
                             {"Total Restarts", std::to_string(integer(state, "Restarts"))},
                             {"Last Restart", text(state, "LastRestart")}})
              << "\nRecent Events:\n";
    std::vector<Row> rows{{"Time", "Type", "Description"}};
    const auto& events = list(state, "Events");
    for (auto event = events.rbegin(); event != events.rend(); ++event) {
        rows.push_back(
            {time_text(integer(*event, "Time")), text(*event, "Type"), event_text(*event)});
    }
    std::cout << columns(rows);
}

std::optional<JsonValue> find_allocation(const Invocation& invocation, const std::string& id) {
    return find_by_prefix(invocation, "/v1/allocations", "/v1/allocation/", "allocation", id);
}

}  // namespace

int node_status(const Invocation& invocation) {
    if (invocation.flags.on("self")) {
        const auto self = invocation.api->get("/v1/agent/self");
        if (!self) return report_error("Error querying agent: " + self.error().message);
        const std::string id = text(at(at(self->json, "stats"), "client"), "node_id");
        if (id.empty())
            return report_error("The agent at " + invocation.api->address() + " is not a client");
        const auto node = invocation.api->get("/v1/node/" + id);
        if (!node) return report_error("Error querying node: " + node.error().message);
        return show_node(invocation, node->json);
    }
    if (invocation.arguments().empty()) return list_nodes(invocation);
    const auto node =
        find_by_prefix(invocation, "/v1/nodes", "/v1/node/", "node", invocation.arguments()[0]);
    return node ? show_node(invocation, *node) : 1;
}

int alloc_status(const Invocation& invocation) {
    const bool verbose = invocation.flags.on("verbose");
    if (invocation.arguments().empty()) {
        const auto reply = invocation.api->get("/v1/allocations");
        if (!reply) return report_error("Error querying allocations: " + reply.error().message);
        if (invocation.flags.on("json")) return print(reply->json);
        std::cout << allocation_rows(reply->json, verbose);
        return 0;
    }
    const auto allocation = find_allocation(invocation, invocation.arguments()[0]);
    if (!allocation) return 1;
    if (invocation.flags.on("json")) return print(*allocation);
    std::vector<std::pair<std::string, std::string>> pairs{
        {"ID", text(*allocation, "ID")},
        {"Eval ID", short_id(text(*allocation, "EvalID"), verbose)},
        {"Name", text(*allocation, "Name")},
        {"Node ID", short_id(text(*allocation, "NodeID"), verbose)},
        {"Node Name", text(*allocation, "NodeName")},
        {"Job ID", text(*allocation, "JobID")},
        {"Job Version", std::to_string(integer(at(*allocation, "Job"), "Version"))},
        {"Client Status", text(*allocation, "ClientStatus")},
        {"Client Description", text(*allocation, "ClientDescription")},
        {"Desired Status", text(*allocation, "DesiredStatus")},
        {"Desired Description", text(*allocation, "DesiredDescription")},
        {"Created", age_text(integer(*allocation, "CreateTime"), verbose)},
        {"Modified", age_text(integer(*allocation, "ModifyTime"), verbose)}};
    const std::string deployment = text(*allocation, "DeploymentID");
    if (!deployment.empty()) {
        const JsonValue& health = at(at(*allocation, "DeploymentStatus"), "Healthy");
        pairs.emplace_back("Deployment ID", short_id(deployment, verbose));
        pairs.emplace_back("Deployment Health", health.boolean() == nullptr ? "unset"
                                                : *health.boolean()         ? "healthy"
                                                                            : "unhealthy");
    }
    std::cout << key_values(pairs);
    for (const auto& [task, state] : object(*allocation, "TaskStates")) {
        if (invocation.flags.on("short")) {
            std::cout << "\nTask \"" << task << "\" is \"" << text(state, "State") << "\"\n";
        } else {
            print_task(task, state, at(at(at(*allocation, "AllocatedResources"), "Tasks"), task));
        }
    }
    if (verbose)
        std::cout << "\nPlacement Metrics\n"
                  << placement_metrics(at(*allocation, "Metrics"), "  * ");
    return 0;
}

int alloc_stop(const Invocation& invocation) {
    const auto allocation = find_allocation(invocation, invocation.arguments()[0]);
    if (!allocation) return 1;
    Parameters parameters;
    if (invocation.flags.on("no-shutdown-delay"))
        parameters.emplace_back("no_shutdown_delay", "true");
    const auto reply = invocation.api->put("/v1/allocation/" + text(*allocation, "ID") + "/stop",
                                           JsonValue{}, parameters);
    if (!reply) return report_error("Error stopping allocation: " + reply.error().message);
    const std::string evaluation = text(reply->json, "EvalID");
    if (invocation.flags.on("detach")) {
        std::cout << evaluation << "\n";
        return 0;
    }
    return monitor_evaluation(*invocation.api, evaluation, {invocation.flags.on("verbose"), false});
}

namespace {

std::optional<JsonValue> allocation_for_logs(const Invocation& invocation) {
    const std::string& told = invocation.arguments()[0];
    if (!invocation.flags.on("job")) return find_allocation(invocation, told);
    const auto reply = invocation.api->get("/v1/job/" + segment(told) + "/allocations");
    if (reply && reply->json.array() != nullptr) {
        for (const auto& one : *reply->json.array()) {
            if (text(one, "ClientStatus") == "running")
                return find_allocation(invocation, text(one, "ID"));
        }
    }
    report_error("No running allocations found for job \"" + told + "\"");
    return std::nullopt;
}

// The task that is meant; empty, with the reason told, when that is not clear.
std::string task_for_logs(const Invocation& invocation, const JsonValue& allocation) {
    if (const auto* named = invocation.flags.value("task")) return *named;
    if (invocation.arguments().size() == 2) return invocation.arguments()[1];
    const auto& tasks = object(allocation, "TaskStates");
    if (tasks.size() == 1) return tasks.front().first;
    std::string names;
    for (const auto& [task, state] : tasks) names += "\n  " + task;
    report_error(tasks.empty() ? "The allocation has no tasks yet"
                               : "Allocation \"" + text(allocation, "ID").substr(0, 8) +
                                     "\" is running the following tasks:\n" + names +
                                     "\n\nPlease specify the task.");
    return {};
}

// The last `count` lines of a text that may lack the final newline.
std::string last_lines(const std::string& text, std::size_t count) {
    std::size_t at = text.size();
    if (at > 0 && text[at - 1] == '\n') --at;
    while (at > 0) {
        const auto before = text.rfind('\n', at - 1);
        if (before == std::string::npos) return text;
        if (--count == 0) return text.substr(before + 1);
        at = before;
    }
    return text;
}

}  // namespace

int alloc_logs(const Invocation& invocation) {
    const auto allocation = allocation_for_logs(invocation);
    if (!allocation) return 1;
    const std::string task = task_for_logs(invocation, *allocation);
    if (task.empty()) return 1;
    const auto* lines = invocation.flags.value("n");
    const auto* bytes = invocation.flags.value("c");
    const bool tail = invocation.flags.on("tail") || lines != nullptr || bytes != nullptr;
    const long long wanted_lines = lines != nullptr ? std::atoll(lines->c_str()) : 10;
    const long long wanted_bytes =
        bytes != nullptr ? std::atoll(bytes->c_str()) : wanted_lines * 120;
    Parameters parameters{{"task", task},
                          {"type", invocation.flags.on("stderr") ? "stderr" : "stdout"},
                          {"plain", "true"},
                          {"follow", invocation.flags.on("f") ? "true" : "false"}};
    if (tail) {
        parameters.emplace_back("origin", "end");
        parameters.emplace_back("offset", std::to_string(std::max(0LL, wanted_bytes)));
    }
    const bool trims = tail && bytes == nullptr && !invocation.flags.on("f");
    std::string kept;
    const auto done = invocation.api->stream("/v1/client/fs/logs/" + text(*allocation, "ID"),
                                             parameters, [&](std::string_view piece) {
                                                 if (trims) {
                                                     kept += piece;
                                                 } else {
                                                     std::cout << piece << std::flush;
                                                 }
                                                 return std::cout.good();
                                             });
    if (!done) return report_error("Error reading logs: " + done.error().message);
    if (trims) std::cout << last_lines(kept, static_cast<std::size_t>(std::max(1LL, wanted_lines)));
    return 0;
}

int eval_status(const Invocation& invocation) {
    const bool verbose = invocation.flags.on("verbose");
    const auto evaluation = find_by_prefix(invocation, "/v1/evaluations", "/v1/evaluation/",
                                           "evaluation", invocation.arguments()[0]);
    if (!evaluation) return 1;
    if (invocation.flags.on("monitor")) {
        return monitor_evaluation(*invocation.api, text(*evaluation, "ID"), {verbose, false});
    }
    if (invocation.flags.on("json")) return print(*evaluation);
    const auto& failed = object(*evaluation, "FailedTGAllocs");
    std::vector<std::pair<std::string, std::string>> pairs{
        {"ID", short_id(text(*evaluation, "ID"), verbose)},
        {"Create Time", age_text(integer(*evaluation, "CreateTime"), verbose)},
        {"Modify Time", age_text(integer(*evaluation, "ModifyTime"), verbose)},
        {"Status", text(*evaluation, "Status")},
        {"Status Description", text(*evaluation, "StatusDescription")},
        {"Type", text(*evaluation, "Type")},
        {"TriggeredBy", text(*evaluation, "TriggeredBy")},
        {"Job ID", text(*evaluation, "JobID")},
        {"Namespace", text(*evaluation, "Namespace")},
        {"Priority", std::to_string(integer(*evaluation, "Priority"))},
        {"Placement Failures", failed.empty() ? "false" : "true"},
        {"Previous Eval", short_id(text(*evaluation, "PreviousEval"), verbose)},
        {"Next Eval", short_id(text(*evaluation, "NextEval"), verbose)},
        {"Blocked Eval", short_id(text(*evaluation, "BlockedEval"), verbose)}};
    std::cout << key_values(pairs);
    if (failed.empty()) return 0;
    std::cout << "\nFailed Placements\n";
    for (const auto& [group, metrics] : failed) {
        std::cout << "Task Group \"" << group << "\" (failed to place "
                  << integer(metrics, "CoalescedFailures") + 1 << "):\n"
                  << placement_metrics(metrics, "  * ");
    }
    return 0;
}

}  // namespace drover::agent::cli
