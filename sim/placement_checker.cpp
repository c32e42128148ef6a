#include "sim/placement_checker.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/entry.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/schema/placement_batch.hpp"
#include "sim/world.hpp"

namespace drover::sim {

namespace {

using Groups = google::protobuf::RepeatedPtrField<schema::NodeAllocations>;

void note(std::vector<Uuid>& ids, const Groups& groups) {
    for (const auto& group : groups) {
        for (const auto& one : group.allocations()) ids.push_back(state::to_uuid(one.id()));
    }
}

// The allocations that an entry may bring to life or move. One that restores a snapshot names none,
// and neither does one that only forgets what has ended.
std::vector<Uuid> allocations_of(const schema::Entry& entry) {
    std::vector<Uuid> ids;
    if (entry.has_apply_plan()) {
        const schema::Plan& plan = entry.apply_plan().plan();
        note(ids, plan.placements());
        note(ids, plan.stops());
        note(ids, plan.preemptions());
        for (const auto& batch : plan.placement_batches()) {
            schema::for_each_placement(batch, [&](const schema::BatchedPlacement& one) {
                ids.push_back(state::to_uuid(one.id));
            });
        }
    }
    for (const auto& one : entry.update_allocations().allocations()) {
        ids.push_back(state::to_uuid(one.id()));
    }
    for (const auto& one : entry.transition_allocations().transitions()) {
        ids.push_back(state::to_uuid(one.allocation_id()));
    }
    return ids;
}

}  // namespace

void PlacementChecker::log_written(const raft::WriteLog& write) {
    for (const raft::Entry& entry : write.entries) {
        if (entry.index.value() <= checked_index_ || entry.kind != raft::EntryKind::normal)
            continue;
        auto& terms = noted_[entry.index.value()];
        const auto [noted, first] = terms.try_emplace(entry.term.value());
        if (!first) continue;
        schema::Entry command;
        if (command.ParseFromString(std::string{entry.payload()})) {
            noted->second = allocations_of(command);
        }
    }
}

void PlacementChecker::server_stepped(World& world, const ServerProcess& server) {
    const state::StateView& view = server.engine().view();
    const std::uint64_t index = view.table_index(state::Table::allocations);
    if (index <= checked_index_) return;
    const auto what = changed(view);
    checked_index_ = index;
    check(world, view, what);
}

void PlacementChecker::finish(World& world) {
    const ServerProcess* const server = world.most_advanced();
    if (server == nullptr) return;
    const state::StateView& view = server->engine().view();
    check(world, view, everything(view));
}

std::vector<Uuid> PlacementChecker::changed(const state::StateView& view) {
    std::vector<Uuid> ids;
    const auto end = noted_.upper_bound(view.applied_index());
    bool known = false;
    for (auto next = noted_.begin(); next != end; next = noted_.erase(next)) {
        for (const auto& [term, named] : next->second) {
            // Where the last change names nothing, it was none of those that name what they touch.
            known |= next->first == view.table_index(state::Table::allocations) && !named.empty();
            ids.insert(ids.end(), named.begin(), named.end());
        }
    }
    return known ? ids : everything(view);
}

std::vector<Uuid> PlacementChecker::everything(const state::StateView& view) {
    ledger_.clear();
    std::vector<Uuid> ids;
    for (const auto& row : view.allocations()) ids.push_back(row->id);
    return ids;
}

// What one allocation can break is told by who holds its name, and by what its node holds.
void PlacementChecker::check(World& world, const state::StateView& view,
                             const std::vector<Uuid>& changed) {
    const Checks& checks = world.scenario.checks;
    const auto clashes = ledger_.move(view, changed);
    if (checks.double_placement) {
        for (const auto& clash : clashes) check_names(world, view, clash);
    }
    std::set<Uuid> nodes;
    for (const Uuid& id : changed) {
        const auto row = view.allocation(id);
        if (!row) continue;
        if (row->desired_status == state::DesiredStatus::evict) check_preemption(world, view, *row);
        if (row->terminal()) continue;
        if (checks.constraints) check_constraints(world, view, *row);
        nodes.insert(row->node_id);
    }
    if (!checks.capacity) return;
    const auto& jobs = world.scenario.jobs;
    const bool devices =
        std::any_of(jobs.begin(), jobs.end(), [](const JobLoad& load) { return load.devices > 0; });
    for (const Uuid& node : nodes) {
        check_capacity(world, view, node);
        if (devices) check_devices(world, view, node);
    }
}

const JobLoad* PlacementChecker::load_of(const World& world, const std::string& job) {
    const auto& all = world.scenario.jobs;
    if (loads_.empty()) {
        for (std::size_t i = 0; i < all.size(); ++i) loads_.try_emplace(all[i].id, i);
    }
    const auto found = loads_.find(job);
    return found == loads_.end() ? nullptr : &all[found->second];
}

namespace {

bool is_canary(const state::StateView& view, const state::AllocationRow& row) {
    if (row.body.deployment_id().empty()) return false;
    const auto deployment = view.deployment(state::to_uuid(row.body.deployment_id()));
    if (!deployment) return false;
    for (const auto& group : deployment->task_groups()) {
        const auto& canaries = group.placed_canaries();
        if (std::find(canaries.begin(), canaries.end(), row.id.raw()) != canaries.end())
            return true;
    }
    return false;
}

// A canary has the name of the allocation that it is to replace, which is of another version.
bool one_tries_to_replace_the_other(const state::StateView& view, const Uuid& a, const Uuid& b) {
    const auto first = view.allocation(a), second = view.allocation(b);
    return first->body.job_version() != second->body.job_version() &&
           (is_canary(view, *first) || is_canary(view, *second));
}

}  // namespace

void PlacementChecker::check_names(World& world, const state::StateView& view,
                                   const PlacementLedger::Clash& clash) const {
    if (one_tries_to_replace_the_other(view, clash.holder, clash.other)) return;
    world.fail(Class::safety, "no-double-place",
               "allocations " + clash.holder.text() + " and " + clash.other.text() +
                   " both hold \"" + std::string{view.allocation(clash.other)->body.name()} +
                   "\" at index " + std::to_string(checked_index_));
}

// Against sums of the judge's own, not the index that the scheduler reads.
void PlacementChecker::check_capacity(World& world, const state::StateView& view,
                                      const Uuid& id) const {
    const auto node = view.node(id);
    if (!node) return;
    const state::Usage usage = ledger_.used(id);
    const std::int64_t cpu = node->node_resources().cpu().cpu_shares();
    const std::int64_t memory = node->node_resources().memory().memory_mb();
    if (usage.cpu_mhz <= cpu && usage.memory_mb <= memory) return;
    world.fail(Class::safety, "capacity",
               "node " + id.text() + " has " + std::to_string(cpu) + " MHz and " +
                   std::to_string(memory) + " MiB; its allocations take " +
                   std::to_string(usage.cpu_mhz) + " MHz and " + std::to_string(usage.memory_mb) +
                   " MiB");
}

// Each asked for as many as the scenario says, got them, and got them alone.
void PlacementChecker::check_devices(World& world, const state::StateView& view, const Uuid& id) {
    const auto node = view.node(id);
    if (!node) return;
    std::set<std::string> free;
    for (const auto& group : node->node_resources().devices()) {
        for (const auto& one : group.instances()) {
            if (one.healthy()) free.insert(group.name() + "/" + one.id());
        }
    }
    for (const auto& row : view.allocations_on(id)) {
        const JobLoad* const load = load_of(world, std::string{row->body.job_id()});
        if (row->terminal() || load == nullptr) continue;
        std::uint32_t given = 0;
        const auto resources = row->body.allocated_resources();
        for (const auto& task : resources.tasks()) {
            for (const auto& device : task.devices()) {
                for (const auto& instance : device.device_ids()) {
                    ++given;
                    if (free.erase(device.name() + "/" + instance) == 1) continue;
                    world.fail(Class::safety, "devices",
                               "allocation " + std::string{row->body.name()} + " has " + instance +
                                   " of node " + id.text() +
                                   ", which is not healthy or held by another");
                }
            }
        }
        if (given == load->devices) continue;
        world.fail(Class::safety, "devices",
                   "allocation " + std::string{row->body.name()} + " has " + std::to_string(given) +
                       " devices instead of " + std::to_string(load->devices));
    }
}

// Against what the scenario says of jobs and nodes, not against the constraints as they are stored.
void PlacementChecker::check_constraints(World& world, const state::StateView& view,
                                         const state::AllocationRow& row) {
    const JobLoad* const load = load_of(world, std::string{row.body.job_id()});
    const auto node = view.node(row.node_id);
    if (load == nullptr || !node) return;
    const bool wrong_kind = !load->node_kind.empty() && node->node_class() != load->node_kind;
    const bool shared = load->distinct_hosts && ledger_.count(load->id, row.node_id) > 1;
    if (!wrong_kind && !shared && node->node_pool() == load->pool) return;
    world.fail(Class::safety, "constraints",
               "allocation " + std::string{row.body.name()} + " stands on node " +
                   row.node_id.text() +
                   (shared ? " beside another one of its job"
                           : ", of class \"" + node->node_class() + "\" and pool \"" +
                                 node->node_pool() + "\""));
}

// Whoever was evicted gave way to a job that is clearly more important.
void PlacementChecker::check_preemption(World& world, const state::StateView& view,
                                        const state::AllocationRow& evicted) {
    const auto by =
        view.allocation(state::to_uuid(evicted.body.unpack().preempted_by_allocation()));
    if (!by) return;
    world.marks.add("allocation.evicted");
    if (by->job->priority() - evicted.job->priority() >= 10) return;
    world.fail(Class::safety, "preemption",
               "allocation " + std::string{evicted.body.name()} + " of priority " +
                   std::to_string(evicted.job->priority()) + " gave way to " +
                   std::string{by->body.name()} + " of priority " +
                   std::to_string(by->job->priority()));
}

void PlacementChecker::task_started(World& world, const NodeProcess& node,
                                    const schema::Allocation& allocation,
                                    const client::TaskKey& key) {
    const auto other = node.other_attempt_at(key);
    if (!other) return;
    world.fail(Class::safety, "one-process",
               "task \"" + key.task + "\" of " + allocation.name() + " was started as attempt " +
                   std::to_string(key.attempt) + " while attempt " +
                   std::to_string(other->attempt) + " still runs");
}

}  // namespace drover::sim
