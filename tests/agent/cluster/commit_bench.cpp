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
#include <stdlib.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <optional>
#include <stdexcept>

#include "tests/agent/cluster/machine.hpp"
#include "tests/agent/cluster/writers.hpp"

namespace drover::agent::cluster {
namespace {

namespace fs = std::filesystem;

constexpr std::uint16_t ports_each = 3;
constexpr auto raw_time = std::chrono::seconds{1};

// Servers alone, in a directory that goes with them.
class Servers {
public:
    explicit Servers(std::size_t count) : root_{make_root()}, ports_{9} {
        std::string join;
        for (std::size_t i = 0; i < count; ++i) {
            join += (i == 0 ? "" : ", ") + ("\"127.0.0.1:" + std::to_string(port(i) + 2) + "\"");
        }
        const std::string settings =
            "server {\n  enabled = true\n  bootstrap_expect = " + std::to_string(count) +
            "\n  server_join {\n    retry_join = [" + join + "]\n  }\n}\n";
        for (std::size_t i = 0; i < count; ++i) {
            machines_.emplace_back("server-" + std::to_string(i + 1), root_, port(i), settings);
            machines_.back().start();
        }
    }
    ~Servers() {
        for (auto& machine : machines_) machine.kill();
        std::error_code ignored;
        fs::remove_all(root_, ignored);
    }
    Servers(const Servers&) = delete;
    Servers& operator=(const Servers&) = delete;

    // The place of the one that leads.
    [[nodiscard]] std::optional<std::size_t> leader() const {
        std::optional<std::size_t> found;
        (void)eventually([&] {
            for (std::size_t i = 0; i < machines_.size() && !found; ++i) {
                const auto state = machines_[i].api().get("/v1/operator/raft/state");
                if (state && text(*state, {"Role"}) == "leader") found = i;
            }
            return found.has_value();
        });
        return found;
    }
    [[nodiscard]] std::string rpc(std::size_t i) const {
        return "127.0.0.1:" + std::to_string(port(i) + 1);
    }
    [[nodiscard]] std::uint64_t syncs(std::size_t i) const {
        const auto self = machines_[i].api().get("/v1/agent/self");
        return self ? std::stoull("0" + text(*self, {"stats", "raft", "log_syncs"})) : 0;
    }

private:
    [[nodiscard]] std::uint16_t port(std::size_t i) const {
        return static_cast<std::uint16_t>(ports_.first() + i * ports_each);
    }
    static fs::path make_root() {
        std::string pattern =
            (fs::temp_directory_path() / ("drover-commits-" + std::string(6, 'X'))).string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{pattern};
        return pattern;
    }

    fs::path root_;
    Ports ports_;
    std::deque<Machine> machines_;
};

void report(benchmark::State& state, const Writers::Measured& measured, std::uint64_t syncs) {
    const double raw = raw_sync_us(written_entry_bytes, raw_time);
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
    const Servers servers{static_cast<std::size_t>(state.range(0))};
    const auto leader = servers.leader();
    if (!leader) return state.SkipWithError("no server leads");
    Writers writers{servers.rpc(*leader), static_cast<std::size_t>(state.range(1))};
    // Until every node is known and everyone has found its pace.
    if (writers.write_for(std::chrono::seconds{1}).commits == 0)
        return state.SkipWithError("nothing was committed");
    for (auto _ : state) {
        const std::uint64_t before = servers.syncs(*leader);
        const auto measured = writers.write_for(std::chrono::seconds{5});
        if (measured.refused > 0) return state.SkipWithError("writes were refused");
        state.SetIterationTime(measured.seconds);
        report(state, measured, servers.syncs(*leader) - before);
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
