#include "sim/state_checker.hpp"

#include <string>

#include "engine/state/view.hpp"
#include "sim/world.hpp"

namespace drover::sim {

void StateChecker::server_stepped(World& world, const ServerProcess& server) {
    const state::StateView& view = server.engine().view();
    const std::uint64_t index = view.applied_index();
    std::uint64_t& last = last_[server.number()];
    if (index == last) return;
    last = index;
    const state::Digest digest = view.digest();
    world.trace.event(world.now(), "applied", server.number() + 1, index, digest.low);
    const auto [seen, first] = digests_.try_emplace(index, Seen{digest, server.number()});
    if (!first && seen->second.digest != digest) {
        world.fail(Class::safety, "digest",
                   "at index " + std::to_string(index) + " server " +
                       std::to_string(server.number() + 1) + " has the digest " + digest.text() +
                       ", server " + std::to_string(seen->second.server + 1) + " had " +
                       seen->second.digest.text());
    }
}

}  // namespace drover::sim
