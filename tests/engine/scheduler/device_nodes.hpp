// Nodes with devices, jobs that ask for them, and who holds what.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "tests/engine/scheduler/harness.hpp"

namespace drover::scheduler::testing {

inline schema::NodeDeviceResource& add_group(schema::Node& node, const std::string& vendor,
                                             const std::string& type, const std::string& name,
                                             const std::vector<std::string>& ids) {
    auto& devices = *node.mutable_node_resources()->add_devices();
    devices.set_vendor(vendor);
    devices.set_type(type);
    devices.set_name(name);
    for (const auto& id : ids) {
        auto& instance = *devices.add_instances();
        instance.set_id(id);
        instance.set_healthy(true);
    }
    return devices;
}

inline schema::DeviceAttribute& add_attribute(schema::NodeDeviceResource& devices,
                                              const std::string& key) {
    auto& pair = *devices.add_attributes();
    pair.set_key(key);
    return *pair.mutable_value();
}

inline schema::RequestedDevice& ask(schema::Job& job, const std::string& name,
                                    std::uint64_t count = 1) {
    auto& device = *group_of(job).mutable_tasks(0)->mutable_resources()->add_devices();
    device.set_name(name);
    device.set_count(count);
    return device;
}

inline void constrain(schema::RequestedDevice& device, const std::string& left,
                      const std::string& op, const std::string& right) {
    auto& one = *device.add_constraints();
    one.set_l_target(left);
    one.set_operand(op);
    one.set_r_target(right);
}

inline void like(schema::RequestedDevice& device, const std::string& left, const std::string& right,
                 int weight) {
    auto& one = *device.add_affinities();
    one.set_l_target(left);
    one.set_operand("=");
    one.set_r_target(right);
    one.set_weight(weight);
}

inline std::vector<std::string> held(const schema::AllocatedResources& resources) {
    std::vector<std::string> all;
    for (const auto& task : resources.tasks()) {
        for (const auto& device : task.devices()) {
            for (const auto& id : device.device_ids()) all.push_back(device.name() + "/" + id);
        }
    }
    return all;
}

inline std::vector<std::string> held_by(const Harness& harness, const std::string& job) {
    std::vector<std::string> all;
    for (const auto& row : harness.live(job)) {
        for (auto& one : held(row->body.allocated_resources())) all.push_back(std::move(one));
    }
    std::sort(all.begin(), all.end());
    return all;
}

using Ids = std::vector<std::string>;

}  // namespace drover::scheduler::testing
