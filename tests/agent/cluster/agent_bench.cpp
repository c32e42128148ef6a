// How long an agent takes to be of use, as a process, with real disks and sockets: from its start
// to a leader and a ready node, and from a job's submission to its running task. Each figure is
// looked for over HTTP every few milliseconds.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <stdexcept>

#include "tests/agent/cluster/machine.hpp"

namespace drover::agent::cluster {
namespace {

namespace fs = std::filesystem;

double seconds_since(Clock::time_point from) {
    return std::chrono::duration<double>(Clock::now() - from).count();
}

// One agent in dev mode, in a directory of its own.
class DevAgent {
public:
    DevAgent() : ports_{3}, machine_{"dev", make_root(), ports_.first(), "", {"-dev"}} {
        machine_.start();
    }
    ~DevAgent() {
        (void)machine_.stop();
        kill_all_that_mention(machine_.directory().string());
        std::error_code ignored;
        fs::remove_all(machine_.directory().parent_path(), ignored);
    }
    [[nodiscard]] Api api() const { return machine_.api(); }
    [[nodiscard]] bool wait_until_ready() const {
        return eventually([&] {
            Api api = machine_.api();
            const auto nodes = api.get("/v1/nodes");
            return nodes && !items(*nodes).empty() &&
                   text(items(*nodes).front(), {"Status"}) == "ready" &&
                   api.get("/v1/status/leader").has_value();
        });
    }

private:
    static fs::path make_root() {
        std::string pattern =
            (fs::temp_directory_path() / ("drover-bench-" + std::string(6, 'X'))).string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{pattern};
        return pattern;
    }

    Ports ports_;
    Machine machine_;
};

void agent_dev_until_leader_and_node_are_ready(benchmark::State& state) {
    for (auto _ : state) {
        const auto began = Clock::now();
        const DevAgent agent;
        if (!agent.wait_until_ready()) return state.SkipWithError("never ready");
        state.SetIterationTime(seconds_since(began));
    }
}
BENCHMARK(agent_dev_until_leader_and_node_are_ready)
    ->UseManualTime()
    ->Iterations(10)
    ->Unit(benchmark::kMillisecond);

void job_from_submission_to_running_task(benchmark::State& state) {
    const DevAgent agent;
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
