// Equal digests at equal index: replicas that applied the same entries hold the same state.
#pragma once

#include <cstdint>
#include <map>

#include "engine/state/types.hpp"

namespace drover::sim {

class ServerProcess;
class World;

class StateChecker {
public:
    void server_stepped(World& world, const ServerProcess& server);

private:
    struct Seen {
        state::Digest digest;
        std::uint32_t server{};
    };
    std::map<std::uint64_t, Seen> digests_;        // by applied index
    std::map<std::uint32_t, std::uint64_t> last_;  // by server: the index that was looked at last
};

}  // namespace drover::sim
