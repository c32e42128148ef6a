// What the scheduler must never do, whatever fails: place one allocation name twice, give a node
// more than it has, or choose a node that the job refuses; and what a node agent must never do: run
// two processes of one task at a time.
#pragma once

#include <cstdint>

#include "engine/client/boundary.hpp"

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

private:
    void check_names(World& world, const ServerProcess& server);
    void check_capacity(World& world, const ServerProcess& server);
    void check_constraints(World& world, const ServerProcess& server);

    std::uint64_t checked_index_{0};  // of the allocations table, over all servers
};

}  // namespace drover::sim
