// Which nodes have been heard of lately. Times to live are stretched with the number of nodes, so
// that all heartbeats together stay below a rate, and drawn at random, so that they do not come at
// once. It decides nothing about a node: it says whose time is up.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "engine/base/prng.hpp"
#include "engine/base/time.hpp"
#include "engine/base/uuid.hpp"
#include "engine/control/config.hpp"

namespace drover::control {

class Heartbeats {
public:
    Heartbeats(const Config& config, Prng prng) : config_{config}, prng_{prng} {}

    // A new leader knows nothing of the past: every node gets plenty of time.
    void take_over(const Uuid& node, Instant now);
    // Returns the time to live that the node is told; its timer runs a grace longer.
    Duration heard_of(const Uuid& node, Instant now);
    void forget(const Uuid& node);
    // Whose time is up; their timers are gone.
    [[nodiscard]] std::vector<Uuid> expired(Instant now);
    // Looked at again soon: the word about it could not be spread.
    void retry(const Uuid& node, Instant now);

    [[nodiscard]] bool watches(const Uuid& node) const { return timers_.contains(node); }
    [[nodiscard]] std::optional<Instant> next_deadline() const;

private:
    void set(const Uuid& node, Instant at);

    Config config_;
    Prng prng_;
    std::map<Uuid, Instant> timers_;
    std::set<std::pair<Instant, Uuid>> order_;
};

}  // namespace drover::control
