#include "sim/swarm.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "sim/vocabulary.hpp"
#include "sim/world.hpp"

namespace drover::sim {
namespace {

// Log-uniform between 2^low and 2^high units.
std::uint64_t log_uniform(Prng& prng, std::uint64_t low, std::uint64_t high) {
    const std::uint64_t exponent = prng.between(low, high);
    return (1ULL << exponent) + prng.below(1ULL << exponent);
}

bool strikes_at_moments(Family family) {
    switch (family) {
        case Family::partition:
        case Family::pause:
        case Family::crash:
        case Family::crash_after_append:
        case Family::crash_in_write:
        case Family::node_loss:
        case Family::agent_crash:
        case Family::membership:
            return true;
        default:
            return false;
    }
}

}  // namespace

SwarmFaults::SwarmFaults(const Scenario& scenario, const Prng& root)
    : options_{scenario.swarm}, prng_{root.stream("swarm.faults")} {
    if (options_.enabled) draw(scenario, root.stream("swarm.options"));
}

void SwarmFaults::draw(const Scenario& scenario, Prng prng) {
    for (const Family family : scenario.swarm.families) {
        // Every family draws from its own stream: a family added later moves no other's options.
        Prng own = prng.stream(word_of(family_words, family));
        if (!options_.share.happens(own)) continue;
        Drawn drawn;
        drawn.interval = std::chrono::milliseconds{log_uniform(own, 9, 14)};  // 0.5 s to 32 s
        drawn.chance = Chance{log_uniform(own, 10, 16)};                      // 0.1 % to 13 %
        drawn.extra = std::chrono::microseconds{log_uniform(own, 10, 17)};    // 1 ms to 262 ms
        drawn_[family] = drawn;
    }
}

Knobs SwarmFaults::knobs(Knobs base) const {
    if (has(Family::one_entry_messages)) base.max_message_bytes = 0;
    if (has(Family::tiny_inflight)) base.max_inflight_messages = 1;
    if (has(Family::small_snapshots)) {
        base.snapshot_entries = 16;
        base.trailing_entries = 4;
    }
    if (has(Family::snapshot_parts)) base.snapshot_part_bytes = 512;
    if (has(Family::plain_elections)) base.plain_elections = true;
    if (has(Family::eager_appends)) base.eager_appends = true;
    if (has(Family::early_apply)) base.early_apply = true;
    return base;
}

Duration SwarmFaults::delay(Family family, Prng& prng) const {
    const auto found = drawn_.find(family);
    if (stopped_ || found == drawn_.end()) return {};
    return prng.between(Duration{}, found->second.extra);
}

Chance SwarmFaults::task_exit_chance() const {
    const auto found = drawn_.find(Family::task_exit);
    return stopped_ || found == drawn_.end() ? Chance{} : found->second.chance;
}

std::string SwarmFaults::describe() const {
    if (!options_.enabled) return {};
    std::string text = "# drawn\nswarm_drawn:\n";
    for (const auto& [family, drawn] : drawn_) {
        text += "  " + std::string{word_of(family_words, family)} + ": {";
        if (strikes_at_moments(family)) {
            text += "interval: " + std::to_string(drawn.interval.count() / 1'000'000) + "ms";
        } else {
            text += "chance_ppm: " + std::to_string(drawn.chance.ppm) +
                    ", extra: " + std::to_string(drawn.extra.count() / 1'000) + "us";
        }
        text += "}\n";
    }
    return text;
}

void SwarmFaults::start(World& world) {
    const auto chance = [&](Family family) {
        return has(family) ? drawn_.at(family).chance : Chance{};
    };
    world.network.disturb(chance(Family::loss), chance(Family::duplicate), chance(Family::reorder),
                          has(Family::delay) ? drawn_.at(Family::delay).extra : Duration{});
    for (const auto& [family, drawn] : drawn_) {
        world.marks.add("swarm." + std::string{word_of(family_words, family)});
        if (strikes_at_moments(family)) strike_later(world, family);
    }
}

void SwarmFaults::stop(World& world) {
    stopped_ = true;
    world.network.heal();
    if (has(Family::membership)) world.members.add_all(world);
}

Duration SwarmFaults::stable_time() {
    // Most faults are short, a few are long.
    const Duration span = options_.stability_max - options_.stability_min;
    const Duration first = prng_.between(Duration{}, span);
    return options_.stability_min + std::min(first, prng_.between(Duration{}, span));
}

void SwarmFaults::strike_later(World& world, Family family) {
    const Duration mean = drawn_.at(family).interval;
    world.after(prng_.between(mean / 4, mean * 2),
                [family](World& later) { later.swarm.strike(later, family); });
}

void SwarmFaults::strike(World& world, Family family) {
    if (stopped_) return;
    const Duration lasting = stable_time();
    const auto server = static_cast<std::uint32_t>(prng_.below(world.servers.size()));
    switch (family) {
        case Family::partition:
            strike_partition(world, lasting);
            break;
        case Family::pause:
            world.servers[server].pause(world, lasting);
            break;
        case Family::crash:
            world.faults.crash(world, server, Persist::any, lasting);
            break;
        case Family::crash_after_append:
            world.servers[server].crash_after_next_append(lasting);
            break;
        case Family::crash_in_write:
            // Back before anybody has missed it: what it forgot matters most then.
            world.servers[server].crash_in_next_write(
                std::chrono::milliseconds{log_uniform(prng_, 2, 9)});
            break;
        case Family::node_loss:
            if (!world.nodes.empty()) {
                const auto node = static_cast<std::uint32_t>(prng_.below(world.nodes.size()));
                world.faults.lose_node(world, node, lasting);
            }
            break;
        case Family::agent_crash:
            strike_agent(world);
            break;
        case Family::membership:
            strike_membership(world, server, lasting);
            break;
        default:
            break;
    }
    strike_later(world, family);
}

// Most agents die while they write: what they had announced and what they had not matters then.
void SwarmFaults::strike_agent(World& world) {
    if (world.nodes.empty()) return;
    const auto node = static_cast<std::uint32_t>(prng_.below(world.nodes.size()));
    const Duration back_after = std::chrono::milliseconds{log_uniform(prng_, 2, 12)};
    if (prng_.chance(1, 4)) {
        world.faults.kill_agent(world, node, back_after);
    } else {
        world.nodes[node].kill_agent_in_next_write(back_after);
    }
}

// Three stay in, so that one of those may still fail.
void SwarmFaults::strike_membership(World& world, std::uint32_t server, Duration lasting) {
    if (world.members.out(server) || world.servers.size() < world.members.out_count() + 4) return;
    world.members.remove(world, server);
    world.after(lasting, [server](World& later) { later.members.add(later, server); });
}

void SwarmFaults::strike_partition(World& world, Duration lasting) {
    // Every server and node falls on one side or the other; at times only in one direction.
    std::set<Endpoint> one, other;
    const auto endpoints = static_cast<Endpoint>(world.servers.size() + world.nodes.size());
    for (Endpoint endpoint = 0; endpoint < endpoints; ++endpoint) {
        (prng_.chance(1, 2) ? one : other).insert(endpoint);
    }
    world.faults.cut(world, std::move(one), std::move(other), prng_.chance(1, 3), lasting);
}

}  // namespace drover::sim
