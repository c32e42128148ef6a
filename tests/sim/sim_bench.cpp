// How much faster than the clock a cluster is simulated: three servers, fifty clients, one job of
// fifty allocations, heartbeats, one percent loss, and every checker on.
#include <benchmark/benchmark.h>

#include "sim/run.hpp"
#include "sim/scenario_reader.hpp"

namespace drover::sim {
namespace {

constexpr const char* cluster = R"(format: sim/1
name: fifty-clients
cluster:
  servers: {count: 3}
  nodes:
    - {count: 50, cpu: 4, mem: 8GiB}
world:
  net:
    default: {delay: exp(min=0.2ms; mean=1ms), loss: 1%}
load:
  - job: {id: web, type: service, count: 50, at: 2s}
phases:
  - {name: chaos, for: 120s}
  - {name: liveness, converge: 30s}
)";

void three_servers_fifty_clients(benchmark::State& bench) {
    const auto scenario = read_scenario(cluster, "fifty-clients");
    if (!scenario) return bench.SkipWithError(scenario.error().message.c_str());
    double simulated = 0;
    std::uint64_t seed = 0, events = 0;
    for (auto _ : bench) {
        const RunReport report = run(*scenario, ++seed, nullptr);
        if (!report.as_expected) return bench.SkipWithError(report.message.c_str());
        simulated += std::chrono::duration<double>(report.simulated).count();
        events += report.events;
    }
    using benchmark::Counter;
    bench.counters["simulated_s/s"] = Counter{simulated, Counter::kIsRate};
    bench.counters["events/s"] = Counter{static_cast<double>(events), Counter::kIsRate};
}
BENCHMARK(three_servers_fifty_clients)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace drover::sim
