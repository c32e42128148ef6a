// How long nobody takes a write when the leader is killed or told to stop: a few rounds of what
// `make soak` does at length (soak_test.cpp). The figures stand in the counters, in milliseconds,
// and in a line of their own.
#include <benchmark/benchmark.h>

#include <iostream>

#include "tests/agent/cluster/leader_gap.hpp"

namespace drover::agent::cluster {
namespace {

void report(benchmark::State& state, const char* what, const Gaps& gaps) {
    if (!gaps.trouble.empty()) return state.SkipWithError(gaps.trouble.c_str());
    std::cout << gaps.told(what) << std::endl;
    state.SetIterationTime(gaps.percentile(50));
    state.counters["p50_ms"] = gaps.percentile(50) * 1e3;
    state.counters["p99_ms"] = gaps.percentile(99) * 1e3;
    state.counters["max_ms"] = gaps.percentile(100) * 1e3;
    state.counters["max_to_election_timeout"] =
        gaps.percentile(100) / configured_election_timeout_s;
}

void write_gap_when_the_leader_is_killed(benchmark::State& state) {
    for (auto _ : state) report(state, "leader killed", measure_kills(10));
}
BENCHMARK(write_gap_when_the_leader_is_killed)
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

void write_gap_when_the_leader_stops_in_order(benchmark::State& state) {
    for (auto _ : state) report(state, "leader stopped", measure_stops(5));
}
BENCHMARK(write_gap_when_the_leader_stops_in_order)
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace drover::agent::cluster
