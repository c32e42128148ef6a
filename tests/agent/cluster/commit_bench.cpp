// Commits per second of real server processes with synced logs, written to by clients of another
// process (this one) over the RPC port, one request outstanding each. What is written is the
// registration of a node, anew: the cheapest write that a node agent asks for and whose entry can
// be given a size. Raw disk and round trip of the same minute stand beside every figure, because
// both belong to the machine:
//   of_raw      commits per second as a part of the raw records per second, which are synced one
//               by one
//   of_floor    a commit's median latency as a multiple of one round trip and one raw sync
//   per_sync    commits per sync of the leader's log
#include <benchmark/benchmark.h>

#include <algorithm>

#include "tests/agent/cluster/servers.hpp"
#include "tests/agent/cluster/writers.hpp"
#include "tests/io/raw_disk.hpp"

namespace drover::agent::cluster {
namespace {

double raw_sync() { return io::raw_sync_us(written_entry_bytes, std::chrono::seconds{1}); }

// `raw_before`: what raw_sync() was just before; the disk's pace is that of the mean.
void report(benchmark::State& state, const Writers::Measured& measured, std::uint64_t syncs,
            double raw_before) {
    const double raw = (raw_before + raw_sync()) / 2;
    const double round_trip = loopback_round_trip_us(written_entry_bytes);
    state.SetItemsProcessed(static_cast<std::int64_t>(measured.commits));
    state.counters["latency_us"] = measured.median_us;
    state.counters["raw_sync_us"] = raw;
    state.counters["round_trip_us"] = round_trip;
    state.counters["of_raw"] = measured.per_second() * raw / 1e6;
    state.counters["of_floor"] = measured.median_us / (raw + round_trip);
    state.counters["per_sync"] = static_cast<double>(measured.commits) /
                                 static_cast<double>(std::max<std::uint64_t>(syncs, 1));
}

// Arguments: members, clients.
void replicated_commits(benchmark::State& state) {
    Servers servers{static_cast<std::size_t>(state.range(0))};
    const auto leader = servers.leader();
    if (!leader) return state.SkipWithError("no server leads");
    Writers writers{servers.rpc(*leader), static_cast<std::size_t>(state.range(1))};
    // Until every node is known and everyone has found its pace.
    if (writers.write_for(std::chrono::seconds{1}).commits == 0)
        return state.SkipWithError("nothing was committed");
    for (auto _ : state) {
        const double raw_before = raw_sync();
        const std::uint64_t before = servers.syncs(*leader);
        const auto measured = writers.write_for(std::chrono::seconds{5});
        if (measured.refused > 0) return state.SkipWithError("writes were refused");
        state.SetIterationTime(measured.seconds);
        report(state, measured, servers.syncs(*leader) - before, raw_before);
    }
}
BENCHMARK(replicated_commits)
    ->ArgNames({"members", "clients"})
    ->Args({1, 1})
    ->Args({1, 256})
    ->Args({1, 1000})
    ->Args({3, 1})
    ->Args({3, 256})
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace drover::agent::cluster
