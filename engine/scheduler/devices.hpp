// Devices of one node: which groups of instances suit the device blocks of a job's group, and which
// instances an allocation is given. See semantics sections 3.11 and 3.13.
//
// A block is served by healthy and free instances of one group (vendor, type and name). What is
// offered is complete or nothing: where the blocks of a group can be served together, in whatever
// way, they are. Among the ways, the first block gets the group that it likes best, then the
// second; among equals the first in the order of vendor, type and name, and of the instances' ids.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/scheduler/constraint.hpp"
#include "engine/scheduler/device_value.hpp"
#include "engine/schema/allocation.pb.h"

namespace drover::schema {
class Node;
class NodeDeviceResource;
class RequestedDevice;
class TaskGroup;
}  // namespace drover::schema

namespace drover::scheduler {

// A constraint or affinity of a device block. Both sides may be ${device.vendor}, ${device.type},
// ${device.model}, ${device.attr.<name>} or ${device.ids}; all other ${ } are not there.
class DeviceCondition {
public:
    DeviceCondition(std::string left, const std::string& operation, std::string right);

    // ${device.ids} stands for all instances, separated by commas.
    [[nodiscard]] bool holds(const schema::NodeDeviceResource& devices) const;
    // ${device.ids} stands for this one; where a set has to be contained in the ids, it belongs to
    // that set.
    [[nodiscard]] bool allows(const schema::NodeDeviceResource& devices,
                              const std::string& instance) const;
    // Some instances of the group could meet it, as far as the group alone can tell.
    [[nodiscard]] bool suits(const schema::NodeDeviceResource& devices) const;

private:
    [[nodiscard]] bool holds(const std::optional<DeviceValue>& left,
                             const std::optional<DeviceValue>& right) const;
    [[nodiscard]] bool asks_instances() const;
    [[nodiscard]] bool asks_a_set() const;

    std::string left_;
    std::string right_;
    Condition text_;  // of the operators that read both sides as text
};

// One device block of a task, read once so that it can be asked of many nodes.
struct DeviceRequest {
    struct Affinity {
        DeviceCondition condition;
        std::int64_t weight{};
    };
    std::string task;
    std::string name;  // type, vendor/type or vendor/type/name
    std::uint64_t count = 1;
    std::vector<DeviceCondition> constraints;
    std::vector<Affinity> affinities;
};
// Of all tasks, in the order of the group.
[[nodiscard]] std::vector<DeviceRequest> device_requests(const schema::TaskGroup& group);
// The sum of all affinities' weights, taken as positive.
[[nodiscard]] std::int64_t device_weight(const std::vector<DeviceRequest>& requests);

// The request is the group's type, vendor/type or vendor/type/name.
[[nodiscard]] bool names_devices(const std::string& request,
                                 const schema::NodeDeviceResource& devices);
[[nodiscard]] bool names_devices(const std::string& request,
                                 const schema::AllocatedDeviceResource& devices);

struct DeviceOffer {
    std::vector<schema::AllocatedDeviceResource> devices;  // one for each request
    std::int64_t matching_weight{};                        // of the affinities that hold
};

[[nodiscard]] bool holds_devices(const schema::AllocatedResources& resources);
// To the tasks that asked for them.
void give_devices(schema::AllocatedResources& resources, const std::vector<DeviceRequest>& requests,
                  const DeviceOffer& offer);

class NodeDevices {
public:
    explicit NodeDevices(const schema::Node& node);

    // Some instance was held already: the node is oversubscribed. What the node has no longer is
    // counted all the same: the node may bring it back.
    bool add(const schema::AllocatedResources& resources);
    void remove(const schema::AllocatedResources& resources);

    // Nothing is taken. None where the requests cannot be served together.
    [[nodiscard]] std::optional<DeviceOffer> offer(
        const std::vector<DeviceRequest>& requests) const;
    // The first request that cannot be served with those before it; empty where all can.
    [[nodiscard]] std::string first_missing(const std::vector<DeviceRequest>& requests) const;
    // The node has all of these, and they are healthy.
    [[nodiscard]] bool has_healthy(const schema::AllocatedResources& resources) const;

private:
    // "vendor/type/name" and id.
    using Instance = std::pair<std::string, std::string>;
    struct Group {
        const schema::NodeDeviceResource* devices;
        std::string name;
        std::vector<std::string> healthy;  // ids, ascending
    };

    std::vector<Group> groups_;  // in the order of their names
    std::map<Instance, std::int32_t> held_;

    friend class DeviceSearch;
};

}  // namespace drover::scheduler
