#include "engine/scheduler/fleet.hpp"

#include <algorithm>
#include <utility>

#include "engine/schema/node.pb.h"

namespace drover::scheduler {
namespace {

// One to one on 32 bits, and near inputs go far apart: the finalizer of MurmurHash3.
std::uint32_t mixed(std::uint32_t x) {
    x ^= x >> 16;
    x *= 0x85ebca6bU;
    x ^= x >> 13;
    x *= 0xc2b2ae35U;
    return x ^ (x >> 16);
}

}  // namespace

Fleet::Fleet(const state::StateView& view, const state::JobKey& job, std::uint64_t order)
    : view_{view}, facts_table_{view.node_facts()}, usage_table_{view.usages()}, job_{job} {
    const std::size_t known = facts_table_.size();
    facts_.reserve(known);
    ids_.reserve(known);
    used_.reserve(known);
    class_of_.reserve(known);
    // Both run in the order of the nodes' ids.
    const auto usages = usage_table_.all();
    const auto all = facts_table_.all();
    auto usage = usages.begin();
    const auto last_usage = usages.end();
    const auto last = all.end();
    for (auto at = all.begin(); at != last; ++at) {
        while (usage != last_usage && usage.key() < at.key()) ++usage;
        if (!at->ready) continue;
        add_node(at.key(), *at);
        const bool in_use = usage != last_usage && usage.key() == at.key();
        used_.push_back(in_use ? *usage : state::Usage{});
    }
    ports_.resize(facts_.size());
    Prng ties = Prng{order}.stream("ties");
    for (auto& key : tie_keys_) key = static_cast<std::uint32_t>(ties.next());
    note_live_allocations();
}

void Fleet::note_live_allocations() {
    for (const auto& row : view_.allocations_of(job_)) {
        if (!row->terminal()) static_cast<void>(note(*row, +1));
    }
}

bool Fleet::can_go_on_with(const state::StateView& view) const {
    return view.node_facts().same_as(facts_table_) && events_.size() <= facts_.size();
}

void Fleet::go_on_with(const state::StateView& view, const state::JobKey& job) {
    view_ = view;
    take_back();
    state::UsageByNode::visit_changes(
        usage_table_, view_.usages(),
        [this](const Uuid& id, const state::Usage*, const state::Usage* now) {
            const std::uint32_t number = find(id);
            if (number == elsewhere) return;
            const state::Usage used = now == nullptr ? state::Usage{} : *now;
            if (used == used_[number]) return;
            used_[number] = used;
            events_.push_back({number, nullptr, {}, 0});
        });
    usage_table_ = view_.usages();
    job_ = job;
    first_event_ = events_.size();
    note_live_allocations();
}

// Nodes get back what the last view had there; each event is followed by its opposite.
void Fleet::take_back() {
    for (const std::uint32_t number : with_ports_) ports_[number].reset();
    with_ports_.clear();
    devices_.clear();
    placed_.clear();
    stopped_.clear();
    const std::size_t end = events_.size();
    for (std::size_t i = first_event_; i < end; ++i) {
        const std::uint32_t number = events_[i].node;
        if (number == elsewhere) continue;
        const state::Usage* before = usage_table_.find(ids_[number]);
        used_[number] = before == nullptr ? state::Usage{} : *before;
        events_.push_back({number, nullptr, events_[i].group, -events_[i].delta});
    }
}

void Fleet::add_node(const Uuid& id, const state::NodeFacts& facts) {
    const auto number = static_cast<std::uint32_t>(facts_.size());
    facts_.push_back(&facts);
    ids_.push_back(id);
    auto class_number = static_cast<std::uint32_t>(classes_.size());
    if (facts.class_key != 0) {
        class_number = class_numbers_.try_emplace(facts.class_key, class_number).first->second;
    }
    if (class_number == classes_.size()) classes_.push_back({number, 0});
    ++classes_[class_number].size;
    class_of_.push_back(class_number);
}

// A permutation of all 32-bit numbers, drawn by two keys: two nodes never share one.
std::uint32_t Fleet::tie(std::uint32_t number) const {
    return mixed(mixed(number ^ tie_keys_[0]) ^ tie_keys_[1]);
}

std::uint32_t Fleet::find(const Uuid& id) const {
    const auto at = std::lower_bound(ids_.begin(), ids_.end(), id);
    if (at == ids_.end() || *at != id) return elsewhere;
    return static_cast<std::uint32_t>(at - ids_.begin());
}

const NodePorts& Fleet::ports(std::uint32_t number) {
    auto& ports = ports_[number];
    if (ports != nullptr) return *ports;
    with_ports_.push_back(number);
    ports = std::make_unique<NodePorts>(*node(number));
    count_names(number, *ports);
    return *ports;
}

const NodeDevices& Fleet::devices(std::uint32_t number) {
    const auto known = devices_.find(number);
    if (known != devices_.end()) return known->second;
    auto& devices = devices_.emplace(number, NodeDevices{*node(number)}).first->second;
    count_names(number, devices);
    return devices;
}

// Ports and devices are given by name, so the rows on the node are looked at, not their sums.
template <class Known>
void Fleet::count_names(std::uint32_t number, Known& known) const {
    for (const auto& row : view_.allocations_on(ids_[number])) {
        if (row->terminal() || stopped_.contains(row->id)) continue;
        known.add(row->body.allocated_resources());
    }
    const auto placed = placed_.find(number);
    if (placed == placed_.end()) return;
    for (const auto& resources : placed->second) known.add(resources);
}

void Fleet::give_names(std::uint32_t number, const state::AllocationRow& row) {
    const auto devices = devices_.find(number);
    if (!ports_[number] && devices == devices_.end()) return;
    const auto resources = row.body.allocated_resources();
    if (ports_[number]) ports_[number]->add(resources);
    if (devices != devices_.end()) devices->second.add(resources);
}

void Fleet::take_names(std::uint32_t number, const state::AllocationRow& row) {
    const auto devices = devices_.find(number);
    if (!ports_[number] && devices == devices_.end()) return;
    const auto resources = row.body.allocated_resources();
    if (ports_[number]) ports_[number]->remove(resources);
    if (devices != devices_.end()) devices->second.remove(resources);
}

std::uint32_t Fleet::note(const state::AllocationRow& row, int delta) {
    const std::uint32_t number = find(row.node_id);
    auto record = number == elsewhere ? view_.node(row.node_id) : node(number);
    events_.push_back({number, std::move(record), std::string{row.body.task_group()}, delta});
    return number;
}

void Fleet::stop(const state::AllocationRow& row) {
    if (row.terminal() || !stopped_.insert(row.id).second) return;
    const std::uint32_t number = note(row, -1);
    if (number == elsewhere) return;
    used_[number] -= row.usage;
    take_names(number, row);
}

void Fleet::undo_stop(const state::AllocationRow& row) {
    if (stopped_.erase(row.id) == 0) return;
    const std::uint32_t number = note(row, +1);
    if (number == elsewhere) return;
    used_[number] += row.usage;
    give_names(number, row);
}

// To the job's own counts it makes no difference.
void Fleet::evict(const state::AllocationRow& row) {
    if (row.terminal() || !stopped_.insert(row.id).second) return;
    const std::uint32_t number = find(row.node_id);
    if (number == elsewhere) return;
    events_.push_back({number, node(number), {}, 0});
    used_[number] -= row.usage;
    take_names(number, row);
}

void Fleet::undo_evict(const state::AllocationRow& row) {
    if (stopped_.erase(row.id) == 0) return;
    const std::uint32_t number = find(row.node_id);
    if (number == elsewhere) return;
    events_.push_back({number, node(number), {}, 0});
    used_[number] += row.usage;
    give_names(number, row);
}

std::vector<schema::AllocatedResources> Fleet::placed_with_names(std::uint32_t number) const {
    const auto placed = placed_.find(number);
    return placed == placed_.end() ? std::vector<schema::AllocatedResources>{} : placed->second;
}

void Fleet::place(std::uint32_t number, const std::string& group, const state::Usage& usage,
                  const schema::AllocatedResources& resources) {
    used_[number] += usage;
    events_.push_back({number, node(number), group, +1});
    if (!holds_ports(resources) && !holds_devices(resources)) return;
    placed_[number].push_back(resources);
    if (ports_[number]) ports_[number]->add(resources);
    const auto devices = devices_.find(number);
    if (devices != devices_.end()) devices->second.add(resources);
}

}  // namespace drover::scheduler
