#include "sim/placement_checker.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/entry.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
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
    const Touched what = touched(view);
    checked_index_ = index;
    check(world, view, what);
}

void PlacementChecker::finish(World& world) {
    const ServerProcess* const server = world.most_advanced();
    if (server == nullptr) return;
    noted_.clear();
    check(world, server->engine().view(), touched(server->engine().view()));
}

PlacementChecker::Touched PlacementChecker::touched(const state::StateView& view) {
    Touched what;
    const auto touch = [&](const state::AllocationPtr& row) {
        if (row && row->desired_status == state::DesiredStatus::evict) what.evicted.insert(row->id);
        if (!row || row->terminal()) return;
        what.nodes.insert(row->node_id);
        what.jobs.insert(state::key_of(*row->job));
    };
    const auto end = noted_.upper_bound(view.applied_index());
    bool known = false;
    for (auto next = noted_.begin(); next != end; next = noted_.erase(next)) {
        for (const auto& [term, ids] : next->second) {
            // Where the last change names nothing, it was none of those that name what they touch.
            known |= next->first == view.table_index(state::Table::allocations) && !ids.empty();
            for (const Uuid& id : ids) touch(view.allocation(id));
        }
    }
    if (known) return what;
    for (const auto& row : view.allocations()) touch(row);
    return what;
}

// What one allocation can break is told by the other allocations of its job and of its node.
void PlacementChecker::check(World& world, const state::StateView& view, const Touched& touched) {
    const Checks& checks = world.scenario.checks;
    for (const state::JobKey& job : touched.jobs) {
        if (checks.double_placement) check_names(world, view, job);
        const JobLoad* const load = checks.constraints ? load_of(world, job) : nullptr;
        if (load != nullptr) check_constraints(world, view, *load);
    }
    for (const Uuid& id : touched.evicted) check_preemption(world, view, id);
    if (!checks.capacity) return;
    for (const Uuid& node : touched.nodes) check_capacity(world, view, node);
}

const JobLoad* PlacementChecker::load_of(const World& world, const state::JobKey& job) {
    const auto& all = world.scenario.jobs;
    if (loads_.empty()) {
        for (std::size_t i = 0; i < all.size(); ++i) loads_.try_emplace(all[i].id, i);
    }
    const auto found = loads_.find(job.id);
    return found == loads_.end() ? nullptr : &all[found->second];
}

void PlacementChecker::check_names(World& world, const state::StateView& view,
                                   const state::JobKey& job) const {
    std::vector<std::tuple<std::string_view, Uuid, Uuid>> holders;  // name, where only once, who
    for (const auto& row : view.allocations_of(job)) {
        if (row->terminal()) continue;
        // A system job has the same name once on every node.
        const bool everywhere = row->job->type() == "system" || row->job->type() == "sysbatch";
        holders.emplace_back(row->body.name(), everywhere ? row->node_id : Uuid{}, row->id);
    }
    std::sort(holders.begin(), holders.end());
    for (std::size_t i = 1; i < holders.size(); ++i) {
        const auto& [name, place, id] = holders[i];
        const auto& [name_before, place_before, id_before] = holders[i - 1];
        if (name != name_before || place != place_before) continue;
        world.fail(Class::safety, "no-double-place",
                   "allocations " + id_before.text() + " and " + id.text() + " both hold \"" +
                       std::string{name} + "\" at index " + std::to_string(checked_index_));
    }
}

void PlacementChecker::check_capacity(World& world, const state::StateView& view,
                                      const Uuid& id) const {
    const auto node = view.node(id);
    if (!node) return;
    // Summed here from the rows, not read from the index that the scheduler itself uses.
    state::Usage usage;
    for (const auto& row : view.allocations_on(id)) {
        if (!row->terminal()) usage += row->usage;
    }
    const std::int64_t cpu = node->node_resources().cpu().cpu_shares();
    const std::int64_t memory = node->node_resources().memory().memory_mb();
    if (usage.cpu_mhz <= cpu && usage.memory_mb <= memory) return;
    world.fail(Class::safety, "capacity",
               "node " + id.text() + " has " + std::to_string(cpu) + " MHz and " +
                   std::to_string(memory) + " MiB; its allocations take " +
                   std::to_string(usage.cpu_mhz) + " MHz and " + std::to_string(usage.memory_mb) +
                   " MiB");
}

// Against what the scenario says of jobs and nodes, not against the constraints as they are stored.
void PlacementChecker::check_constraints(World& world, const state::StateView& view,
                                         const JobLoad& load) const {
    std::set<Uuid> hosts;
    for (const auto& row : view.allocations_of({"default", load.id})) {
        if (row->terminal()) continue;
        const bool fresh = hosts.insert(row->node_id).second;
        if (!fresh && !load.distinct_hosts) continue;  // the same node has been looked at
        const auto node = view.node(row->node_id);
        if (!node) continue;
        const bool wrong_kind = !load.node_kind.empty() && node->node_class() != load.node_kind;
        const bool shared = load.distinct_hosts && !fresh;
        if (!wrong_kind && !shared && node->node_pool() == load.pool) continue;
        world.fail(Class::safety, "constraints",
                   "allocation " + std::string{row->body.name()} + " stands on node " +
                       row->node_id.text() +
                       (shared ? " beside another one of its job"
                               : ", of class \"" + node->node_class() + "\" and pool \"" +
                                     node->node_pool() + "\""));
    }
}

// Whoever was evicted gave way to a job that is clearly more important.
void PlacementChecker::check_preemption(World& world, const state::StateView& view,
                                        const Uuid& evicted) {
    const state::AllocationPtr row = view.allocation(evicted);
    const auto by = view.allocation(state::to_uuid(row->body.unpack().preempted_by_allocation()));
    if (!by) return;
    world.marks.add("allocation.evicted");
    if (by->job->priority() - row->job->priority() >= 10) return;
    world.fail(Class::safety, "preemption",
               "allocation " + std::string{row->body.name()} + " of priority " +
                   std::to_string(row->job->priority()) + " gave way to " +
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
