// How long a cluster of real processes takes no write while its leader goes: because it is killed,
// or because it is told to stop. Three servers, no clients, and writers that never rest.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace drover::agent::cluster {

// The timeout that an agent's servers wait for at least before they stand for election, where its
// configuration says nothing else (raft_multiplier 1).
constexpr double configured_election_timeout_s = 1.0;

struct Gaps {
    std::vector<double> seconds;  // ascending
    // Of a gap over the longest pause in the ordinary work just before it, in the same round, which
    // is the machine's own doing.
    double longest_excess = 0;
    std::string trouble;  // why there are not as many as were asked for; else empty

    // 99 for the 99th percentile: the smallest that is not exceeded by so many.
    [[nodiscard]] double percentile(int percent) const;
    // One line with count, p50, p99, max, and what each is to the configured election timeout.
    [[nodiscard]] std::string told(const std::string& what) const;
};

// SIGKILL: from the kill to the answer to the first write that was begun after it.
[[nodiscard]] Gaps measure_kills(std::size_t rounds);
// SIGTERM: the longest time from the signal until a moment after the end of the process in which no
// write was acknowledged to anybody.
[[nodiscard]] Gaps measure_stops(std::size_t rounds);

}  // namespace drover::agent::cluster
