// What a node tells about itself: the use of the machine and of its allocations. Only this agent's
// own node is measured.
#include <chrono>

#include "agent/api/routes.hpp"
#include "drivers/usage.hpp"

namespace drover::agent {
namespace {

using schema::JsonValue;

// Long enough for a rate, short enough for whoever waits at a terminal.
constexpr Duration moment = std::chrono::milliseconds{100};

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

JsonValue host_json(const drivers::HostUse& use) {
    JsonValue::Array cores, disks;
    for (const auto& core : use.cores) {
        cores.push_back(JsonValue::Object{{"CPU", core.name},
                                          {"User", core.user},
                                          {"System", core.system},
                                          {"Idle", core.idle},
                                          {"TotalPercent", core.user + core.system}});
    }
    for (const auto& disk : use.disks) {
        disks.push_back(JsonValue::Object{{"Device", disk.device},
                                          {"Mountpoint", disk.mountpoint},
                                          {"Size", disk.size},
                                          {"Used", disk.used},
                                          {"Available", disk.available},
                                          {"UsedPercent", disk.used_percent},
                                          {"InodesUsedPercent", disk.inodes_percent}});
    }
    return JsonValue::Object{{"Memory", JsonValue::Object{{"Total", use.memory.total},
                                                          {"Available", use.memory.available},
                                                          {"Used", use.memory.used},
                                                          {"Free", use.memory.free}}},
                             {"CPU", std::move(cores)},
                             {"DiskStats", std::move(disks)},
                             {"DeviceStats", JsonValue::Array{}},
                             {"Uptime", use.uptime_seconds},
                             {"Timestamp", now_ns()},
                             {"CPUTicksConsumed", use.mhz}};
}

JsonValue process_json(const drivers::ProcessUse& use) {
    return JsonValue::Object{
        {"MemoryStats", JsonValue::Object{{"RSS", use.resident},
                                          {"Cache", 0},
                                          {"Swap", 0},
                                          {"Usage", 0},
                                          {"MaxUsage", 0},
                                          {"KernelUsage", 0},
                                          {"KernelMaxUsage", 0},
                                          {"Measured", JsonValue::Array{"RSS"}}}},
        {"CpuStats", JsonValue::Object{{"SystemMode", 0.0},
                                       {"UserMode", 0.0},
                                       {"TotalTicks", use.mhz},
                                       {"ThrottledPeriods", 0},
                                       {"ThrottledTime", 0},
                                       {"Percent", use.percent},
                                       {"Measured", JsonValue::Array{"Percent"}}}},
        {"DeviceStats", JsonValue::Array{}}};
}

JsonValue allocation_json(const std::map<std::string, drivers::TaskUse>& uses) {
    drivers::ProcessUse all;
    JsonValue::Object tasks;
    for (const auto& [task, use] : uses) {
        JsonValue::Object processes;
        for (const auto& [pid, one] : use.processes)
            processes.emplace_back(std::to_string(pid), process_json(one));
        tasks.emplace_back(task, JsonValue::Object{{"ResourceUsage", process_json(use.sum)},
                                                   {"Timestamp", now_ns()},
                                                   {"Pids", std::move(processes)}});
        all.resident += use.sum.resident;
        all.percent += use.sum.percent;
        all.mhz += use.sum.mhz;
    }
    return JsonValue::Object{
        {"ResourceUsage", process_json(all)}, {"Tasks", std::move(tasks)}, {"Timestamp", now_ns()}};
}

void measure(const ExchangePtr& exchange, std::function<void()> work) {
    if (!exchange->backend().offer(std::move(work)))
        exchange->fail(429, "too many measurements are waiting on this agent; try again later");
}

void node_statistics(const ExchangePtr& exchange) {
    const std::string own = exchange->backend().facts().node_id;
    const std::string wanted = exchange->text("node_id");
    if (own.empty() && wanted.empty())
        return exchange->fail(400, "No local Node and node_id not provided");
    if (!wanted.empty() && wanted != own) {
        return exchange->fail(
            404, "No path to node " + wanted + ": only the agent that runs there tells its use");
    }
    measure(exchange, [exchange] { exchange->answer(host_json(drivers::measure_host(moment))); });
}

void allocation_statistics(const ExchangePtr& exchange, const std::string& text) {
    const auto id = Uuid::from_text(text);
    if (!id) return exchange->fail(404, "Unknown allocation \"" + text + "\"");
    auto request = exchange->envelope();
    request->mutable_query()->set_allocation(id->raw());
    exchange->ask(std::move(request), [exchange, id = id->text()](
                                          Exchange&, const schema::Response& response) {
        const auto node = Uuid::from_raw(response.allocation().node_id());
        if (!node || node->text() != exchange->backend().facts().node_id) {
            return exchange->fail(404, "No path to the node of allocation " + id +
                                           ": only the agent that runs there tells its use");
        }
        measure(exchange, [exchange, id] {
            exchange->answer(allocation_json(drivers::measure_allocation(id, moment)));
        });
    });
}

}  // namespace

void route_client(const ExchangePtr& exchange, const Rest& rest) {
    if (!rest.empty() && rest[0] == "fs")
        return route_client_files(exchange, {rest.begin() + 1, rest.end()});
    const bool node = rest.size() == 1 && rest[0] == "stats";
    const bool allocation = rest.size() == 3 && rest[0] == "allocation" && rest[2] == "stats";
    if (!node && !allocation) return exchange->fail(404, "");
    if (!exchange->is_get()) return exchange->invalid_method();
    if (node) return node_statistics(exchange);
    allocation_statistics(exchange, rest[1]);
}

}  // namespace drover::agent
