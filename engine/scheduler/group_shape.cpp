#include "engine/scheduler/group_shape.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "engine/scheduler/text.hpp"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"

namespace drover::scheduler {
namespace {

constexpr std::int64_t default_weight = 50;
constexpr std::int64_t default_cpu_mhz = 100;
constexpr std::int64_t default_memory_mb = 300;
constexpr std::int64_t default_disk_mb = 300;

bool is_true_or_unreadable(const std::string& text) {
    return text != "false" && text != "False" && text != "FALSE" && text != "f" && text != "F" &&
           text != "0";
}

void add_distinct_property(GroupShape& shape, const schema::Constraint& constraint, Scope scope) {
    DistinctProperty property{constraint.l_target(), 1, scope};
    const std::string& count = constraint.r_target();
    std::int64_t allowed = 0;
    const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), allowed);
    if (error == std::errc{} && end == count.data() + count.size() && allowed > 0) {
        property.allowed = allowed;
    }
    shape.distinct_properties.push_back(std::move(property));
}

template <class Constraints>
void add_constraints(GroupShape& shape, const Constraints& constraints, Scope scope) {
    for (const schema::Constraint& constraint : constraints) {
        if (constraint.operand() == "distinct_hosts") {
            if (!is_true_or_unreadable(constraint.r_target())) continue;
            (scope == Scope::job ? shape.distinct_hosts_in_job : shape.distinct_hosts_in_group) =
                true;
        } else if (constraint.operand() == "distinct_property") {
            add_distinct_property(shape, constraint, scope);
        } else {
            Condition condition{constraint.l_target(), constraint.operand(), constraint.r_target()};
            auto& list = condition.escapes() ? shape.escaped : shape.conditions;
            list.push_back(std::move(condition));
        }
    }
}

template <class Affinities>
void add_affinities(GroupShape& shape, const Affinities& affinities) {
    for (const schema::Affinity& affinity : affinities) {
        shape.affinities.push_back(
            {Condition{affinity.l_target(), affinity.operand(), affinity.r_target()},
             affinity.has_weight() ? affinity.weight() : default_weight});
    }
}

// The first rule for an attribute holds: a job's spread replaces its group's on the same one.
template <class Spreads>
void add_spreads(GroupShape& shape, const Spreads& spreads) {
    for (const schema::Spread& spread : spreads) {
        const bool known =
            std::any_of(shape.spreads.begin(), shape.spreads.end(),
                        [&](const SpreadRule& rule) { return rule.target == spread.attribute(); });
        if (known) continue;
        SpreadRule rule{
            spread.attribute(), spread.has_weight() ? spread.weight() : default_weight, {}};
        for (const auto& target : spread.spread_target()) {
            rule.targets.push_back({target.value(), target.percent()});
        }
        shape.spreads.push_back(std::move(rule));
    }
}

void add_network(GroupShape& shape, const schema::NetworkResource& network) {
    shape.ports.mutable_reserved_ports()->MergeFrom(network.reserved_ports());
    shape.ports.mutable_dynamic_ports()->MergeFrom(network.dynamic_ports());
    ++shape.network_count;
}

void add_task(GroupShape& shape, const schema::Task& task, const PlanInputs& inputs) {
    const auto& asked = task.resources();
    auto& given = *shape.resources.add_tasks();
    given.set_task(task.name());
    given.mutable_cpu()->set_cpu_shares(asked.has_cpu() ? asked.cpu() : default_cpu_mhz);
    const std::int64_t memory = asked.has_memory_mb() ? asked.memory_mb() : default_memory_mb;
    given.mutable_memory()->set_memory_mb(memory + asked.secrets_mb());
    if (inputs.memory_oversubscription && asked.memory_max_mb() != 0) {
        given.mutable_memory()->set_memory_max_mb(asked.memory_max_mb());
    }
    *given.mutable_networks() = asked.networks();
    for (const auto& network : asked.networks()) add_network(shape, network);

    auto& lifecycle = *shape.resources.add_task_lifecycles();
    lifecycle.set_key(task.name());
    if (task.has_lifecycle()) {
        lifecycle.mutable_value()->set_hook(task.lifecycle().hook());
        lifecycle.mutable_value()->set_sidecar(task.lifecycle().sidecar());
    }
}

