// The scenario's own conditions, looked at ten times a simulated second: always, sometimes and
// eventually.
#pragma once

#include <optional>
#include <vector>

#include "sim/scenario.hpp"

namespace drover::sim {

class World;

class Assertions {
public:
    explicit Assertions(const Checks& checks);

    void look(World& world);
    // The chaos is over; the clock of "eventually" starts. Empty again when all have held.
    void heal(const World& world) { healed_at_ = now_of(world); }
    // The first "eventually" that has not held yet; empty when all have.
    [[nodiscard]] std::string outstanding() const;
    [[nodiscard]] const std::vector<bool>& sometimes() const { return sometimes_; }

private:
    static Instant now_of(const World& world);
    void look_always(World& world);
    void look_eventually(World& world);

    const Checks* checks_;
    std::vector<std::optional<Instant>> unmet_since_;  // of each "always"
    std::vector<bool> sometimes_;
    std::vector<bool> eventually_;
    std::optional<Instant> healed_at_;
};

}  // namespace drover::sim
