// What one group of one version of a job asks of a node, read once so that it can be checked
// against many nodes; and what its allocations will be given there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/scheduler/constraint.hpp"
#include "engine/scheduler/devices.hpp"
#include "engine/scheduler/plan.hpp"
#include "engine/scheduler/score.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/network.pb.h"
#include "engine/state/types.hpp"

namespace drover::schema {
class Node;
class TaskGroup;
}  // namespace drover::schema

namespace drover::scheduler {

enum class Scope : std::uint8_t { job, group };

// At most `allowed` allocations where the target has one value.
struct DistinctProperty {
    std::string target;
    std::int64_t allowed = 1;
    Scope scope{};
};

struct WeightedAffinity {
    Condition condition;
    std::int64_t weight{};
};

struct SpreadTarget {
    std::string value;
    std::int64_t percent{};
};
struct SpreadRule {
    std::string target;
    std::int64_t weight{};
    std::vector<SpreadTarget> targets;  // none: evenly over all values
};

struct GroupShape {
    state::JobPtr job;
    const schema::TaskGroup* group = nullptr;  // inside *job
    std::string name;
    std::int64_t count{};

    state::Usage ask;
    schema::AllocatedResources resources;  // without ports and devices
    schema::NetworkResource ports;         // of all its networks together
    std::int64_t network_count{};
    std::vector<DeviceRequest> devices;  // of all its tasks
    std::int64_t device_weight{};        // of their affinities; 0: they have none

    std::vector<Condition> conditions;  // a computed class can answer for these
    std::vector<Condition> escaped;     // each node has to be asked
    std::vector<std::string> drivers;
    bool distinct_hosts_in_job = false;
    bool distinct_hosts_in_group = false;
    std::vector<DistinctProperty> distinct_properties;
    std::vector<WeightedAffinity> affinities;
    std::vector<SpreadRule> spreads;

    [[nodiscard]] bool asks_ports() const {
        return ports.reserved_ports_size() + ports.dynamic_ports_size() > 0;
    }
    [[nodiscard]] bool asks_devices() const { return !devices.empty(); }
};

[[nodiscard]] GroupShape shape_of(const state::JobPtr& job, const schema::TaskGroup& group,
                                  const PlanInputs& inputs);

// What one allocation of the group takes of a node, or is at least known to take.
[[nodiscard]] state::Usage ask_of(const schema::TaskGroup& group);

// Why no node of this node's class will do, or this very node will not; empty where it will. Room
// and other allocations are not looked at.
[[nodiscard]] std::string class_objection(const GroupShape& shape, const schema::Node& node);
[[nodiscard]] std::string node_objection(const GroupShape& shape, const schema::Node& node);

[[nodiscard]] bool in_pool(const schema::Job& job, const schema::Node& node);
// The node is in a datacenter and pool that the job allows.
[[nodiscard]] bool in_reach(const schema::Job& job, const schema::Node& node);

// From -1 to 1; 0 without affinities.
[[nodiscard]] Score affinity_of(const GroupShape& shape, const schema::Node& node);

// What an allocation is given: the shape's resources with these ports, in the order of the offer.
// Devices are given by give_devices().
[[nodiscard]] schema::AllocatedResources with_ports(const GroupShape& shape,
                                                    const std::vector<schema::PortMapping>& offer);

}  // namespace drover::scheduler
