// Random faults. All options are drawn first, as plain data, from a stream of their own, and can be
// printed; a family is fully off in about half of the runs; within a family the rate is drawn
// log-uniform. Then the faults come at random moments, and stay for at least the stability time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "engine/base/prng.hpp"
#include "sim/scenario.hpp"

namespace drover::sim {

class World;

class SwarmFaults {
public:
    SwarmFaults(const Scenario& scenario, const Prng& root);

    void start(World& world);
    void stop(World& world);

    // The scenario's knobs with what the swarm drew on top.
    [[nodiscard]] Knobs knobs(Knobs base) const;
    [[nodiscard]] Chance task_exit_chance() const;
    // What a sync takes longer than the scenario says.
    [[nodiscard]] Duration disk_delay(Prng& prng) const { return delay(Family::slow_disk, prng); }
    // What a plan takes longer.
    [[nodiscard]] Duration plan_delay(Prng& prng) const { return delay(Family::slow_plans, prng); }
    // The drawn options as YAML: what to put into a file to get this world without drawing.
    [[nodiscard]] std::string describe() const;

private:
    // Mean time between two faults of the family, or the size of the disturbance in ppm.
    struct Drawn {
        Duration interval{};
        Chance chance;
        Duration extra{};
    };
    [[nodiscard]] bool has(Family family) const { return drawn_.contains(family); }
    [[nodiscard]] Duration delay(Family family, Prng& prng) const;
    void draw(const Scenario& scenario, Prng prng);
    void strike_later(World& world, Family family);
    void strike(World& world, Family family);
    void strike_agent(World& world);
    void strike_membership(World& world, std::uint32_t server, Duration lasting);
    void strike_partition(World& world, Duration lasting);
    Duration stable_time();

    Swarm options_;
    std::map<Family, Drawn> drawn_;
    Prng prng_;
    bool stopped_{};
};

}  // namespace drover::sim
