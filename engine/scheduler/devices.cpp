#include "engine/scheduler/devices.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

#include "engine/scheduler/device_search.hpp"
#include "engine/scheduler/text.hpp"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"

namespace drover::scheduler {
namespace {

constexpr std::string_view ids_target = "${device.ids}";
constexpr std::int64_t default_weight = 50;

std::string joined_ids(const schema::NodeDeviceResource& devices) {
    std::string ids;
    for (const auto& instance : devices.instances()) {
        if (!ids.empty()) ids += ',';
        ids += instance.id();
    }
    return ids;
}

std::optional<DeviceValue> resolve(const std::string& target,
                                   const schema::NodeDeviceResource& devices) {
    if (!target.starts_with("${")) return read_device_value(target);
    if (target == ids_target) return text_value(joined_ids(devices));
    if (target == "${device.vendor}") return text_value(devices.vendor());
    if (target == "${device.type}") return text_value(devices.type());
    if (target == "${device.model}") return text_value(devices.name());
    constexpr std::string_view attribute = "${device.attr.";
    if (!target.starts_with(attribute) || !target.ends_with('}')) return std::nullopt;
    const std::string_view name{target.data() + attribute.size(),
                                target.size() - attribute.size() - 1};
    for (const auto& pair : devices.attributes()) {
        if (pair.key() == name) return to_device_value(pair.value());
    }
    return std::nullopt;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

std::optional<std::string> text_of(const std::optional<DeviceValue>& value) {
    if (!value) return std::nullopt;
    return value->text;
}

bool in_order(const std::string& operation, int order) {
    if (operation == "<") return order < 0;
    if (operation == "<=") return order <= 0;
    if (operation == ">") return order > 0;
    return order >= 0;
}

std::string group_name(const std::string& vendor, const std::string& type,
                       const std::string& name) {
    return vendor + "/" + type + "/" + name;
}

template <class Devices>
bool is_named(const std::string& request, const Devices& devices) {
    if (request == devices.type()) return true;
    const std::string vendor_and_type = devices.vendor() + "/" + devices.type();
    return request == vendor_and_type || request == vendor_and_type + "/" + devices.name();
}

template <class Visit>
void each_instance(const schema::AllocatedResources& resources, Visit visit) {
    for (const auto& task : resources.tasks()) {
        for (const auto& device : task.devices()) {
            const auto name = group_name(device.vendor(), device.type(), device.name());
            for (const auto& id : device.device_ids()) visit(std::pair{name, id});
        }
    }
}

DeviceRequest request_of(const schema::Task& task, const schema::RequestedDevice& device) {
    DeviceRequest request{
        task.name(), device.name(), device.has_count() ? device.count() : 1, {}, {}};
    for (const auto& one : device.constraints()) {
        request.constraints.emplace_back(one.l_target(), one.operand(), one.r_target());
    }
    for (const auto& one : device.affinities()) {
        request.affinities.push_back(
            {DeviceCondition{one.l_target(), one.operand(), one.r_target()},
             one.has_weight() ? one.weight() : default_weight});
    }
    return request;
}

}  // namespace

DeviceCondition::DeviceCondition(std::string left, const std::string& operation, std::string right)
    : left_{std::move(left)}, right_{std::move(right)}, text_{left_, operation, right_} {}

bool DeviceCondition::asks_instances() const { return left_ == ids_target || right_ == ids_target; }

bool DeviceCondition::asks_a_set() const {
    return left_ == ids_target &&
           is_one_of(text_.operation(), {"set_contains", "set_contains_all"});
}

bool DeviceCondition::suits(const schema::NodeDeviceResource& devices) const {
    return (asks_instances() && !asks_a_set()) || holds(devices);
}

bool DeviceCondition::holds(const std::optional<DeviceValue>& left,
                            const std::optional<DeviceValue>& right) const {
    const std::string& operation = text_.operation();
    const bool differs = is_one_of(operation, {"!=", "not"});
    const bool equals = is_one_of(operation, {"=", "==", "is", ""});
    if (differs && !left != !right) return true;
    if (differs || equals || is_one_of(operation, {"<", "<=", ">", ">="})) {
        if (!left || !right) return false;
        const auto order = compare(*left, *right);
        if (!order) return false;
        if (differs) return *order != 0;
        if (equals) return *order == 0;
        return has_order(*left) && has_order(*right) && in_order(operation, *order);
    }
    return text_.holds(text_of(left), text_of(right));
}

bool DeviceCondition::holds(const schema::NodeDeviceResource& devices) const {
    return holds(resolve(left_, devices), resolve(right_, devices));
}

bool DeviceCondition::allows(const schema::NodeDeviceResource& devices,
                             const std::string& instance) const {
    if (!asks_instances()) return true;
    auto left = resolve(left_, devices);
    auto right = resolve(right_, devices);
    if (asks_a_set()) {
        if (!right) return false;
        const auto wanted = split(right->text, ',');
        return std::any_of(wanted.begin(), wanted.end(),
                           [&](std::string_view one) { return trim(one) == instance; });
    }
    if (left_ == ids_target) left = text_value(instance);
    if (right_ == ids_target) right = text_value(instance);
    return holds(left, right);
}

std::vector<DeviceRequest> device_requests(const schema::TaskGroup& group) {
    std::vector<DeviceRequest> requests;
    for (const auto& task : group.tasks()) {
        for (const auto& device : task.resources().devices()) {
            requests.push_back(request_of(task, device));
        }
    }
    return requests;
}

std::int64_t device_weight(const std::vector<DeviceRequest>& requests) {
    std::int64_t sum = 0;
    for (const auto& request : requests) {
        for (const auto& affinity : request.affinities) sum += std::abs(affinity.weight);
    }
    return sum;
}

bool names_devices(const std::string& request, const schema::NodeDeviceResource& devices) {
    return is_named(request, devices);
}

bool names_devices(const std::string& request, const schema::AllocatedDeviceResource& devices) {
    return is_named(request, devices);
}

bool holds_devices(const schema::AllocatedResources& resources) {
    return std::any_of(resources.tasks().begin(), resources.tasks().end(),
                       [](const auto& task) { return !task.devices().empty(); });
}

void give_devices(schema::AllocatedResources& resources, const std::vector<DeviceRequest>& requests,
                  const DeviceOffer& offer) {
    for (std::size_t i = 0; i < offer.devices.size(); ++i) {
        for (auto& task : *resources.mutable_tasks()) {
            if (task.task() == requests[i].task) *task.add_devices() = offer.devices[i];
        }
    }
}

NodeDevices::NodeDevices(const schema::Node& node) {
    std::set<Instance> seen;
    for (const auto& devices : node.node_resources().devices()) {
        Group group{&devices, group_name(devices.vendor(), devices.type(), devices.name()), {}};
        // What is reported twice is one, and as sick as the worse of the two reports.
        for (const auto& instance : devices.instances()) {
            if (!instance.healthy()) seen.emplace(group.name, instance.id());
        }
        groups_.push_back(std::move(group));
    }
    for (auto& group : groups_) {
        for (const auto& instance : group.devices->instances()) {
            if (seen.emplace(group.name, instance.id()).second) {
                group.healthy.push_back(instance.id());
            }
        }
        std::sort(group.healthy.begin(), group.healthy.end());
    }
    std::stable_sort(groups_.begin(), groups_.end(),
                     [](const Group& a, const Group& b) { return a.name < b.name; });
}

bool NodeDevices::add(const schema::AllocatedResources& resources) {
    bool free = true;
    each_instance(resources, [&](Instance instance) {
        if (++held_[std::move(instance)] > 1) free = false;
    });
    return free;
}

void NodeDevices::remove(const schema::AllocatedResources& resources) {
    each_instance(resources, [&](const Instance& instance) {
        const auto at = held_.find(instance);
        if (at != held_.end() && --at->second == 0) held_.erase(at);
    });
}

bool NodeDevices::has_healthy(const schema::AllocatedResources& resources) const {
    bool all = true;
    each_instance(resources, [&](const Instance& instance) {
        all = all && std::any_of(groups_.begin(), groups_.end(), [&](const Group& group) {
                  return group.name == instance.first &&
                         std::binary_search(group.healthy.begin(), group.healthy.end(),
                                            instance.second);
              });
    });
    return all;
}

std::optional<DeviceOffer> NodeDevices::offer(const std::vector<DeviceRequest>& requests) const {
    DeviceSearch search{*this};
    return search.serve(requests) ? std::optional{search.offer()} : std::nullopt;
}

std::string NodeDevices::first_missing(const std::vector<DeviceRequest>& requests) const {
    std::vector<DeviceRequest> served;
    for (const auto& request : requests) {
        served.push_back(request);
        if (!offer(served)) return request.name;
    }
    return {};
}

}  // namespace drover::scheduler
