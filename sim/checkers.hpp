// Everything that must hold while a world runs, each in a file of its own. They look at the engines
// through the accessors that are there for that, keep their own memory, and own no copy of the
// engines' logic. The first violation ends the run.
#pragma once

#include <cstdint>
#include <map>

#include "engine/client/boundary.hpp"
#include "engine/server/boundary.hpp"
#include "sim/durability_checker.hpp"
#include "sim/placement_checker.hpp"
#include "sim/raft_checker.hpp"
#include "sim/state_checker.hpp"

namespace drover::schema {
class Allocation;
class Response;
}  // namespace drover::schema

namespace drover::sim {

class NodeProcess;
class ServerProcess;
class World;

class Checkers {
public:
    void server_started(World& world, const ServerProcess& server);
    // After every step of a server, before its effects are carried out.
    void server_stepped(World& world, const ServerProcess& server);
    void log_written(World& world, const ServerProcess& server, const raft::WriteLog& write);
    void message_sent(World& world, const ServerProcess& server,
                      const server::PeerMessage& message);
    void write_acknowledged(World& world, const schema::Response& response);
    void task_started(World& world, const NodeProcess& node, const schema::Allocation& allocation,
                      const client::TaskKey& key);
    // Once, when the run is over.
    void finish(World& world);

private:
    void snapshot_part_sent(World& world, const server::SnapshotPart& part);

    RaftChecker raft_;
    StateChecker state_;
    DurabilityChecker durability_;
    PlacementChecker placement_;
    std::map<raft::RaftId, std::uint64_t> snapshot_rounds_;  // the last that was seen, by receiver
};

}  // namespace drover::sim
