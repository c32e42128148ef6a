#include "sim/durability_checker.hpp"

#include <algorithm>
#include <string>

#include "engine/schema/request.pb.h"
#include "sim/world.hpp"

namespace drover::sim {

void DurabilityChecker::write_acknowledged(World& world, const schema::Response& response,
                                           raft::Index committed) {
    const std::uint64_t index =
        std::max(response.index(),
                 response.has_job_written() ? response.job_written().job_modify_index() : 0);
    acknowledged_ = std::max(acknowledged_, index);
    if (index > committed.value()) {
        world.fail(Class::safety, "durable",
                   "a write was acknowledged at index " + std::to_string(index) +
                       ", but no server knew more than " + std::to_string(committed.value()) +
                       " to be committed");
    }
}

void DurabilityChecker::finish(World& world) const {
    for (const auto& server : world.servers) {
        if (!server.runs() || world.faults.frozen(server.number())) continue;
        if (world.members.out(server.number())) continue;
        const std::uint64_t applied = server.engine().view().applied_index();
        if (applied < acknowledged_) {
            world.fail(Class::safety, "durable",
                       "server " + std::to_string(server.number() + 1) + " applied " +
                           std::to_string(applied) + " entries in the end; index " +
                           std::to_string(acknowledged_) + " was acknowledged");
        }
    }
}

}  // namespace drover::sim
