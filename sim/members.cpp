#include "sim/members.hpp"

#include <vector>

#include "engine/schema/request.pb.h"
#include "sim/job_builder.hpp"
#include "sim/world.hpp"

namespace drover::sim {
namespace {

constexpr Duration patience = std::chrono::seconds{10};
constexpr Duration retry = std::chrono::milliseconds{500};

bool failed_with(const schema::Response& response, Errc code) {
    return response.has_failure() && response.failure().code() == static_cast<std::uint32_t>(code);
}

}  // namespace

void Members::remove(World& world, std::uint32_t server) {
    if (!out_.insert(server).second) return;
    if (busy_.insert(server).second) ask(world, server);
}

void Members::add(World& world, std::uint32_t server) {
    if (out_.erase(server) == 0) return;
    if (busy_.insert(server).second) ask(world, server);
}

void Members::add_all(World& world) {
    const std::set<std::uint32_t> all = out_;
    for (const std::uint32_t server : all) add(world, server);
}

// The newest wish counts; while an older one is on its way, its answer asks again.
void Members::ask(World& world, std::uint32_t server) {
    const bool out = out_.contains(server);
    std::vector<std::uint32_t> running;
    for (const auto& one : world.servers) {
        if (one.runs()) running.push_back(one.number());
    }
    if (running.empty()) return answered(world, server, out, {nullptr, true});
    const std::uint32_t asked = running[prng_.below(running.size())];
    const Uuid id = Uuid::mint(world.wall(), prng_);
    const ServerProcess& named = world.servers[server];
    world.requests.ask(
        world, std::nullopt, asked,
        out ? remove_peer_request(id, named.info()) : register_server_request(id, named.info()),
        patience, [server, out](World& later, const Answer& answer) {
            later.members.answered(later, server, out, answer);
        });
}

void Members::answered(World& world, std::uint32_t server, bool was_out, const Answer& answer) {
    const bool gone = was_out && answer.response && failed_with(*answer.response, Errc::not_found);
    const bool done = answer.response && (!answer.response->has_failure() || gone);
    if (done && out_.contains(server) == was_out) {
        busy_.erase(server);
        world.marks.add(was_out ? "server.removed" : "server.added");
        return;
    }
    world.after(retry, [server](World& later) { later.members.ask(later, server); });
}

}  // namespace drover::sim
