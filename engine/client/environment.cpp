#include "engine/client/environment.hpp"

#include <cctype>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "engine/client/assignment.hpp"
#include "engine/schema/node.pb.h"

namespace drover::client {
namespace {

using Variables = std::map<std::string, std::string>;

const schema::AllocatedTaskResources* resources_of(const schema::Allocation& allocation,
                                                   const std::string& task) {
    for (const auto& candidate : allocation.allocated_resources().tasks()) {
        if (candidate.task() == task) return &candidate;
    }
    return nullptr;
}

// The number in "job.group[3]".
std::string index_in(const std::string& name) {
    const auto open = name.rfind('[');
    if (open == std::string::npos || name.back() != ']') return "0";
    return name.substr(open + 1, name.size() - open - 2);
}

// Sorted numbers as a list of ranges: 0-2,5.
std::string ranges(const google::protobuf::RepeatedField<std::uint32_t>& numbers) {
    std::string text;
    for (int first = 0; first < numbers.size();) {
        int last = first;
        while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
        if (!text.empty()) text += ',';
        text += std::to_string(numbers[first]);
        if (last > first) text += '-' + std::to_string(numbers[last]);
        first = last + 1;
    }
    return text;
}

std::string address(const std::string& ip, int port) {
    const bool six = ip.find(':') != std::string::npos;
    return (six ? "[" + ip + "]" : ip) + ":" + std::to_string(port);
}

std::string upper(std::string text) {
    for (char& letter : text) {
        letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    }
    return text;
}

// Shells take no other characters in the name of a variable.
std::string clean(const std::string& name) {
    std::string cleaned = name;
    for (char& letter : cleaned) {
        const bool fine = std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_' ||
                          letter == '.';
        if (!fine) letter = '_';
    }
    return cleaned;
}

void add_identity(Variables& variables, const Config& config, const Assignment& assignment,
                  const std::string& task) {
    const auto& allocation = *assignment.allocation();
    const auto& job = assignment.job();
    const std::string id = assignment.id().text();
    variables["NOMAD_ALLOC_ID"] = id;
    variables["NOMAD_SHORT_ALLOC_ID"] = id.substr(0, 8);
    variables["NOMAD_ALLOC_NAME"] = allocation.name();
    variables["NOMAD_ALLOC_INDEX"] = index_in(allocation.name());
    variables["NOMAD_GROUP_NAME"] = allocation.task_group();
    variables["NOMAD_TASK_NAME"] = task;
    variables["NOMAD_JOB_ID"] = job.id();
    variables["NOMAD_JOB_NAME"] = job.name();
    if (!job.parent_id().empty()) variables["NOMAD_JOB_PARENT_ID"] = job.parent_id();
    variables["NOMAD_NAMESPACE"] = allocation.namespace_();
    variables["NOMAD_REGION"] = config.region;
    variables["NOMAD_DC"] = config.node->datacenter();
    if (!config.node->cgroup_parent().empty()) {
        variables["NOMAD_PARENT_CGROUP"] = config.node->cgroup_parent();
    }
    const std::string root = config.alloc_dir + "/" + id;
    variables["NOMAD_ALLOC_DIR"] = root + "/alloc";
    variables["NOMAD_TASK_DIR"] = root + "/" + task + "/local";
    variables["NOMAD_SECRETS_DIR"] = root + "/" + task + "/secrets";
}

void add_limits(Variables& variables, const Assignment& assignment, const std::string& name) {
    std::int64_t cpu = 0, memory = 0, memory_max = 0;
    if (const auto* granted = resources_of(*assignment.allocation(), name)) {
        cpu = granted->cpu().cpu_shares();
        memory = granted->memory().memory_mb();
        memory_max = granted->memory().memory_max_mb();
        if (granted->cpu().reserved_cores_size() > 0) {
            variables["NOMAD_CPU_CORES"] = ranges(granted->cpu().reserved_cores());
        }
    } else {
        const auto task = assignment.task(name);
        cpu = task->resources().cpu();
        memory = task->resources().memory_mb();
        memory_max = task->resources().memory_max_mb();
    }
    if (cpu != 0) variables["NOMAD_CPU_LIMIT"] = std::to_string(cpu);
    if (memory != 0) variables["NOMAD_MEMORY_LIMIT"] = std::to_string(memory);
    if (memory_max != 0) variables["NOMAD_MEMORY_MAX_LIMIT"] = std::to_string(memory_max);
}

// Job, group and task, the closer one winning; each key also in capitals.
void add_meta(Variables& variables, const Assignment& assignment, const std::string& task) {
    Variables meta;
    for (const auto& pair : assignment.job().meta()) meta[pair.key()] = pair.value();
    for (const auto& pair : assignment.group().meta()) meta[pair.key()] = pair.value();
    for (const auto& pair : assignment.task(task)->meta()) meta[pair.key()] = pair.value();
    for (const auto& [key, value] : meta) variables["NOMAD_META_" + upper(key)] = value;
    for (const auto& [key, value] : meta) variables["NOMAD_META_" + key] = value;
}

void add_port(Variables& variables, const std::string& label, const std::string& ip, int host_port,
              int inner_port) {
    const int port = inner_port > 0 ? inner_port : host_port;
    variables["NOMAD_IP_" + label] = ip;
    variables["NOMAD_PORT_" + label] = std::to_string(port);
    variables["NOMAD_ADDR_" + label] = address(ip, port);
    variables["NOMAD_HOST_IP_" + label] = ip;
    variables["NOMAD_HOST_PORT_" + label] = std::to_string(host_port);
    variables["NOMAD_HOST_ADDR_" + label] = address(ip, host_port);
}

// Ports of the group, seen from inside: by the allocation's own address where it has one.
void add_group_ports(Variables& variables, const schema::Allocation& allocation) {
    for (const auto& port : allocation.allocated_resources().shared().ports()) {
        add_port(variables, port.label(), port.host_ip(), port.value(), port.to());
        const bool own = allocation.has_network_status() &&
                         !allocation.network_status().address().empty();
        const std::string ip = own ? allocation.network_status().address() : port.host_ip();
        const int inner = port.to() > 0 ? port.to() : port.value();
        variables["NOMAD_ALLOC_IP_" + port.label()] = ip;
        variables["NOMAD_ALLOC_PORT_" + port.label()] = std::to_string(inner);
        variables["NOMAD_ALLOC_ADDR_" + port.label()] = address(ip, inner);
    }
}

void add_task_ports(Variables& variables, const schema::Allocation& allocation,
                    const std::string& task) {
    for (const auto& other : allocation.allocated_resources().tasks()) {
        for (const auto& network : other.networks()) {
            std::vector<schema::Port> ports{network.reserved_ports().begin(),
                                            network.reserved_ports().end()};
            ports.insert(ports.end(), network.dynamic_ports().begin(),
                         network.dynamic_ports().end());
            for (const auto& port : ports) {
                const std::string label = other.task() + "_" + port.label();
                variables["NOMAD_IP_" + label] = network.ip();
                variables["NOMAD_PORT_" + label] = std::to_string(port.value());
                variables["NOMAD_ADDR_" + label] = address(network.ip(), port.value());
                if (other.task() != task) continue;
                add_port(variables, port.label(), network.ip(), port.value(), port.to());
            }
        }
    }
}

}  // namespace

TaskEnvironment task_environment(const Config& config, const Assignment& assignment,
                                 const std::string& name) {
    const auto task = assignment.task(name);
    Variables variables;
    if (config.host_environment_drivers.contains(task->driver())) {
        variables.insert(config.host_environment.begin(), config.host_environment.end());
    }
    add_identity(variables, config, assignment, name);
    add_limits(variables, assignment, name);
    add_meta(variables, assignment, name);
    add_group_ports(variables, *assignment.allocation());
    add_task_ports(variables, *assignment.allocation(), name);

    Interpolation interpolation{*config.node, config.region};
    interpolation.add_environment(variables);
    // The job's own variables see all of the above but not each other, and win over them.
    Variables own;
    for (const auto& pair : task->env()) own[pair.key()] = interpolation.text(pair.value());
    for (auto& [key, value] : own) variables[key] = std::move(value);

    Variables cleaned;
    for (auto& [key, value] : variables) cleaned[clean(key)] = std::move(value);
    interpolation.add_environment(cleaned);
    return {std::move(cleaned), std::move(interpolation)};
}

}  // namespace drover::client
