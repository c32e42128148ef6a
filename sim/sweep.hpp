// Many runs: scenarios times seeds, on as many threads as asked for. What is reported does not
// depend on the number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/run.hpp"
#include "sim/scenario.hpp"

namespace drover::sim {

struct SweepOptions {
    unsigned threads{1};
    bool twice{};            // run every seed a second time; another hash is a failure
    std::ostream* trace{};   // only where there is a single run
    RunProgress progress{};  // of the run, where there is a single one
};

// The sum of all runs of one scenario, up to and with its first failure.
struct SweepReport {
    SeedRange seeds;
    std::uint64_t runs{};
    std::uint64_t hash{};
    std::uint64_t events{};
    Duration simulated{};
    Duration wall{};  // spent in runs, added up
    Marks marks;
    // The run with the lowest seed that was not as expected, or what was never seen in any run.
    std::optional<RunReport> failure;
    // Of a sweep of one run: that run.
    std::optional<RunReport> only;
};

using Progress = std::function<void(std::uint64_t done, std::uint64_t all)>;

[[nodiscard]] SweepReport sweep(const Scenario& scenario, SeedRange seeds,
                                const SweepOptions& options, const Progress& progress = {});

// What the calling thread is running now, for whoever reports a crash.
struct CurrentRun {
    const Scenario* scenario{};
    std::uint64_t seed{};
};
[[nodiscard]] CurrentRun current_run();

}  // namespace drover::sim
