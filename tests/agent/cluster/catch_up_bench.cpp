// How a follower comes back that has a large state to fetch, while the leader is offered half of
// what it can do. The follower is killed, the others are filled until the leader has a snapshot
// file of that size, and the follower starts again: counted until it has applied what the leader
// has committed, load included.
//   seconds     from the start of its process until then
//   kept        of the writes offered meanwhile, the part committed in time
//   maximum     commits per second of the leader before that, with nobody to bring back
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "tests/agent/cluster/servers.hpp"
#include "tests/agent/cluster/writers.hpp"

namespace drover::agent::cluster {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t node_bytes = 16 << 10;
constexpr std::size_t nodes_at_once = 1024;
constexpr std::size_t clients = 256;
constexpr auto caught_up_in = std::chrono::minutes{5};  // or never
// Longer than a leader tries in vain to send a snapshot: the next attempt sends the newest.
constexpr auto until_given_up = std::chrono::seconds{15};

// Nodes that nobody speaks for stay as they are, and little log is kept beside the snapshot.
constexpr const char* settings =
    "  min_heartbeat_ttl = \"1h\"\n  failover_heartbeat_ttl = \"1h\"\n  raft_trailing_logs = "
    "1000\n";

std::uintmax_t largest_snapshot(const fs::path& raft_directory) {
    std::uintmax_t largest = 0;
    std::error_code ignored;
    for (const auto& file : fs::directory_iterator{raft_directory / "snapshots", ignored}) {
        // One that is being written has another name.
        if (file.path().extension() != ".snapshot") continue;
        const auto size = file.file_size(ignored);
        if (!ignored) largest = std::max(largest, size);
    }
    return largest;
}

bool fill(const Servers& servers, std::size_t leader, std::uintmax_t bytes) {
    // Twice as much is saved at the latest when it doubled.
    for (std::uintmax_t written = 0; written < 3 * bytes; written += nodes_at_once * node_bytes) {
        if (largest_snapshot(servers.raft_directory(leader)) >= bytes) return true;
        Writers writers{servers.rpc(leader), nodes_at_once, node_bytes};
        if (writers.write_for(std::chrono::milliseconds{0}).refused > 0) return false;
    }
    return false;
}

std::optional<std::uint64_t> index_of(Machine& machine, const char* which) {
    const auto state = machine.api(std::chrono::seconds{2}).get("/v1/operator/raft/state");
    if (!state) return std::nullopt;
    return number(*state, {which});
}

// It has applied what was committed less than a moment ago.
bool caught_up(Machine& follower, Machine& leader) {
    const auto committed = index_of(leader, "CommitIndex");
    if (!committed) return false;
    const auto until = Clock::now() + std::chrono::milliseconds{200};
    while (Clock::now() < until) {
        if (index_of(follower, "AppliedIndex").value_or(0) >= *committed) return true;
        pause_for(std::chrono::milliseconds{10});
    }
    return false;
}

void measure(benchmark::State& state, Servers& servers, std::size_t leader, std::size_t follower) {
    Writers writers{servers.rpc(leader), clients};
    const double maximum = writers.write_for(std::chrono::seconds{5}).per_second();
    std::atomic<bool> over{false};
    const auto began = Clock::now();
    servers[follower].start();
    auto offering =
        std::async(std::launch::async, [&] { return writers.offer(maximum / 2, over); });
    bool done = false;
    while (!done && Clock::now() - began < caught_up_in)
        done = caught_up(servers[follower], servers[leader]);
    const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    over = true;
    const auto offered = offering.get();
    if (!done) return state.SkipWithError("the follower never caught up");
    if (servers.leader() != leader) return state.SkipWithError("another server leads now");
    state.SetIterationTime(seconds);
    state.counters["seconds"] = seconds;
    state.counters["kept"] = offered.kept_part();
    state.counters["maximum"] = maximum;
    state.counters["snapshot_MiB"] =
        static_cast<double>(largest_snapshot(servers.raft_directory(follower)) >> 20);
}

// Argument: MiB of the leader's snapshot file.
void catch_up(benchmark::State& state) {
    for (auto _ : state) {
        Servers servers{3, settings};
        const auto leader = servers.leader();
        if (!leader) return state.SkipWithError("no server leads");
        const std::size_t follower = (*leader + 1) % servers.size();
        servers[follower].kill();
        if (!fill(servers, *leader, static_cast<std::uintmax_t>(state.range(0)) << 20))
            return state.SkipWithError("the state could not be filled");
        std::this_thread::sleep_for(until_given_up);
        measure(state, servers, *leader, follower);
    }
}
BENCHMARK(catch_up)->ArgName("MiB")->Arg(64)->Arg(1024)->UseManualTime()->Iterations(1)->Unit(
    benchmark::kMillisecond);

}  // namespace
}  // namespace drover::agent::cluster
