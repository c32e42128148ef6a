#include "engine/scheduler/fleet.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/schema/node.pb.h"

namespace drover::scheduler {
namespace {

// Fisher and Yates, with our own generator: the order is the same everywhere.
std::vector<std::uint32_t> permutation(std::size_t size, Prng& prng) {
    std::vector<std::uint32_t> order(size);
    std::iota(order.begin(), order.end(), 0U);
    for (std::size_t left = size; left > 1; --left) {
        std::swap(order[left - 1], order[static_cast<std::size_t>(prng.below(left))]);
    }
    return order;
}

bool has_ports(const schema::AllocatedResources& resources) {
    return !resources.shared().ports().empty() || !resources.shared().networks().empty() ||
           std::any_of(resources.tasks().begin(), resources.tasks().end(),
                       [](const auto& task) { return !task.networks().empty(); });
}

}  // namespace

Fleet::Fleet(const state::StateView& view, const state::JobKey& job, Prng& prng)
    : view_{view}, job_{job} {
    for (const auto& node : view_.nodes()) {
        if (!ready_for_placement(*node)) continue;
        nodes_.push_back(node);
        ids_.push_back(state::to_uuid(node->id()));
        capacity_.push_back(capacity_of(*node));
        used_.push_back(view_.usage(ids_.back()));
    }
    ports_.resize(nodes_.size());
    ties_ = permutation(nodes_.size(), prng);
    for (const auto& row : view_.allocations_of(job_)) {
        if (!row->terminal()) static_cast<void>(note(*row, +1));
    }
}

std::uint32_t Fleet::find(const Uuid& id) const {
    const auto at = std::lower_bound(ids_.begin(), ids_.end(), id);
    if (at == ids_.end() || *at != id) return elsewhere;
    return static_cast<std::uint32_t>(at - ids_.begin());
}

const NodePorts& Fleet::ports(std::uint32_t number) {
    auto& ports = ports_[number];
    if (ports != nullptr) return *ports;
    ports = std::make_unique<NodePorts>(*nodes_[number]);
    for (const auto& row : view_.allocations_on(ids_[number])) {
        if (row->terminal() || stopped_.contains(row->id)) continue;
        ports->add(row->body->allocated_resources());
    }
    const auto placed = placed_.find(number);
    if (placed == placed_.end()) return *ports;
    for (const auto& resources : placed->second) ports->add(resources);
    return *ports;
}

std::uint32_t Fleet::note(const state::AllocationRow& row, int delta) {
    const std::uint32_t number = find(row.node_id);
    auto record = number == elsewhere ? view_.node(row.node_id) : nodes_[number];
    events_.push_back({number, std::move(record), row.body->task_group(), delta});
    return number;
}

void Fleet::stop(const state::AllocationRow& row) {
    if (row.terminal() || !stopped_.insert(row.id).second) return;
    const std::uint32_t number = note(row, -1);
    if (number == elsewhere) return;
    used_[number] -= row.usage;
    if (ports_[number]) ports_[number]->remove(row.body->allocated_resources());
}

void Fleet::undo_stop(const state::AllocationRow& row) {
    if (stopped_.erase(row.id) == 0) return;
    const std::uint32_t number = note(row, +1);
    if (number == elsewhere) return;
    used_[number] += row.usage;
    if (ports_[number]) ports_[number]->add(row.body->allocated_resources());
}

void Fleet::place(std::uint32_t number, const std::string& group, const state::Usage& usage,
                  const schema::AllocatedResources& resources) {
    used_[number] += usage;
    events_.push_back({number, nodes_[number], group, +1});
    if (!has_ports(resources)) return;
    placed_[number].push_back(resources);
    if (ports_[number]) ports_[number]->add(resources);
}

}  // namespace drover::scheduler
