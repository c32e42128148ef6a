// What was acknowledged stays: an acknowledged write names its index, and that index must be
// committed when the answer is given, and be applied by every server that takes part in the end.
// (That no other entry ever takes its place is the Raft checker's business.)
#pragma once

#include <cstdint>

#include "engine/raft/types.hpp"

namespace drover::schema {
class Response;
}

namespace drover::sim {

class World;

class DurabilityChecker {
public:
    void write_acknowledged(World& world, const schema::Response& response, raft::Index committed);
    void finish(World& world) const;

private:
    std::uint64_t acknowledged_{0};  // the highest index
};

}  // namespace drover::sim