void add_resources(GroupShape& shape, const PlanInputs& inputs) {
    const auto& group = *shape.group;
    const bool sized = group.has_ephemeral_disk() && group.ephemeral_disk().has_size_mb();
    shape.resources.mutable_shared()->set_disk_mb(sized ? group.ephemeral_disk().size_mb()
                                                        : default_disk_mb);
    *shape.resources.mutable_shared()->mutable_networks() = group.networks();
    for (const auto& network : group.networks()) add_network(shape, network);
    for (const auto& task : group.tasks()) add_task(shape, task, inputs);
    shape.devices = device_requests(group);
    shape.device_weight = device_weight(shape.devices);
    // Kept sorted by task, as every list that stands for a map.
    std::sort(shape.resources.mutable_tasks()->begin(), shape.resources.mutable_tasks()->end(),
              [](const auto& a, const auto& b) { return a.task() < b.task(); });
    std::sort(shape.resources.mutable_task_lifecycles()->begin(),
              shape.resources.mutable_task_lifecycles()->end(),
              [](const auto& a, const auto& b) { return a.key() < b.key(); });

    schema::Allocation allocation;
    *allocation.mutable_allocated_resources() = shape.resources;
    shape.ask = state::usage_of(allocation);
    shape.ask.allocations = 1;
}

bool has_driver(const schema::Node& node, const std::string& name) {
    for (const auto& driver : node.drivers()) {
        if (driver.name() == name) return driver.detected() && driver.healthy();
    }
    for (const auto& attribute : node.attributes()) {
        if (attribute.key() != "driver." + name) continue;
        return attribute.value() == "1" || attribute.value() == "true" ||
               attribute.value() == "t" || attribute.value() == "T" ||
               attribute.value() == "TRUE" || attribute.value() == "True";
    }
    return false;
}

bool has_network_mode(const schema::NodeResources& resources, const std::string& mode) {
    // Every node is a host; asking for no network at all asks for nothing.
    if (mode.empty() || mode == "host" || mode == "none") return true;
    const auto same = [&](const auto& network) { return network.mode() == mode; };
    return std::any_of(resources.networks().begin(), resources.networks().end(), same) ||
           std::any_of(resources.node_networks().begin(), resources.node_networks().end(), same);
}

bool has_host_network(const schema::NodeResources& resources, const std::string& alias) {
    if (alias.empty() || alias == "default") return true;
    for (const auto& network : resources.node_networks()) {
        for (const auto& address : network.addresses()) {
            if (address.alias() == alias) return true;
        }
    }
    return false;
}

std::string network_objection(const GroupShape& shape, const schema::Node& node) {
    const auto& resources = node.node_resources();
    if (shape.group->networks_size() > 0 &&
        !has_network_mode(resources, shape.group->networks(0).mode())) {
        return "missing network";
    }
    for (const auto* ports : {&shape.ports.reserved_ports(), &shape.ports.dynamic_ports()}) {
        for (const auto& port : *ports) {
            if (has_host_network(resources, port.host_network())) continue;
            return "missing host network \"" + port.host_network() + "\" for port \"" +
                   port.label() + "\"";
        }
    }
    return {};
}

std::string volume_objection(const GroupShape& shape, const schema::Node& node) {
    for (const auto& request : shape.group->volumes()) {
        // No node here offers volumes of other types: better not placed than without its data.
        if (request.type() != "host" && !request.type().empty()) {
            return "missing CSI Volume " + request.source();
        }
        const auto& volumes = node.host_volumes();
        const auto usable = std::any_of(volumes.begin(), volumes.end(), [&](const auto& volume) {
            return volume.name() == request.source() &&
                   (!volume.read_only() || request.read_only());
        });
        if (!usable) return "missing compatible host volumes";
    }
    return {};
}

// What nodes do not offer yet counts as missing on all of them.
std::string task_objection(const GroupShape& shape, const schema::Node& node) {
    for (const auto& driver : shape.drivers) {
        if (!has_driver(node, driver)) return "missing drivers";
    }
    for (const auto& task : shape.group->tasks()) {
        if (task.resources().cores() > 0) return "missing reservable cores";
    }
    return {};
}

