#include "sim/placement_checker.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/state/view.hpp"
#include "sim/world.hpp"

namespace drover::sim {

void PlacementChecker::server_stepped(World& world, const ServerProcess& server) {
    const std::uint64_t index = server.engine().view().table_index(state::Table::allocations);
    if (index <= checked_index_) return;
    checked_index_ = index;
    if (world.scenario.checks.double_placement) check_names(world, server);
    if (world.scenario.checks.capacity) check_capacity(world, server);
    if (world.scenario.checks.constraints) check_constraints(world, server);
}

void PlacementChecker::check_names(World& world, const ServerProcess& server) {
    std::map<std::pair<std::string, std::string>, Uuid> holders;
    for (const auto& row : server.engine().view().allocations()) {
        if (row->terminal()) continue;
        // A system job has the same name once on every node.
        const bool everywhere = row->job->type() == "system" || row->job->type() == "sysbatch";
        const auto name =
            std::pair{std::string{row->body.namespace_()} + (everywhere ? row->node_id.text() : ""),
                      std::string{row->body.name()}};
        const auto [holder, first] = holders.try_emplace(name, row->id);
        if (first) continue;
        world.fail(Class::safety, "no-double-place",
                   "allocations " + holder->second.text() + " and " + row->id.text() +
                       " both hold \"" + name.second + "\" at index " +
                       std::to_string(checked_index_));
    }
}

void PlacementChecker::check_capacity(World& world, const ServerProcess& server) {
    // Summed here from the rows, not read from the index that the scheduler itself uses.
    std::map<Uuid, state::Usage> used;
    for (const auto& row : server.engine().view().allocations()) {
        if (!row->terminal()) used[row->node_id] += row->usage;
    }
    for (const auto& [id, usage] : used) {
        const auto node = server.engine().view().node(id);
        if (!node) continue;
        const std::int64_t cpu = node->node_resources().cpu().cpu_shares();
        const std::int64_t memory = node->node_resources().memory().memory_mb();
        if (usage.cpu_mhz <= cpu && usage.memory_mb <= memory) continue;
        world.fail(Class::safety, "capacity",
                   "node " + id.text() + " has " + std::to_string(cpu) + " MHz and " +
                       std::to_string(memory) + " MiB; its allocations take " +
                       std::to_string(usage.cpu_mhz) + " MHz and " +
                       std::to_string(usage.memory_mb) + " MiB");
    }
}

// Against what the scenario says of jobs and nodes, not against the constraints as they are stored.
void PlacementChecker::check_constraints(World& world, const ServerProcess& server) {
    for (const JobLoad& load : world.scenario.jobs) {
        std::set<Uuid> hosts;
        for (const auto& row : server.engine().view().allocations_of({"default", load.id})) {
            if (row->terminal()) continue;
            const auto node = server.engine().view().node(row->node_id);
            if (!node) continue;
            const bool wrong_kind = !load.node_kind.empty() && node->node_class() != load.node_kind;
            const bool shared = load.distinct_hosts && !hosts.insert(row->node_id).second;
            if (!wrong_kind && !shared && node->node_pool() == load.pool) continue;
            world.fail(Class::safety, "constraints",
                       "allocation " + std::string{row->body.name()} + " stands on node " +
                           row->node_id.text() +
                           (shared ? " beside another one of its job"
                                   : ", of class \"" + node->node_class() + "\" and pool \"" +
                                         node->node_pool() + "\""));
        }
    }
}

void PlacementChecker::task_started(World& world, const NodeProcess& node,
                                    const schema::Allocation& allocation,
                                    const client::TaskKey& key) {
    for (const auto& other : node.running_tasks()) {
        if (other.key.allocation != key.allocation || other.key.task != key.task ||
            other.key == key)
            continue;
        world.fail(Class::safety, "one-process",
                   "task \"" + key.task + "\" of " + allocation.name() +
                       " was started as attempt " + std::to_string(key.attempt) +
                       " while attempt " + std::to_string(other.key.attempt) + " still runs");
    }
}

}  // namespace drover::sim
