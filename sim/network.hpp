// The network between processes: one stream of randomness per directed link, delays, loss,
// duplication, reordering and partitions (one-way too). It decides when a message arrives, and
// whether; it never looks inside.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/prng.hpp"
#include "sim/scenario.hpp"

namespace drover::sim {

// Servers count from 0; node agents follow them.
using Endpoint = std::uint32_t;

class Network {
public:
    Network(const Prng& root, LinkOptions servers, LinkOptions clients, std::uint32_t server_count);

    // Delays until arrival: empty when lost or cut, two when duplicated.
    std::vector<Duration> send(Endpoint from, Endpoint to);
    [[nodiscard]] bool cut(Endpoint from, Endpoint to) const;

    using CutId = std::uint64_t;
    CutId add_cut(std::set<Endpoint> from, std::set<Endpoint> to, bool one_way);
    void remove_cut(CutId id);
    void heal();  // no cut and no disturbance is left

    // Disturbances on top of what the scenario's world has; for swarm and timeline.
    void disturb(Chance loss, Chance duplicate, Chance reorder, Duration extra_delay);

    struct Counts {
        std::uint64_t sent{}, lost{}, duplicated{}, reordered{}, cut{}, slowed{};
    };
    [[nodiscard]] const Counts& counts() const { return counts_; }

private:
    struct Cut {
        std::set<Endpoint> from, to;
        bool one_way;
    };
    [[nodiscard]] const LinkOptions& options(Endpoint from, Endpoint to) const;
    Prng& stream(Endpoint from, Endpoint to);
    Duration draw_delay(const LinkOptions& link, Prng& prng);

    Prng root_;
    LinkOptions servers_, clients_;
    std::uint32_t server_count_;
    Chance extra_loss_, extra_duplicate_, extra_reorder_;
    Duration extra_delay_{};
    std::map<std::pair<Endpoint, Endpoint>, Prng> streams_;
    std::map<CutId, Cut> cuts_;
    CutId next_cut_{1};
    Counts counts_;
};

}  // namespace drover::sim