std::string first_failing(const std::vector<Condition>& conditions, const schema::Node& node) {
    for (const auto& condition : conditions) {
        if (!condition.holds(node)) return condition.text();
    }
    return {};
}

}  // namespace

state::Usage ask_of(const schema::TaskGroup& group) {
    GroupShape shape;
    shape.group = &group;
    add_resources(shape, {});
    return shape.ask;
}

GroupShape shape_of(const state::JobPtr& job, const schema::TaskGroup& group,
                    const PlanInputs& inputs) {
    GroupShape shape;
    shape.job = job;
    shape.group = &group;
    shape.name = group.name();
    shape.count = group.has_count() ? group.count() : 1;
    add_constraints(shape, job->constraints(), Scope::job);
    add_constraints(shape, group.constraints(), Scope::group);
    add_affinities(shape, job->affinities());
    add_affinities(shape, group.affinities());
    add_spreads(shape, job->spreads());
    add_spreads(shape, group.spreads());
    std::set<std::string> drivers;
    for (const auto& task : group.tasks()) {
        add_constraints(shape, task.constraints(), Scope::group);
        add_affinities(shape, task.affinities());
        drivers.insert(task.driver());
    }
    shape.drivers.assign(drivers.begin(), drivers.end());
    add_resources(shape, inputs);
    return shape;
}

std::string class_objection(const GroupShape& shape, const schema::Node& node) {
    auto objection = first_failing(shape.conditions, node);
    if (objection.empty()) objection = task_objection(shape, node);
    if (objection.empty()) objection = network_objection(shape, node);
    if (objection.empty()) objection = volume_objection(shape, node);
    return objection;
}

// A class cannot answer for devices: which of them are healthy is unique to each node.
std::string node_objection(const GroupShape& shape, const schema::Node& node) {
    auto objection = first_failing(shape.escaped, node);
    if (objection.empty() && shape.asks_devices() && !NodeDevices{node}.offer(shape.devices)) {
        objection = "missing devices";
    }
    return objection;
}

bool in_pool(const schema::Job& job, const schema::Node& node) {
    const std::string pool = job.node_pool().empty() ? "default" : job.node_pool();
    const std::string node_pool = node.node_pool().empty() ? "default" : node.node_pool();
    return pool == "all" || pool == node_pool;
}

bool in_reach(const schema::Job& job, const schema::Node& node) {
    if (!in_pool(job, node)) return false;
    if (job.datacenters().empty()) return true;
    return std::any_of(job.datacenters().begin(), job.datacenters().end(),
                       [&](const auto& glob) { return glob_matches(glob, node.datacenter()); });
}

Score affinity_of(const GroupShape& shape, const schema::Node& node) {
    std::int64_t matching = 0, total = 0;
    for (const auto& affinity : shape.affinities) {
        total += std::abs(affinity.weight);
        if (affinity.condition.holds(node)) matching += affinity.weight;
    }
    return ratio(matching, total);
}

schema::AllocatedResources with_ports(const GroupShape& shape,
                                      const std::vector<schema::PortMapping>& offer) {
    schema::AllocatedResources resources = shape.resources;
    if (offer.empty()) return resources;
    std::size_t fixed = 0;
    auto dynamic = static_cast<std::size_t>(shape.ports.reserved_ports_size());
    // In the order in which add_network saw them: the group's, then each task's.
    const auto fill = [&](schema::NetworkResource& network, bool of_group) {
        const auto take = [&](schema::Port& port, const schema::PortMapping& mapping) {
            port.set_value(mapping.value());
            port.set_to(mapping.to());
            network.set_ip(mapping.host_ip());
            if (of_group) *resources.mutable_shared()->add_ports() = mapping;
        };
        for (auto& port : *network.mutable_reserved_ports()) take(port, offer[fixed++]);
        for (auto& port : *network.mutable_dynamic_ports()) take(port, offer[dynamic++]);
    };
    for (auto& network : *resources.mutable_shared()->mutable_networks()) fill(network, true);
    for (const auto& task : shape.group->tasks()) {
        for (auto& given : *resources.mutable_tasks()) {
            if (given.task() != task.name()) continue;
            for (auto& network : *given.mutable_networks()) fill(network, false);
        }
    }
    return resources;
}

}  // namespace drover::scheduler
