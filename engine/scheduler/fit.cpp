#include "engine/scheduler/fit.hpp"

#include <algorithm>

#include "engine/scheduler/devices.hpp"
#include "engine/scheduler/ports.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/state/view.hpp"

namespace drover::scheduler {
namespace {

using Allocations = std::vector<const schema::Allocation*>;

bool client_terminal(const schema::Allocation& allocation) {
    const std::string& status = allocation.client_status();
    return status == "complete" || status == "failed" || status == "lost";
}

// What a plan does to one node.
struct Part {
    std::set<Uuid> leaving;
    Allocations arriving;
    state::Usage batched;  // of what arrives in batches; it holds no ports
};

std::map<Uuid, Part> parts_of(const schema::Plan& plan) {
    std::map<Uuid, Part> parts;
    for (const auto* lists : {&plan.stops(), &plan.preemptions()}) {
        for (const auto& list : *lists) {
            Part& part = parts[state::to_uuid(list.node_id())];
            for (const auto& allocation : list.allocations()) {
                part.leaving.insert(state::to_uuid(allocation.id()));
            }
        }
    }
    for (const auto& list : plan.placements()) {
        Part& part = parts[state::to_uuid(list.node_id())];
        for (const auto& allocation : list.allocations()) part.arriving.push_back(&allocation);
    }
    return parts;
}

// What arrives in batches, by node and in the order of nodes.
using Batched = std::vector<std::pair<Uuid, state::Usage>>;

Batched batched_of(const schema::Plan& plan) {
    Batched batched;
    for (const auto& batch : plan.placement_batches()) {
        const state::Usage each = state::usage_of(batch.common());
        for (const auto& node : batch.nodes()) {
            state::Usage& sum =
                batched.emplace_back(state::to_uuid(node.id()), state::Usage{}).second;
            for (std::uint32_t i = 0; i < node.count(); ++i) sum += each;
        }
    }
    std::ranges::sort(batched, {}, [](const auto& one) { return one.first; });
    Batched sums;
    for (const auto& [node, usage] : batched) {
        if (sums.empty() || sums.back().first != node) sums.emplace_back(node, state::Usage{});
        sums.back().second += usage;
    }
    return sums;
}

// All have their place on the node already: only what is known of them changes.
bool all_stored(const state::StateView& view, const Uuid& node_id, const Allocations& arriving) {
    return std::all_of(arriving.begin(), arriving.end(), [&](const schema::Allocation* allocation) {
        const auto stored = view.allocation(state::to_uuid(allocation->id()));
        return stored != nullptr && stored->node_id == node_id &&
               (!stored->terminal() || client_terminal(*allocation));
    });
}

std::string refusal_of(const state::StateView& view, const Uuid& node_id, const Part& part) {
    if (part.batched.allocations == 0 && all_stored(view, node_id, part.arriving)) return {};
    const state::NodeFacts* facts = view.node_facts().find(node_id);
    if (facts == nullptr) return "node does not exist";
    if (facts->node->status() != "ready") return "node is " + facts->node->status();
    if (!facts->ready) return "node is not eligible";
    return misfit(view, *facts->node, part.leaving, part.arriving, part.batched);
}

// The same where nothing else of the plan is about the node: most of a large plan, and numbers that
// the state keeps side by side are all that it takes.
std::string refusal_of(const state::StateView& view, const Uuid& node_id,
                       const state::Usage& batched) {
    const state::NodeFacts* facts = view.node_facts().find(node_id);
    if (facts == nullptr || !facts->ready) return refusal_of(view, node_id, Part{{}, {}, batched});
    state::Usage used = view.usage(node_id);
    used += batched;
    const char* dimension = exceeded(facts->capacity, used);
    return dimension == nullptr ? std::string{} : dimension;
}

bool ports_fit(const state::StateView& view, const schema::Node& node, const std::set<Uuid>& gone,
               const Allocations& arriving) {
    NodePorts ports{node};
    bool fit = true;
    for (const auto& row : view.allocations_on(state::to_uuid(node.id()))) {
        if (row->terminal() || gone.contains(row->id)) continue;
        fit = ports.add(row->body.allocated_resources()) && fit;
    }
    for (const auto* allocation : arriving) {
        if (client_terminal(*allocation)) continue;
        fit = ports.add(allocation->allocated_resources()) && fit;
    }
    return fit;
}

// No instance is held by two. What is new here gets healthy ones that the node has; what has been
// here before keeps its own, whatever has become of them.
const char* device_misfit(const state::StateView& view, const schema::Node& node,
                          const std::set<Uuid>& gone, const Allocations& arriving) {
    const Uuid node_id = state::to_uuid(node.id());
    NodeDevices devices{node};
    bool free = true;
    for (const auto& row : view.allocations_on(node_id)) {
        if (row->terminal() || gone.contains(row->id)) continue;
        free = devices.add(row->body.allocated_resources()) && free;
    }
    for (const auto* allocation : arriving) {
        if (client_terminal(*allocation)) continue;
        const auto& resources = allocation->allocated_resources();
        free = devices.add(resources) && free;
        const auto stored = view.allocation(state::to_uuid(allocation->id()));
        const bool is_new = stored == nullptr || stored->node_id != node_id;
        if (is_new && !devices.has_healthy(resources)) return "device is gone or unhealthy";
    }
    return free ? nullptr : "device oversubscribed";
}

}  // namespace

const char* exceeded(const Capacity& capacity, const state::Usage& used) {
    if (capacity.allocations > 0 && used.allocations > capacity.allocations) {
        return "max allocation exceeded";
    }
    if (used.cpu_mhz > capacity.cpu_mhz) return "cpu";
    if (used.memory_mb > capacity.memory_mb) return "memory";
    if (used.disk_mb > capacity.disk_mb) return "disk";
    return nullptr;
}

std::string misfit(const state::StateView& view, const schema::Node& node,
                   const std::set<Uuid>& leaving, const Allocations& arriving,
                   const state::Usage& batched) {
    const Uuid node_id = state::to_uuid(node.id());
    std::set<Uuid> gone = leaving;
    for (const auto* allocation : arriving) gone.insert(state::to_uuid(allocation->id()));

    // The sum that the state keeps, less what goes: a full node is not counted over for each plan.
    state::Usage used = view.usage(node_id);
    used += batched;
    for (const auto& id : gone) {
        const auto row = view.allocation(id);
        if (row != nullptr && row->node_id == node_id && !row->terminal()) used -= row->usage;
    }
    bool ports_asked = false;
    bool devices_asked = false;
    for (const auto* allocation : arriving) {
        if (client_terminal(*allocation)) continue;
        used += state::usage_of(*allocation);
        ports_asked = ports_asked || holds_ports(allocation->allocated_resources());
        devices_asked = devices_asked || holds_devices(allocation->allocated_resources());
    }
    if (const char* dimension = exceeded(capacity_of(node), used)) return dimension;
    if (ports_asked && !ports_fit(view, node, gone, arriving)) {
        return "reserved node/alloc port collision";
    }
    const char* device = devices_asked ? device_misfit(view, node, gone, arriving) : nullptr;
    return device == nullptr ? std::string{} : device;
}

std::map<Uuid, std::string> refusals(const state::StateView& view, const schema::Plan& plan) {
    std::map<Uuid, std::string> refused;
    const auto note = [&](const Uuid& node, std::string why) {
        if (!why.empty()) refused.emplace(node, std::move(why));
    };
    auto parts = parts_of(plan);
    for (const auto& [node, usage] : batched_of(plan)) {
        const auto part = parts.find(node);
        if (part == parts.end()) {
            note(node, refusal_of(view, node, usage));
        } else {
            part->second.batched = usage;
        }
    }
    for (const auto& [node, part] : parts) note(node, refusal_of(view, node, part));
    return refused;
}

}  // namespace drover::scheduler
