// What it costs when one node frees while thousands of evaluations are blocked: everything that the
// leader does from the entry that frees it until it has come to rest, plans and their application
// included, as one thread. Counter `ms`; every iteration verifies what was placed.
#include <benchmark/benchmark.h>

#include <chrono>

#include "engine/schema/job.pb.h"
#include "tests/engine/control/led.hpp"
#include "tests/engine/scheduler/harness.hpp"

namespace drover::control::testing {
namespace {

using namespace scheduler::testing;

constexpr std::uint32_t nodes = 100;
constexpr std::int64_t node_mhz = 32'000;
constexpr int waiting_mhz = 1'000;
constexpr std::size_t fits_when_one_frees = node_mhz / waiting_mhz;

schema::Job job_of(const std::string& id, int count, std::int64_t mhz) {
    auto job = make_job(id, count, "batch");
    add_constraint(job, "${attr.kernel.name}", "=", "linux");
    group_of(job).mutable_ephemeral_disk()->set_size_mb(10);
    auto& resources = *group_of(job).mutable_tasks(0)->mutable_resources();
    resources.set_cpu(static_cast<std::int32_t>(mhz));
    resources.set_memory_mb(128);
    return job;
}

void register_job(Led& led, schema::Job job) {
    schema::Entry entry;
    auto& body = *entry.mutable_register_job();
    *body.mutable_evaluation() = new_evaluation({Led::start, led.ids()}, job, "job-register");
    *body.mutable_job() = std::move(job);
    led.apply(std::move(entry));
    led.settle();
}

// Every node is filled by one allocation, and each of the waiting jobs asks for a part of a node.
state::StateView full_fleet(std::int64_t waiting) {
    Harness harness;
    for (std::uint32_t number = 1; number <= nodes; ++number) {
        auto node = make_node(number);
        auto& resources = *node.mutable_node_resources();
        resources.mutable_cpu()->set_cpu_shares(node_mhz);
        resources.mutable_memory()->set_memory_mb(128'000);
        node.set_node_class("class-" + std::to_string(number % 10));
        set_attribute(node, "kernel.name", "linux");
        harness.add(std::move(node));
    }
    Led led{harness.view()};
    register_job(led, job_of("full", static_cast<int>(nodes), node_mhz));
    for (std::int64_t number = 0; number < waiting; ++number) {
        register_job(led, job_of("waiting-" + std::to_string(number), 1, waiting_mhz));
    }
    return led.view();
}

schema::Entry one_node_frees(const state::StateView& view) {
    schema::Entry entry;
    auto& allocation = *entry.mutable_update_allocations()->add_allocations();
    allocation.set_id((*view.allocations_of({"default", "full"}).begin())->id.raw());
    allocation.set_client_status("complete");
    return entry;
}

void unblock(benchmark::State& bench) {
    const auto full = full_fleet(bench.range(0));
    const auto waiting = static_cast<std::size_t>(bench.range(0));
    double plans = 0;
    std::chrono::duration<double, std::milli> spent{};
    for (auto _ : bench) {
        bench.PauseTiming();
        {
            Led led{full};
            led.settle();
            const std::size_t before = led.plans();
            auto entry = one_node_frees(full);
            bench.ResumeTiming();
            const auto begun = std::chrono::steady_clock::now();
            led.apply(std::move(entry));
            led.settle();
            spent += std::chrono::steady_clock::now() - begun;
            bench.PauseTiming();
            plans = static_cast<double>(led.plans() - before);
            if (led.leader().blocked().count() != waiting - fits_when_one_frees) {
                bench.SkipWithError("not as many were placed as fit");
                return;
            }
        }
        bench.ResumeTiming();
    }
    bench.counters["plans"] = plans;
    bench.counters["ms"] =
        benchmark::Counter(static_cast<double>(bench.iterations()) / 1'000,
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(unblock)->Arg(1'000)->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace drover::control::testing
