// What a placement costs, from the evaluation to the state that holds it: reconciliation, ranking,
// the plan's check and its application, on one thread. Names are kind/N/C: C placements of a job on
// N nodes that were empty before, every iteration anew; `ones` is many jobs of C = 1, and the two
// growths vary one number alone. Whatever was not placed, or placed over a node's capacity, is an
// error of the benchmark and no figure.
#include <benchmark/benchmark.h>

#include <unistd.h>

#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/ensure.hpp"
#include "engine/control/plan_check.hpp"
#include "engine/scheduler/fit.hpp"
#include "engine/scheduler/group_shape.hpp"
#include "engine/scheduler/names.hpp"
#include "engine/scheduler/plan_memory.hpp"
#include "engine/scheduler/ports.hpp"
#include "engine/schema/job.pb.h"
#include "tests/engine/scheduler/harness.hpp"

namespace drover::scheduler::testing {
namespace {

constexpr std::uint32_t rack_count = 50;
constexpr int jobs_of_one = 100;
constexpr WallTime now{1'700'000'000'000'000'000};

schema::Node node_of_fleet(std::uint32_t number) {
    auto node = make_node(number + 1);
    auto& resources = *node.mutable_node_resources();
    resources.mutable_cpu()->set_cpu_shares(32'000);
    resources.mutable_memory()->set_memory_mb(128'000);
    resources.mutable_disk()->set_disk_mb(100 * 1024);
    node.set_node_class("class-" + std::to_string(number % 10));
    set_attribute(node, "kernel.name", "linux");
    set_meta(node, "rack", "r" + std::to_string(number % rack_count));
    node.set_computed_class(computed_class(node));
    return node;
}

schema::Job small_job(const std::string& id, int count, const std::string& type = "service") {
    auto job = make_job(id, count, type);
    add_constraint(job, "${attr.kernel.name}", "=", "linux");
    auto& group = group_of(job);
    group.mutable_ephemeral_disk()->set_size_mb(10);
    auto& resources = *group.mutable_tasks(0)->mutable_resources();
    resources.set_cpu(100);
    resources.set_memory_mb(128);
    return job;
}

void apply(state::State& state, schema::Entry entry) {
    entry.set_wall_ns(now.value());
    const auto result = state.apply(state.view().applied_index() + 1, entry);
    ENSURE(result.outcome == state::Applied::done);
}

void register_job(state::State& state, schema::Job job) {
    schema::Entry entry;
    *entry.mutable_register_job()->mutable_job() = std::move(job);
    apply(state, std::move(entry));
}

// N empty nodes, made once for each N: what begins there is a fork.
const state::StateView& empty_nodes(std::uint32_t count) {
    static std::map<std::uint32_t, state::StateView> views;
    const auto known = views.find(count);
    if (known != views.end()) return known->second;
    state::State state;
    for (std::uint32_t number = 0; number < count; ++number) {
        schema::Entry entry;
        *entry.mutable_register_node()->mutable_node() = node_of_fleet(number);
        apply(state, std::move(entry));
    }
    return views.emplace(count, state.view()).first->second;
}

schema::Evaluation evaluation_of(const std::string& job, const std::string& type, Prng& ids) {
    schema::Evaluation evaluation;
    evaluation.set_id(Uuid::mint(now, ids).raw());
    evaluation.set_namespace_("default");
    evaluation.set_job_id(job);
    evaluation.set_type(type);
    evaluation.set_priority(50);
    evaluation.set_triggered_by("job-register");
    evaluation.set_status("pending");
    return evaluation;
}

// The measured part: one evaluation, as a scheduler and the plan applier take it.
void evaluate(state::State& state, const schema::Evaluation& evaluation, PlanMemory& memory,
              std::uint64_t seed, WallTime wall = now) {
    const auto view = state.view();
    PlanInputs inputs;
    inputs.wall = wall;
    inputs.seed = seed;
    inputs.batches = true;
    auto output = plan(view, evaluation, inputs, memory);
    schema::Entry entry;
    auto& result = *entry.mutable_apply_plan();
    *result.mutable_plan() = control::check_plan(view, std::move(*output.mutable_plan())).plan;
    *result.add_evaluations() = std::move(*output.mutable_evaluation());
    for (auto& created : *output.mutable_created()) {
        *result.add_evaluations() = std::move(created);
    }
    entry.set_wall_ns(now.value());
    ENSURE(state.apply(view.applied_index() + 1, entry).outcome == state::Applied::done);
}

std::size_t live_allocations(const state::StateView& view, const std::string& job) {
    std::size_t live = 0;
    for (const auto& row : view.allocations_of({"default", job})) live += row->terminal() ? 0 : 1;
    return live;
}

// Counted over the allocations themselves, not read from the sums that the scheduler reads.
bool holds_what_it_can(const state::StateView& view, const schema::Node& node) {
    state::Usage used;
    NodePorts ports{node};
    for (const auto& row : view.allocations_on(state::to_uuid(node.id()))) {
        if (row->terminal()) continue;
        used += row->usage;
        if (!ports.add(row->body.allocated_resources())) return false;
    }
    return exceeded(capacity_of(node), used) == nullptr;
}

using Jobs = std::vector<schema::Job>;

std::string error_in(const state::StateView& view, const Jobs& jobs) {
    for (const auto& job : jobs) {
        const auto wanted = static_cast<std::size_t>(job.task_groups(0).count());
        const auto placed = live_allocations(view, job.id());
        if (placed == wanted) continue;
        return job.id() + ": " + std::to_string(placed) + " of " + std::to_string(wanted) +
               " allocations were placed";
    }
    for (const auto& node : view.nodes()) {
        if (!holds_what_it_can(view, *node)) return node->name() + " is over its capacity";
    }
    return {};
}

// Places the jobs, one evaluation after the other, on what is there in `start`.
void place(benchmark::State& bench, const state::StateView& start, const Jobs& jobs) {
    Prng ids{1};
    std::int64_t placed = 0;
    std::uint64_t seed = 0;
    for (auto _ : bench) {
        bench.PauseTiming();
        {
            auto state = std::make_unique<state::State>(state::State::fork(start));
            std::vector<schema::Evaluation> evaluations;
            for (const auto& job : jobs) {
                register_job(*state, job);
                evaluations.push_back(evaluation_of(job.id(), job.type(), ids));
                placed += job.task_groups(0).count();
            }
            PlanMemory memory;  // of these evaluations alone
            bench.ResumeTiming();
            for (const auto& evaluation : evaluations) evaluate(*state, evaluation, memory, ++seed);
            bench.PauseTiming();
            if (const auto error = error_in(state->view(), jobs); !error.empty()) {
                bench.SkipWithError(error.c_str());
                return;
            }
        }
        bench.ResumeTiming();
    }
    bench.counters["placements/s"] =
        benchmark::Counter(static_cast<double>(placed), benchmark::Counter::kIsRate);
}

void place_one_job(benchmark::State& bench, schema::Job job) {
    Jobs jobs;
    jobs.push_back(std::move(job));
    place(bench, empty_nodes(static_cast<std::uint32_t>(bench.range(0))), jobs);
}

int count_of(const benchmark::State& bench) { return static_cast<int>(bench.range(1)); }

void plain(benchmark::State& bench) { place_one_job(bench, small_job("plain", count_of(bench))); }

void spread(benchmark::State& bench) {
    auto job = small_job("spread", count_of(bench));
    job.add_spreads()->set_attribute("${meta.rack}");
    place_one_job(bench, std::move(job));
}

void regexp(benchmark::State& bench) {
    auto job = small_job("regexp", count_of(bench));
    add_constraint(job, "${node.class}", "regexp", "^class-[0-4]$");
    place_one_job(bench, std::move(job));
}

void affinity(benchmark::State& bench) {
    auto job = small_job("affinity", count_of(bench));
    auto& affinity = *job.add_affinities();
    affinity.set_l_target("${meta.rack}");
    affinity.set_operand("=");
    affinity.set_r_target("r7");
    place_one_job(bench, std::move(job));
}

void ports(benchmark::State& bench) {
    auto job = small_job("ports", count_of(bench));
    auto& network = *group_of(job).add_networks();
    network.add_dynamic_ports()->set_label("http");
    network.add_dynamic_ports()->set_label("admin");
    place_one_job(bench, std::move(job));
}

void batch(benchmark::State& bench) {
    place_one_job(bench, small_job("batch", count_of(bench), "batch"));
}

void ones(benchmark::State& bench) {
    Jobs jobs;
    for (int i = 0; i < jobs_of_one; ++i) {
        jobs.push_back(small_job("one-" + std::to_string(i), count_of(bench)));
    }
    place(bench, empty_nodes(static_cast<std::uint32_t>(bench.range(0))), jobs);
}

void sizes(benchmark::internal::Benchmark* bench) {
    bench->Args({5'000, 1'000})->Args({10'000, 1'000})->Unit(benchmark::kMillisecond);
}
BENCHMARK(plain)->Apply(sizes);
BENCHMARK(spread)->Apply(sizes);
BENCHMARK(regexp)->Apply(sizes);
BENCHMARK(affinity)->Apply(sizes);
BENCHMARK(ports)->Apply(sizes);
BENCHMARK(batch)->Apply(sizes);
BENCHMARK(ones)->Args({5'000, 1})->Args({10'000, 1})->Unit(benchmark::kMillisecond);

// ---- growth: nodes/N and allocations/A, in which only that number differs

constexpr int growing_job = 1'000;
constexpr int job_size_before = 1'000;
constexpr std::uint32_t growing_nodes = 5'000;

void nodes(benchmark::State& bench) {
    Jobs jobs;
    jobs.push_back(small_job("growing", growing_job));
    place(bench, empty_nodes(static_cast<std::uint32_t>(bench.range(0))), jobs);
}
BENCHMARK(nodes)->Arg(500)->Arg(1'581)->Arg(5'000)->Arg(15'811)->Arg(50'000)->Unit(
    benchmark::kMillisecond);

// One node after the other holds an allocation more, so that all stay equally full.
schema::Entry stored_plan(const state::StateView& view, const std::string& job, std::uint64_t seed,
                          std::uint32_t& next_node) {
    Prng ids{seed};
    schema::Entry entry;
    auto& plan = *entry.mutable_apply_plan()->mutable_plan();
    const auto record = view.job({"default", job});
    *plan.mutable_job() = *record;
    const auto resources = shape_of(record, record->task_groups(0), {}).resources;
    const WallTime minted{now.value() + static_cast<std::int64_t>(seed) * 1'000'000};
    for (int i = 0; i < job_size_before; ++i) {
        const auto node = node_id(next_node + 1).raw();
        next_node = (next_node + 1) % growing_nodes;
        auto& list = *plan.add_placements();
        list.set_node_id(node);
        auto& allocation = *list.add_allocations();
        allocation.set_id(Uuid::mint(minted, ids).raw());
        allocation.set_namespace_("default");
        allocation.set_job_id(job);
        allocation.set_name(allocation_name(job, "web", static_cast<std::uint64_t>(i)));
        allocation.set_node_id(node);
        allocation.set_task_group("web");
        *allocation.mutable_allocated_resources() = resources;
    }
    return entry;
}

void allocations(benchmark::State& bench) {
    auto state = state::State::fork(empty_nodes(growing_nodes));
    std::uint32_t next_node = 0;
    for (std::int64_t placed = 0; placed < bench.range(0); placed += job_size_before) {
        const auto number = static_cast<std::uint64_t>(placed / job_size_before);
        const std::string job = "before-" + std::to_string(number);
        register_job(state, small_job(job, job_size_before));
        apply(state, stored_plan(state.view(), job, number + 1, next_node));
    }
    Jobs jobs;
    jobs.push_back(small_job("growing", growing_job));
    place(bench, state.view(), jobs);
}
// The many that are there before are placed once for each number, not once for each trial.
BENCHMARK(allocations)
    ->Arg(10'000)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Iterations(20)
    ->Unit(benchmark::kMillisecond);

// ---- memory: what the state takes for each of a million allocations of 1,000 jobs, as a scheduler
// wrote them, and once their clients have reported that they run

constexpr int jobs_kept = 1'000;

// Resident, so that what an allocator wastes counts as well.
double bytes_in_use() {
    std::ifstream file{"/proc/self/statm"};
    double pages = 0;
    file >> pages >> pages;
    return pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

schema::Entry running_report(const state::StateView& view, const std::string& job) {
    schema::Entry entry;
    for (const auto& row : view.allocations_of({"default", job})) {
        auto& report = *entry.mutable_update_allocations()->add_allocations();
        report.set_id(row->id.raw());
        report.set_client_status("running");
        auto& task = *report.add_task_states();
        task.set_task("web");
        task.set_state("running");
        task.set_started_at(now.value());
        for (const char* type : {"Received", "Task Setup", "Started"}) {
            auto& event = *task.add_events();
            event.set_type(type);
            event.set_time(now.value());
        }
    }
    return entry;
}

void memory(benchmark::State& bench) {
    const auto count = static_cast<int>(bench.range(0)) / jobs_kept;
    for (auto _ : bench) {
        state::State state = state::State::fork(empty_nodes(growing_nodes));
        Prng ids{1};
        const double before = bytes_in_use();
        Jobs jobs;
        PlanMemory memory;
        for (int i = 0; i < jobs_kept; ++i) {
            const auto job = small_job("job-" + std::to_string(i), count);
            register_job(state, job);
            // Ids are ordered by the time of their minting, and no two plans are of one
            // millisecond.
            evaluate(state, evaluation_of(job.id(), job.type(), ids), memory,
                     static_cast<std::uint64_t>(i), now + std::chrono::milliseconds{i});
            jobs.push_back(job);
        }
        if (const auto error = error_in(state.view(), jobs); !error.empty()) {
            bench.SkipWithError(error.c_str());
            return;
        }
        const auto allocations = static_cast<double>(bench.range(0));
        bench.counters["bytes/allocation"] = (bytes_in_use() - before) / allocations;
        for (const auto& job : jobs) apply(state, running_report(state.view(), job.id()));
        bench.counters["bytes/running"] = (bytes_in_use() - before) / allocations;
    }
}
BENCHMARK(memory)->Arg(100'000)->Arg(1'000'000)->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace drover::scheduler::testing
