// The scripted part of a scenario: when each step of the timeline is due, whom it means, and what
// it does. Random faults (swarm.hpp) use the same deeds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/base/prng.hpp"
#include "engine/server/boundary.hpp"
#include "sim/network.hpp"
#include "sim/scenario.hpp"

namespace drover::sim {

class World;

class Faults {
public:
    Faults(const Scenario& scenario, const Prng& root);

    void start(World& world);
    // Steps that wait for a condition look at the world after every event.
    void look(World& world);
    // The chaos is over: the network is whole, and every server that crashed comes back.
    void heal(World& world);
    // From now on this server stays dead.
    void freeze(World& world, std::uint32_t server);

    // ---- deeds

    void crash(World& world, std::uint32_t server, Persist persist,
               std::optional<Duration> restart_after);
    void stop(World& world, std::uint32_t server, std::optional<Duration> restart_after);
    void lose_node(World& world, std::uint32_t node, std::optional<Duration> back_after);
    void kill_agent(World& world, std::uint32_t node, Duration back_after);
    void cut(World& world, std::set<Endpoint> from, std::set<Endpoint> to, bool one_way,
             std::optional<Duration> lasting);
    void restart_server(World& world, std::uint32_t server, Duration delay);

    // Ids of the steps that never did anything.
    [[nodiscard]] std::vector<std::string> never_done() const;
    [[nodiscard]] bool frozen(std::uint32_t server) const { return frozen_.contains(server); }

private:
    struct Progress {
        bool armed{};  // waits for its condition
        std::uint64_t done{};
    };
    void due(World& world, std::size_t step);
    void perform(World& world, std::size_t step);
    void perform_on_servers(World& world, const Step& step,
                            const std::vector<std::uint32_t>& servers);
    void perform_on_server(World& world, const Step& step, std::uint32_t server, Duration later);
    void perform_on_nodes(World& world, const Step& step, const std::vector<std::uint32_t>& nodes);
    void perform_partition(World& world, const Step& step);
    void perform_disturbance(World& world, const Step& step);
    void ask_about_level(World& world, std::uint32_t server, server::RequestPtr request,
                         std::string mark);
    void done(World& world, std::size_t step);

    std::set<std::uint32_t> select_servers(World& world, const Selector& selector);
    std::set<std::uint32_t> select_nodes(World& world, const Selector& selector);
    std::set<Endpoint> select_endpoints(World& world, const std::vector<Selector>& selectors);

    const Scenario* scenario_;
    Prng prng_;
    std::vector<Progress> progress_;
    std::set<std::uint32_t> frozen_;
    bool over_{};
};

}  // namespace drover::sim
