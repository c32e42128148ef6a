#include "engine/scheduler/device_search.hpp"

#include <algorithm>
#include <utility>

#include "engine/schema/node.pb.h"

namespace drover::scheduler {
namespace {

// Choosing groups for many requests is bin packing. Where a job has so many device blocks that its
// ways are not gone through by then, the best so far will do; the scheduler does not wait.
constexpr int tries_max = 20'000;

constexpr std::size_t nobody = SIZE_MAX;

bool suits(const DeviceRequest& request, const schema::NodeDeviceResource& devices) {
    return names_devices(request.name, devices) &&
           std::all_of(request.constraints.begin(), request.constraints.end(),
                       [&](const auto& constraint) { return constraint.suits(devices); });
}

bool allows(const DeviceRequest& request, const schema::NodeDeviceResource& devices,
            const std::string& instance) {
    return std::all_of(
        request.constraints.begin(), request.constraints.end(),
        [&](const auto& constraint) { return constraint.allows(devices, instance); });
}

}  // namespace

DeviceSearch::DeviceSearch(const NodeDevices& node) {
    for (const auto& of : node.groups_) {
        Group group{&of, {}, {}};
        for (const auto& id : of.healthy) {
            if (!node.held_.contains({of.name, id})) group.free.push_back(id);
        }
        group.owner.resize(group.free.size());
        groups_.push_back(std::move(group));
    }
}

std::vector<DeviceSearch::Option> DeviceSearch::options_of(const DeviceRequest& request) const {
    std::vector<Option> options;
    for (std::size_t number = 0; number < groups_.size(); ++number) {
        const Group& group = groups_[number];
        const auto& devices = *group.of->devices;
        if (group.free.size() < request.count || !suits(request, devices)) continue;
        Option option{number, 0, {}};
        for (std::size_t i = 0; i < group.free.size(); ++i) {
            if (allows(request, devices, group.free[i])) option.instances.push_back(i);
        }
        if (option.instances.size() < request.count) continue;
        for (const auto& affinity : request.affinities) {
            if (affinity.condition.holds(devices)) option.weight += affinity.weight;
        }
        options.push_back(std::move(option));
    }
    std::stable_sort(options.begin(), options.end(),
                     [](const Option& a, const Option& b) { return a.weight > b.weight; });
    return options;
}

bool DeviceSearch::serve(const std::vector<DeviceRequest>& requests) {
    for (const auto& request : requests) {
        wishes_.push_back({&request, options_of(request), 0});
        if (wishes_.back().options.empty()) return false;
    }
    serve_from(0);
    return best_.has_value();
}

// What the first `chosen` have, and the others would have if nobody else were there.
std::vector<std::int64_t> DeviceSearch::best_weights(std::size_t chosen) const {
    std::vector<std::int64_t> weights;
    for (std::size_t wish = 0; wish < wishes_.size(); ++wish) {
        const auto& options = wishes_[wish].options;
        weights.push_back((wish < chosen ? choice_of(wish) : options.front()).weight);
    }
    return weights;
}

void DeviceSearch::serve_from(std::size_t wish) {
    if (wish == wishes_.size()) {
        best_ = Way{best_weights(wish), groups_, wishes_};
        return;
    }
    for (std::size_t i = 0; i < wishes_[wish].options.size(); ++i) {
        if (++tries_ > tries_max) return;
        wishes_[wish].chosen = i;
        if (best_ && best_weights(wish + 1) <= best_->weights) return;
        Group& group = groups_[choice_of(wish).group];
        const auto before = group.owner;
        if (take(wish)) serve_from(wish + 1);
        groups_[choice_of(wish).group].owner = before;
    }
}

bool DeviceSearch::take(std::size_t wish) {
    Group& group = groups_[choice_of(wish).group];
    for (std::uint64_t i = 0; i < wishes_[wish].request->count; ++i) {
        if (!take_one(wish, group)) return false;
    }
    return true;
}

// Looks for a free instance, first among those that it may have, then among those to which their
// holders could change, and so on; each instance once.
bool DeviceSearch::take_one(std::size_t wish, Group& group) {
    std::vector<std::size_t> from(group.free.size(), nobody);
    std::vector<bool> seen(group.free.size());
    std::vector<std::size_t> queue;
    const auto look_at = [&](const std::vector<std::size_t>& instances, std::size_t instead_of) {
        for (const std::size_t instance : instances) {
            if (seen[instance]) continue;
            seen[instance] = true;
            from[instance] = instead_of;
            queue.push_back(instance);
        }
    };
    look_at(choice_of(wish).instances, nobody);
    for (std::size_t next = 0; next < queue.size(); ++next) {
        std::size_t instance = queue[next];
        if (group.owner[instance]) {
            if (*group.owner[instance] != wish) {
                look_at(choice_of(*group.owner[instance]).instances, instance);
            }
            continue;
        }
        for (; from[instance] != nobody; instance = from[instance]) {
            group.owner[instance] = group.owner[from[instance]];
        }
        group.owner[instance] = wish;
        return true;
    }
    return false;
}

DeviceOffer DeviceSearch::offer() const {
    DeviceOffer offer;
    for (std::size_t wish = 0; wish < best_->wishes.size(); ++wish) {
        const Wish& served = best_->wishes[wish];
        const Option& option = served.options[served.chosen];
        const Group& group = best_->groups[option.group];
        auto& given = offer.devices.emplace_back();
        given.set_vendor(group.of->devices->vendor());
        given.set_type(group.of->devices->type());
        given.set_name(group.of->devices->name());
        for (std::size_t i = 0; i < group.owner.size(); ++i) {
            if (group.owner[i] == wish) given.add_device_ids(group.free[i]);
        }
        offer.matching_weight += option.weight;
    }
    return offer;
}

}  // namespace drover::scheduler
