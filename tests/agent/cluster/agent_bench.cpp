// How long an agent takes to be of use, as a process, with real disks and sockets: from its start
// to a leader and a ready node, and from a job's submission to its running task. Each figure is
// looked for over HTTP every few milliseconds.
#include <benchmark/benchmark.h>

#include "tests/agent/cluster/dev_machine.hpp"

namespace drover::agent::cluster {
namespace {

double seconds_since(Clock::time_point from) {
    return std::chrono::duration<double>(Clock::now() - from).count();
}

void agent_dev_until_leader_and_node_are_ready(benchmark::State& state) {
    for (auto _ : state) {
        const auto began = Clock::now();
        const DevMachine agent;
        if (!agent.wait_until_ready()) return state.SkipWithError("never ready");
        state.SetIterationTime(seconds_since(began));
    }
}
BENCHMARK(agent_dev_until_leader_and_node_are_ready)
    ->UseManualTime()
    ->Iterations(10)
    ->Unit(benchmark::kMillisecond);

void job_from_submission_to_running_task(benchmark::State& state) {
    const DevMachine agent;
    if (!agent.wait_until_ready()) return state.SkipWithError("the agent was never ready");
    Api api = agent.api();
    int number = 0;
    for (auto _ : state) {
        const std::string id = "job-" + std::to_string(++number);
        const auto began = Clock::now();
        if (api.register_job(job(id, 1)).fate != Written::Fate::done)
            return state.SkipWithError("the job was refused");
        const bool runs = eventually([&] {
            const auto list = api.get("/v1/job/" + id + "/allocations");
            return list && !items(*list).empty() &&
                   text(items(*list).front(), {"TaskStates", "main", "State"}) == "running";
        });
        if (!runs) return state.SkipWithError("the task never ran");
        state.SetIterationTime(seconds_since(began));
    }
}
BENCHMARK(job_from_submission_to_running_task)
    ->UseManualTime()
    ->Iterations(20)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace drover::agent::cluster
