// What the scheduler must never do, whatever fails: place one allocation name twice, give a node
// more than it has, give a device to two or one that is not healthy, or choose a node that the job
// refuses; and what a node agent must never do: run two processes of one task at a time.
#pragma once

#include <cstdint>

#include <map>
#include <string>
#include <vector>

#include "engine/client/boundary.hpp"
#include "engine/server/boundary.hpp"
#include "engine/state/view.hpp"
#include "sim/placement_ledger.hpp"
#include "sim/scenario.hpp"

namespace drover::schema {
class Allocation;
}

namespace drover::sim {

class NodeProcess;
class ServerProcess;
class World;

class PlacementChecker {
public:
    void server_stepped(World& world, const ServerProcess& server);
    void task_started(World& world, const NodeProcess& node, const schema::Allocation& allocation,
                      const client::TaskKey& key);

    // Notes which allocations the entries are about.
    void log_written(const raft::WriteLog& write);
    // Everything once more, whatever changed when.
    void finish(World& world);

private:
    // The allocations that entries up to this view changed; all of them, and an account begun
    // anew, where that is not known.
    [[nodiscard]] std::vector<Uuid> changed(const state::StateView& view);
    [[nodiscard]] std::vector<Uuid> everything(const state::StateView& view);
    void check(World& world, const state::StateView& view, const std::vector<Uuid>& changed);
    void check_names(World& world, const state::StateView& view,
                     const PlacementLedger::Clash& clash) const;
    void check_capacity(World& world, const state::StateView& view, const Uuid& node) const;
    void check_devices(World& world, const state::StateView& view, const Uuid& node);
    void check_constraints(World& world, const state::StateView& view,
                           const state::AllocationRow& row);
    static void check_preemption(World& world, const state::StateView& view,
                                 const state::AllocationRow& evicted);
    [[nodiscard]] const JobLoad* load_of(const World& world, const std::string& job);

    std::uint64_t checked_index_{0};  // of the allocations table, over all servers
    PlacementLedger ledger_;
    // Only what an entry names is looked at once it is applied, and everything in the end: a large
    // world would spend its time here.
    std::map<std::uint64_t, std::map<std::uint64_t, std::vector<Uuid>>> noted_;  // index, term
    std::map<std::string, std::size_t> loads_;                                   // by job
};

}  // namespace drover::sim
