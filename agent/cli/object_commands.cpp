// Allocations and evaluations.
#include <csignal>
#include <iostream>

#include "agent/cli/command.hpp"
#include "agent/cli/monitor.hpp"
#include "agent/cli/rows.hpp"
#include "agent/cli/text.hpp"

namespace drover::agent::cli {
namespace {

using schema::JsonValue;

std::int64_t mebibytes(std::int64_t count) { return count << 20; }

std::string task_addresses(const JsonValue& resources) {
    std::string addresses;
    for (const auto& network : list(resources, "Networks")) {
        for (const char* kind : {"DynamicPorts", "ReservedPorts"}) {
            for (const auto& port : list(network, kind)) {
                addresses += (addresses.empty() ? "" : ", ") + text(port, "Label") + ": " +
                             text(network, "IP") + ":" + std::to_string(integer(port, "Value"));
            }
        }
    }
    return addresses;
}

std::string event_text(const JsonValue& event) {
    std::string shown = text(event, "DisplayMessage");
    if (shown.empty()) shown = text(event, "Message");
    return shown;
}

// "N/A" for what has not happened.
std::string moment_text(const JsonValue& state, std::string_view name) {
    const std::string told = text(state, name);
    if (told.empty() || told.starts_with("0001-")) return "N/A";
    return told.substr(0, told.find('.')) + (told.find('.') == std::string::npos ? "" : "Z");
}

// What the task was given, with what it uses in front where its node tells.
std::string task_resources(const JsonValue& allocation, const std::string& task,
                           const JsonValue& usage) {
    const JsonValue& given = at(at(at(allocation, "AllocatedResources"), "Tasks"), task);
    const JsonValue& used = at(at(at(usage, "Tasks"), task), "ResourceUsage");
    std::string cpu = std::to_string(integer(at(given, "Cpu"), "CpuShares"));
    std::string memory = bytes_text(mebibytes(integer(at(given, "Memory"), "MemoryMB")));
    if (used.object() != nullptr) {
        const auto ticks = static_cast<std::int64_t>(number(at(used, "CpuStats"), "TotalTicks"));
        cpu = std::to_string(ticks) + "/" + cpu;
        memory = bytes_text(integer(at(used, "MemoryStats"), "RSS")) + "/" + memory;
    }
    const JsonValue& shared = at(at(allocation, "AllocatedResources"), "Shared");
    return columns({{"CPU", "Memory", "Disk", "Addresses"},
                    {cpu + " MHz", memory, bytes_text(mebibytes(integer(shared, "DiskMB"))),
                     task_addresses(given)}});
}

void print_task(const JsonValue& allocation, const std::string& name, const JsonValue& state,
                const JsonValue& usage) {
    std::cout << "\nTask \"" << name << "\" is \"" << text(state, "State") << "\""
              << "\nTask Resources:\n"
              << task_resources(allocation, name, usage) << "\nTask Events:\n"
              << key_values({{"Started At", moment_text(state, "StartedAt")},
                             {"Finished At", moment_text(state, "FinishedAt")},
                             {"Total Restarts", std::to_string(integer(state, "Restarts"))},
                             {"Last Restart", moment_text(state, "LastRestart")}})
              << "\nRecent Events:\n";
    std::vector<Row> rows{{"Time", "Type", "Description"}};
    const auto& events = list(state, "Events");
    for (auto event = events.rbegin(); event != events.rend(); ++event) {
        rows.push_back(
            {time_text(integer(*event, "Time")), text(*event, "Type"), event_text(*event)});
    }
    std::cout << columns(rows);
}

// The ports of the group, which its tasks share.
void print_addresses(const JsonValue& allocation) {
    std::vector<Row> rows{{"Label", "Dynamic", "Address"}};
    const JsonValue& shared = at(at(allocation, "AllocatedResources"), "Shared");
    for (const auto& network : list(shared, "Networks")) {
        for (const auto& [kind, dynamic] :
             {std::pair{"ReservedPorts", ""}, std::pair{"DynamicPorts", "yes"}}) {
            for (const auto& port : list(network, kind)) {
                const std::int64_t to = integer(port, "To");
                rows.push_back({text(port, "Label"), dynamic,
                                text(network, "IP") + ":" + std::to_string(integer(port, "Value")) +
                                    (to > 0 ? " -> " + std::to_string(to) : "")});
            }
        }
    }
    if (rows.size() > 1) std::cout << "\nAllocation Addresses:\n" << columns(rows);
}

std::optional<JsonValue> find_allocation(const Invocation& invocation, const std::string& id) {
    return find_by_prefix(invocation, "/v1/allocations", "/v1/allocation/", "allocation", id);
}

}  // namespace

namespace {

void print_tasks(const Invocation& invocation, const JsonValue& allocation) {
    if (invocation.flags.on("short")) {
        std::vector<Row> rows{{"Name", "State", "Last Event", "Time"}};
        for (const auto& [task, state] : object(allocation, "TaskStates")) {
            const auto& events = list(state, "Events");
            const JsonValue last = events.empty() ? JsonValue{} : events.back();
            rows.push_back(
                {task, text(state, "State"), text(last, "Type"), time_text(integer(last, "Time"))});
        }
        std::cout << "\nTasks\n" << columns(rows);
        return;
    }
    print_addresses(allocation);
    JsonValue usage;
    if (text(allocation, "ClientStatus") == "running") {
        auto reply =
            invocation.api->get("/v1/client/allocation/" + text(allocation, "ID") + "/stats");
        if (reply) usage = std::move(reply->json);
    }
    for (const auto& [task, state] : object(allocation, "TaskStates"))
        print_task(allocation, task, state, usage);
}

}  // namespace

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
        if (truth(at(*allocation, "DeploymentStatus"), "Canary"))
            pairs.emplace_back("Canary", "true");
    }
    for (const auto& [name, key] : {std::pair{"Replacement Alloc ID", "NextAllocation"},
                                    std::pair{"Previous Alloc ID", "PreviousAllocation"},
                                    std::pair{"Preempted By", "PreemptedByAllocation"}}) {
        const std::string other = text(*allocation, key);
        if (!other.empty()) pairs.emplace_back(name, short_id(other, verbose));
    }
    std::string preempted;
    for (const auto& id : list(*allocation, "PreemptedAllocations")) {
        if (id.text() == nullptr) continue;
        preempted += (preempted.empty() ? "" : ", ") + short_id(*id.text(), verbose);
    }
    if (!preempted.empty()) pairs.emplace_back("Preempted Allocs", preempted);
    std::cout << key_values(pairs);
    print_tasks(invocation, *allocation);
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
