// What a write costs: a plan of a thousand allocations into a state that already holds many, with
// and without a view held by a reader, and the digest that is kept all the while.
#include <benchmark/benchmark.h>

#include "engine/base/ensure.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/state/state.hpp"

namespace drover::state {
namespace {

constexpr std::uint32_t nodes = 1000;
constexpr int plan_size = 1000;

Uuid numbered(std::uint8_t kind, std::uint32_t number) {
    Uuid id;
    id.bytes[0] = kind;
    for (std::size_t i = 0; i < 4; ++i) {
        id.bytes[5 - i] = static_cast<std::uint8_t>(number >> (8 * i));
        id.bytes[15 - i] = static_cast<std::uint8_t>((number * 2654435761U) >> (8 * i));
    }
    return id;
}

schema::Entry registration() {
    schema::Entry entry;
    schema::Job& job = *entry.mutable_register_job()->mutable_job();
    job.set_id("bench");
    job.set_namespace_("default");
    job.set_type("service");
    job.add_task_groups()->set_name("web");
    return entry;
}

schema::Entry plan(std::uint32_t& next, const State& state) {
    schema::Entry entry;
    schema::Plan& plan = *entry.mutable_apply_plan()->mutable_plan();
    *plan.mutable_job() = *state.view().job(JobKey{"default", "bench"});
    for (int i = 0; i < plan_size; ++i, ++next) {
        schema::Allocation& allocation = *plan.add_placements()->add_allocations();
        allocation.set_id(numbered(3, next).raw());
        allocation.set_namespace_("default");
        allocation.set_job_id("bench");
        allocation.set_name("bench.web[" + std::to_string(next) + "]");
        allocation.set_node_id(numbered(1, next % nodes).raw());
        allocation.set_task_group("web");
        auto& task = *allocation.mutable_allocated_resources()->add_tasks();
        task.set_task("server");
        task.mutable_cpu()->set_cpu_shares(100);
        task.mutable_memory()->set_memory_mb(64);
        allocation.mutable_metrics()->set_nodes_evaluated(5000);
    }
    return entry;
}

void apply_plan(benchmark::State& run) {
    bool reader = run.range(1) != 0;
    State state;
    std::uint64_t index = 1;
    std::uint32_t next = 0;
    ENSURE(state.apply(index, registration()).outcome == Applied::done);
    while (next < static_cast<std::uint32_t>(run.range(0))) {
        state.apply(++index, plan(next, state));
    }
    for (auto _ : run) {
        run.PauseTiming();
        schema::Entry entry = plan(next, state);
        StateView held = reader ? state.view() : StateView{};
        run.ResumeTiming();
        ENSURE(state.apply(++index, entry).outcome == Applied::done);
        benchmark::DoNotOptimize(state.digest());
    }
    run.SetItemsProcessed(run.iterations() * plan_size);
}
BENCHMARK(apply_plan)->ArgsProduct({{0, 100'000}, {0, 1}})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace drover::state
