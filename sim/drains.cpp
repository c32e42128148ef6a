#include "sim/drains.hpp"

#include <vector>

#include "engine/schema/request.pb.h"
#include "sim/job_builder.hpp"
#include "sim/world.hpp"

namespace drover::sim {
namespace {

constexpr Duration patience = std::chrono::seconds{10};
constexpr Duration retry = std::chrono::milliseconds{500};

}  // namespace

void Drains::wish(World& world, std::uint32_t node, const DrainWish& wish) {
    asked_[node] = {wish, ++wishes_};
    ask(world, node, wishes_);
}

void Drains::ask(World& world, std::uint32_t node, std::uint64_t number) {
    const auto asked = asked_.find(node);
    if (asked == asked_.end() || asked->second.number != number) return;
    std::vector<std::uint32_t> running;
    for (const auto& one : world.servers) {
        if (one.runs()) running.push_back(one.number());
    }
    if (running.empty()) return answered(world, node, number, {nullptr, true});
    const std::uint32_t server = running[prng_.below(running.size())];
    const Uuid id = Uuid::mint(world.wall(), prng_);
    world.requests.ask(world, std::nullopt, server,
                       drain_request(id, world.nodes[node].id(), asked->second.wish), patience,
                       [node, number](World& later, const Answer& answer) {
                           later.drains.answered(later, node, number, answer);
                       });
}

void Drains::answered(World& world, std::uint32_t node, std::uint64_t number,
                      const Answer& answer) {
    const auto asked = asked_.find(node);
    if (asked == asked_.end() || asked->second.number != number) return;
    if (answer.response && !answer.response->has_failure()) {
        world.marks.add(asked->second.wish.drains ? "node.drained" : "node.undrained");
        asked_.erase(asked);
        return;
    }
    world.after(retry, [node, number](World& later) { later.drains.ask(later, node, number); });
}

}  // namespace drover::sim
