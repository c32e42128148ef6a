// Nodes: listed, or one with what runs on it and what that uses.
#include <iostream>

#include "agent/cli/command.hpp"
#include "agent/cli/rows.hpp"
#include "agent/cli/text.hpp"

namespace drover::agent::cli {
namespace {

using schema::JsonValue;

std::int64_t mebibytes(std::int64_t count) { return count << 20; }

std::string running_on(const Invocation& invocation, const std::string& node) {
    const auto held = invocation.api->get("/v1/node/" + node + "/allocations");
    if (!held || held->json.array() == nullptr) return "?";
    std::size_t running = 0;
    for (const auto& one : *held->json.array()) running += text(one, "ClientStatus") == "running";
    return std::to_string(running);
}

int list_nodes(const Invocation& invocation) {
    const bool os = invocation.flags.on("os"), allocs = invocation.flags.on("allocs");
    const auto reply =
        invocation.api->get("/v1/nodes", os ? Parameters{{"os", "true"}} : Parameters{});
    if (!reply) return report_error("Error querying node status: " + reply.error().message);
    if (invocation.flags.on("json")) return print(reply->json);
    if (reply->json.array() == nullptr || reply->json.array()->empty()) {
        std::cout << "No nodes registered\n";
        return 0;
    }
    const bool verbose = invocation.flags.on("verbose"), quiet = invocation.flags.on("quiet");
    std::vector<Row> rows{{"ID", "Node Pool", "DC", "Name", "Class"}};
    if (os) rows[0].emplace_back("OS");
    if (verbose) rows[0].insert(rows[0].end(), {"Address", "Version"});
    rows[0].insert(rows[0].end(), {"Drain", "Eligibility", "Status"});
    if (allocs) rows[0].emplace_back("Running Allocs");
    for (const auto& node : *reply->json.array()) {
        const std::string id = text(node, "ID");
        if (quiet) std::cout << short_id(id, verbose) << "\n";
        Row row{short_id(id, verbose), text(node, "NodePool"), text(node, "Datacenter"),
                text(node, "Name"), text(node, "NodeClass")};
        if (os) row.push_back(text(at(node, "Attributes"), "os.name"));
        if (verbose) row.insert(row.end(), {text(node, "Address"), text(node, "Version")});
        row.insert(row.end(), {truth(node, "Drain") ? "true" : "false",
                               text(node, "SchedulingEligibility"), text(node, "Status")});
        if (allocs && !quiet) row.push_back(running_on(invocation, id));
        rows.push_back(std::move(row));
    }
    if (!quiet) std::cout << columns(rows);
    return 0;
}

// ---- one node

std::string amount(std::int64_t used, std::int64_t all) {
    return bytes_text(used) + "/" + bytes_text(all);
}

std::string shares(std::int64_t used, const JsonValue& node) {
    const JsonValue& cpu = at(at(node, "NodeResources"), "Cpu");
    return std::to_string(used) + "/" + std::to_string(integer(cpu, "CpuShares")) + " MHz";
}

std::int64_t memory_of(const JsonValue& node) {
    return mebibytes(integer(at(at(node, "NodeResources"), "Memory"), "MemoryMB"));
}

void print_allocated(const JsonValue& node, const JsonValue& allocations) {
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
    const std::int64_t size = integer(at(at(node, "NodeResources"), "Disk"), "DiskMB");
    std::cout << "\nAllocated Resources\n"
              << columns({{"CPU", "Memory", "Disk"},
                          {shares(cpu, node), amount(mebibytes(memory), memory_of(node)),
                           amount(mebibytes(disk), mebibytes(size))}});
}

// What runs is asked of its node one by one; left out where the node is out of reach.
void print_used_by_allocations(const Invocation& invocation, const JsonValue& node,
                               const JsonValue& allocations) {
    double cpu = 0;
    std::int64_t memory = 0;
    if (allocations.array() == nullptr) return;
    for (const auto& one : *allocations.array()) {
        if (text(one, "ClientStatus") != "running") continue;
        const auto usage =
            invocation.api->get("/v1/client/allocation/" + text(one, "ID") + "/stats");
        if (!usage) return;
        const JsonValue& sum = at(usage->json, "ResourceUsage");
        cpu += number(at(sum, "CpuStats"), "TotalTicks");
        memory += integer(at(sum, "MemoryStats"), "RSS");
    }
    std::cout << "\nAllocation Resource Utilization\n"
              << columns({{"CPU", "Memory"},
                          {shares(static_cast<std::int64_t>(cpu), node),
                           amount(memory, memory_of(node))}});
}

void print_used_by_host(const JsonValue& node, const JsonValue& usage) {
    if (usage.is_null()) return;
    const std::string volume = text(at(node, "Attributes"), "unique.storage.volume");
    std::string disk = volume;
    for (const auto& one : list(usage, "DiskStats")) {
        if (text(one, "Device") == volume)
            disk = amount(integer(one, "Used"), integer(one, "Size"));
    }
    const JsonValue& memory = at(usage, "Memory");
    std::cout << "\nHost Resource Utilization\n"
              << columns(
                     {{"CPU", "Memory", "Disk"},
                      {shares(static_cast<std::int64_t>(number(usage, "CPUTicksConsumed")), node),
                       amount(integer(memory, "Used"), integer(memory, "Total")), disk}});
}

void print_events(const JsonValue& node) {
    const auto& events = list(node, "Events");
    if (events.empty()) return;
    std::vector<Row> rows{{"Time", "Subsystem", "Message"}};
    for (auto event = events.rbegin(); event != events.rend(); ++event) {
        const std::string when = text(*event, "Timestamp");
        rows.push_back(
            {when.substr(0, when.find('.')) + (when.find('.') == std::string::npos ? "" : "Z"),
             text(*event, "Subsystem"), text(*event, "Message")});
    }
    std::cout << "\nNode Events\n" << columns(rows);
}

std::string names_of(const JsonValue& node, const char* what) {
    std::string names;
    for (const auto& [name, value] : object(node, what)) names += (names.empty() ? "" : ",") + name;
    return names;
}

std::string drivers_of(const JsonValue& node) {
    std::string drivers;
    for (const auto& [name, driver] : object(node, "Drivers")) {
        if (!truth(driver, "Detected")) continue;
        drivers +=
            (drivers.empty() ? "" : ",") + name + (truth(driver, "Healthy") ? "" : " (unhealthy)");
    }
    return drivers;
}

void print_head(const JsonValue& node, const JsonValue& usage, bool verbose) {
    std::vector<std::pair<std::string, std::string>> pairs{
        {"ID", short_id(text(node, "ID"), verbose)},
        {"Name", text(node, "Name")},
        {"Node Pool", text(node, "NodePool")},
        {"Class", text(node, "NodeClass")},
        {"DC", text(node, "Datacenter")},
        {"Drain", truth(node, "Drain") ? "true" : "false"},
        {"Eligibility", text(node, "SchedulingEligibility")},
        {"Status", text(node, "Status")}};
    if (!usage.is_null()) pairs.emplace_back("Uptime", duration_text(integer(usage, "Uptime")));
    pairs.emplace_back("Host Volumes", names_of(node, "HostVolumes"));
    pairs.emplace_back("Host Networks", names_of(node, "HostNetworks"));
    pairs.emplace_back("Driver Status", drivers_of(node));
    std::cout << key_values(pairs);
}

int show_node(const Invocation& invocation, const JsonValue& node) {
    if (invocation.flags.on("json")) return print(node);
    const bool verbose = invocation.flags.on("verbose"), brief = invocation.flags.on("short");
    const std::string id = text(node, "ID");
    const auto allocations = invocation.api->get("/v1/node/" + id + "/allocations");
    if (!allocations)
        return report_error("Error querying node allocations: " + allocations.error().message);
    JsonValue usage;
    if (!brief && text(node, "Status") == "ready") {
        auto reply = invocation.api->get("/v1/client/stats", {{"node_id", id}});
        if (reply) usage = std::move(reply->json);
    }
    print_head(node, usage, verbose);
    if (!brief) {
        print_events(node);
        print_allocated(node, allocations->json);
        print_used_by_allocations(invocation, node, allocations->json);
        print_used_by_host(node, usage);
    }
    std::cout << "\nAllocations\n" << allocation_rows(allocations->json, verbose);
    if (!verbose || brief) return 0;
    std::vector<std::pair<std::string, std::string>> attributes;
    for (const auto& [name, value] : object(node, "Attributes")) {
        attributes.emplace_back(name, value.text() == nullptr ? "" : *value.text());
    }
    std::cout << "\nAttributes\n" << key_values(attributes);
    return 0;
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

}  // namespace drover::agent::cli
