// Placements per second: 5,000 nodes of three capacities in 50 racks, one job of 1,000.
#include <benchmark/benchmark.h>

#include "tests/engine/scheduler/harness.hpp"

namespace drover::scheduler::testing {
namespace {

constexpr std::uint32_t node_count = 5000;
constexpr int job_count = 1000;

Harness make_world() {
    Harness harness;
    for (std::uint32_t number = 1; number <= node_count; ++number) {
        auto node = make_node(number);
        const int size = 1 << (number % 3);
        node.mutable_node_resources()->mutable_cpu()->set_cpu_shares(8000 * size);
        node.mutable_node_resources()->mutable_memory()->set_memory_mb(16384 * size);
        set_meta(node, "rack", "r" + std::to_string(number % 50));
        harness.add(std::move(node));
    }
    return harness;
}

void place(benchmark::State& bench, const schema::Job& job) {
    Harness harness = make_world();
    harness.register_job(job);
    const auto evaluation = harness.make_evaluation(job.id());
    const auto view = harness.view();
    std::int64_t placed = 0;
    for (auto _ : bench) {
        PlanInputs inputs;
        inputs.wall = harness.wall;
        inputs.seed = static_cast<std::uint64_t>(placed);
        const auto output = plan(view, evaluation, inputs);
        placed += static_cast<std::int64_t>(placements(output).size());
    }
    bench.SetItemsProcessed(placed);
}

void plain(benchmark::State& bench) { place(bench, make_job("bench", job_count)); }
BENCHMARK(plain)->Unit(benchmark::kMillisecond);

void affinity(benchmark::State& bench) {
    auto job = make_job("bench", job_count);
    auto& affinity = *job.add_affinities();
    affinity.set_l_target("${meta.rack}");
    affinity.set_r_target("r7");
    affinity.set_operand("=");
    place(bench, job);
}
BENCHMARK(affinity)->Unit(benchmark::kMillisecond);

void spread(benchmark::State& bench) {
    auto job = make_job("bench", job_count);
    job.add_spreads()->set_attribute("${meta.rack}");
    place(bench, job);
}
BENCHMARK(spread)->Unit(benchmark::kMillisecond);

void dynamic_ports(benchmark::State& bench) {
    auto job = make_job("bench", job_count);
    group_of(job).add_networks()->add_dynamic_ports()->set_label("http");
    place(bench, job);
}
BENCHMARK(dynamic_ports)->Unit(benchmark::kMillisecond);

void a_job_of_one(benchmark::State& bench) { place(bench, make_job("bench", 1)); }
BENCHMARK(a_job_of_one)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace drover::scheduler::testing
