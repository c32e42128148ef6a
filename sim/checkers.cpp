#include "sim/checkers.hpp"

#include <string>
#include <variant>

#include "sim/history.hpp"
#include "sim/world.hpp"

namespace drover::sim {

void Checkers::server_started(World& world, const ServerProcess& server) {
    if (world.scenario.checks.raft) raft_.server_started(server);
}

void Checkers::server_stepped(World& world, const ServerProcess& server) {
    if (world.scenario.checks.raft) raft_.server_stepped(world, server);
    if (world.scenario.checks.digest) state_.server_stepped(world, server);
    placement_.server_stepped(world, server);
}

void Checkers::log_written(World& world, const ServerProcess& server, const raft::WriteLog& write) {
    if (world.scenario.checks.raft) raft_.log_written(world, server, write);
    placement_.log_written(write);
}

void Checkers::message_sent(World& world, const ServerProcess&,
                            const server::PeerMessage& message) {
    if (const auto* part = std::get_if<server::SnapshotPart>(&message)) {
        snapshot_part_sent(world, *part);
    } else if (std::holds_alternative<server::ForwardedRequest>(message)) {
        world.marks.add("server.request.forwarded");
    }
}

// A further round that does not begin with the file's first byte goes on where an earlier one
// stopped.
void Checkers::snapshot_part_sent(World& world, const server::SnapshotPart& part) {
    if (part.offset == 0) world.marks.add("raft.snapshot.sent");
    std::uint64_t& round = snapshot_rounds_[part.announcement.to];
    if (round != 0 && part.round > round && part.offset > 0)
        world.marks.add("raft.snapshot.resumed");
    round = part.round;
}

void Checkers::write_acknowledged(World& world, const schema::Response& response) {
    world.marks.add("write.acknowledged");
    if (world.scenario.checks.durable && world.scenario.checks.raft) {
        durability_.write_acknowledged(world, response, raft_.committed());
    }
}

void Checkers::task_started(World& world, const NodeProcess& node,
                            const schema::Allocation& allocation, const client::TaskKey& key) {
    placement_.task_started(world, node, allocation, key);
}

void Checkers::finish(World& world) {
    placement_.finish(world);
    // Only a world that was given the time to come to rest owes every server every entry.
    if (world.scenario.checks.durable && !world.scenario.swarm.unlimited) durability_.finish(world);
    if (!world.scenario.checks.linearizable) return;
    for (const auto& [key, operations] : world.workload.histories()) {
        const auto verdict = check_register(operations);
        if (verdict.exhausted) world.marks.add("history.search.exhausted");
        if (verdict.linearizable) continue;
        world.fail(Class::safety, "linearizable",
                   "register-" + std::to_string(key) + ": " + verdict.anomaly);
    }
}

}  // namespace drover::sim
