// From the start of a server's process until it leads and has applied a long log. A server at work
// would have saved its state long before: the log is put into its store while it does not run, as
// copies of entries that it wrote itself.
#include <benchmark/benchmark.h>

#include <stdexcept>

#include "engine/storage/layout.hpp"
#include "io/store.hpp"
#include "tests/agent/cluster/servers.hpp"
#include "tests/agent/cluster/writers.hpp"

namespace drover::agent::cluster {
namespace {

constexpr std::size_t nodes = 256;
constexpr std::uint64_t entries_at_once = 10'000;

template <class Value>
Value sure(Result<Value> result) {
    if (!result) throw std::runtime_error{result.error().message};
    return std::move(*result);
}

// Registrations are larger than anything else in this log.
bool is_registration(const raft::Entry& entry) {
    return entry.kind == raft::EntryKind::normal && entry.size_bytes() >= written_entry_bytes - 32;
}

// Returns the last index then.
std::uint64_t lengthen(const std::filesystem::path& directory, std::uint64_t entries) {
    const auto store = sure(io::RocksStore::open(directory));
    std::vector<raft::Entry> written;
    raft::EntryId last;
    const std::string first = storage::log_key(raft::Index{0});
    auto seen = store->for_each(first, "", [&](std::string_view key, std::string_view value) {
        if (!key.starts_with(storage::log_prefix)) return false;
        raft::Entry entry = sure(storage::decode_entry(key, value));
        last = entry.id();
        if (is_registration(entry)) written.push_back(std::move(entry));
        return true;
    });
    if (!seen || written.empty()) throw std::runtime_error{"there is no log to lengthen"};
    for (std::uint64_t done = 0; done < entries;) {
        raft::WriteLog batch;
        for (; done < entries && batch.entries.size() < entries_at_once; ++done) {
            raft::Entry entry = written[done % written.size()];
            last.index = raft::Index{last.index.value() + 1};
            entry.term = last.term;
            entry.index = last.index;
            batch.entries.push_back(std::move(entry));
        }
        if (auto done_well = store->write(storage::encode(batch)); !done_well)
            throw std::runtime_error{done_well.error().message};
    }
    return last.index.value();
}

// Argument: entries of 256 bytes above the snapshot.
void restart(benchmark::State& state) {
    for (auto _ : state) {
        Servers servers{1};
        if (!servers.leader()) return state.SkipWithError("no server leads");
        if (Writers{servers.rpc(0), nodes}.write_for(std::chrono::milliseconds{0}).refused > 0)
            return state.SkipWithError("writes were refused");
        if (servers[0].stop() != 0) return state.SkipWithError("the server did not stop in order");
        const std::uint64_t last = lengthen(servers.raft_directory(0) / "store",
                                            static_cast<std::uint64_t>(state.range(0)));
        const auto began = Clock::now();
        servers[0].start();
        const bool ready = eventually([&] {
            const auto raft = servers[0].api().get("/v1/operator/raft/state");
            return raft && text(*raft, {"Role"}) == "leader" &&
                   number(*raft, {"AppliedIndex"}) > last;
        });
        if (!ready) return state.SkipWithError("the server never led");
        state.SetIterationTime(std::chrono::duration<double>(Clock::now() - began).count());
    }
}
BENCHMARK(restart)
    ->ArgName("entries")
    ->Arg(1000)
    ->Arg(1'000'000)
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace drover::agent::cluster
