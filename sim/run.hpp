// One run: a scenario and a seed, from the first start of a process to the verdict. Chaos first,
// then everything is healed and must converge; what was asked for and never happened fails too.
#pragma once

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "sim/marks.hpp"
#include "sim/scenario.hpp"

namespace drover::sim {

struct RunReport {
    std::uint64_t seed{};
    Class verdict{};     // what the run came to
    bool as_expected{};  // that is what the scenario expects
    std::string check;   // which check failed
    std::string message;
    std::string drawn;  // the swarm's options, as YAML
    Duration failed_at{};
    std::uint64_t hash{};
    std::uint64_t events{};
    Duration simulated{};
    Duration wall{};
    Marks marks;
    std::vector<bool> sometimes;  // which of the scenario's "sometimes" were seen
};

// Told every few thousand events of a run how far it has come.
using RunProgress = std::function<void(Duration simulated, std::uint64_t events)>;

// `trace` may be null. A pure function of scenario, seed and engine, but for `wall` and the verdict
// "budget" where the wall clock ran out.
[[nodiscard]] RunReport run(const Scenario& scenario, std::uint64_t seed, std::ostream* trace,
                            const RunProgress& progress = {});

}  // namespace drover::sim
