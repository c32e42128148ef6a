// Log entries per second through the store: closed-loop writers keep a number of single-entry
// batches in flight, each synced, as a leader under load does.
//   raw_us   the disk's own time for as many entries in one record, just before and just after
//   of_raw   entries per second as a part of what raw_us allows
#include <benchmark/benchmark.h>

#include <chrono>
#include <semaphore>

#include "io/store.hpp"
#include "tests/io/raw_disk.hpp"
#include "tests/io/temporary_directory.hpp"

namespace drover::io {
namespace {

constexpr std::size_t entry_size = 256;
constexpr auto raw_time = std::chrono::milliseconds{500};

std::string key_of(std::uint64_t index) {
    std::string key = "raft.log/";
    for (int shift = 56; shift >= 0; shift -= 8) {
        key.push_back(static_cast<char>((index >> shift) & 0xff));
    }
    return key;
}

void synced_entries(benchmark::State& state) {
    using Seconds = std::chrono::duration<double>;
    const auto in_flight = static_cast<std::size_t>(state.range(0));
    const double before = raw_sync_us(in_flight * entry_size, raw_time);
    const TemporaryDirectory directory;
    const auto store = *RocksStore::open(directory.path());
    const std::string entry(entry_size, 'x');
    std::counting_semaphore<> room{state.range(0)};
    std::uint64_t index = 0;
    const auto began = std::chrono::steady_clock::now();
    for (auto _ : state) {
        room.acquire();
        KvBatch batch;
        batch.put(key_of(++index), entry);
        const Result<void> taken = store->submit(std::move(batch), Durability::synced,
                                                 [&room](const Result<void>&) { room.release(); });
        if (!taken) state.SkipWithError(taken.error().message.c_str());
    }
    for (std::size_t i = 0; i < in_flight; ++i) room.acquire();
    const Seconds took = std::chrono::steady_clock::now() - began;
    const double raw = (before + raw_sync_us(in_flight * entry_size, raw_time)) / 2;
    const double per_second = static_cast<double>(index) / took.count();
    state.SetItemsProcessed(static_cast<std::int64_t>(index));
    state.counters["raw_us"] = raw;
    state.counters["of_raw"] = per_second * raw / 1e6 / static_cast<double>(in_flight);
}
BENCHMARK(synced_entries)
    ->ArgName("in_flight")
    ->Arg(1)
    ->Arg(64)
    ->Arg(256)
    ->Arg(1000)
    ->UseRealTime();

}  // namespace
}  // namespace drover::io
