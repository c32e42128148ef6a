// See placement_ledger.hpp. Hashes find who may clash; the rows themselves decide.
#include "sim/placement_ledger.hpp"

#include <algorithm>
#include <cstring>

#include "engine/schema/canonical.hpp"
#include "engine/schema/job.pb.h"

namespace drover::sim {
namespace {

std::uint64_t hash_of(std::string_view job, std::string_view name, const Uuid& node) {
    std::string text{job};
    text += '\0';
    text += name;
    text += '\0';
    text.append(node.bytes.begin(), node.bytes.end());
    return schema::hash128(text, 0).low;
}

// A system job has the same name once on every node.
bool is_everywhere(const schema::Job& job) {
    return job.type() == "system" || job.type() == "sysbatch";
}

bool same_name(const state::AllocationRow& one, const state::AllocationRow& other) {
    return one.body.name() == other.body.name() && one.body.job_id() == other.body.job_id();
}

}  // namespace

std::size_t PlacementLedger::IdHash::operator()(const Uuid& id) const {
    std::uint64_t high = 0, low = 0;
    std::memcpy(&high, id.bytes.data(), sizeof high);
    std::memcpy(&low, id.bytes.data() + sizeof high, sizeof low);
    return high ^ low;
}

PlacementLedger::Held PlacementLedger::held_by(const state::AllocationRow& row) {
    const Uuid place = is_everywhere(*row.job) ? row.node_id : Uuid{};
    return {row.node_id, hash_of(row.body.job_id(), row.body.name(), place),
            hash_of(row.body.job_id(), {}, row.node_id), row.usage};
}

void PlacementLedger::release(const Uuid& id) {
    const auto found = live_.find(id);
    if (found == live_.end()) return;
    const Held& held = found->second;
    const auto [first, last] = names_.equal_range(held.name);
    const auto name = std::find_if(first, last, [&](const auto& one) { return one.second == id; });
    if (name != last) names_.erase(name);
    if (--jobs_on_nodes_[held.job_on_node] == 0) jobs_on_nodes_.erase(held.job_on_node);
    nodes_[held.node] -= held.usage;
    live_.erase(found);
}

std::vector<PlacementLedger::Clash> PlacementLedger::move(const state::StateView& view,
                                                          const std::vector<Uuid>& changed) {
    std::vector<state::AllocationPtr> taking;
    for (const Uuid& id : changed) {
        auto row = view.allocation(id);
        const bool live = row && !row->terminal();
        const auto known = live_.find(id);
        if (live && known != live_.end() && known->second.node == row->node_id &&
            known->second.usage == row->usage) {
            continue;
        }
        release(id);
        if (live) taking.push_back(std::move(row));
    }
    std::vector<Clash> clashes;
    for (const auto& row : taking) {
        const Held held = held_by(*row);
        const auto [first, last] = names_.equal_range(held.name);
        for (auto name = first; name != last; ++name) {
            const auto holder = view.allocation(name->second);
            const bool clash = holder && !holder->terminal() && same_name(*holder, *row);
            if (clash) clashes.push_back({holder->id, row->id});
        }
        names_.emplace(held.name, row->id);
        if (!live_.try_emplace(row->id, held).second) continue;
        ++jobs_on_nodes_[held.job_on_node];
        nodes_[held.node] += held.usage;
    }
    return clashes;
}

void PlacementLedger::clear() { *this = {}; }

state::Usage PlacementLedger::used(const Uuid& node) const {
    const auto found = nodes_.find(node);
    return found == nodes_.end() ? state::Usage{} : found->second;
}

std::uint32_t PlacementLedger::count(const std::string& job, const Uuid& node) const {
    const auto found = jobs_on_nodes_.find(hash_of(job, {}, node));
    return found == jobs_on_nodes_.end() ? 0 : found->second;
}

}  // namespace drover::sim
