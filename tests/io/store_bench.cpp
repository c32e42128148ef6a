// Log entries per second through the store: closed-loop writers keep a number of single-entry
// batches in flight, each synced, as a leader under load does. The disk decides the first row, the
// processor the last; compare with the same number of pwrite and fdatasync on a quiet machine.
#include <benchmark/benchmark.h>

#include <atomic>
#include <semaphore>

#include "io/store.hpp"
#include "tests/io/temporary_directory.hpp"

namespace drover::io {
namespace {

std::string key_of(std::uint64_t index) {
    std::string key = "e";
    for (int shift = 56; shift >= 0; shift -= 8) {
        key.push_back(static_cast<char>((index >> shift) & 0xff));
    }
    return key;
}

void synced_entries(benchmark::State& state) {
    const TemporaryDirectory directory;
    const auto store = *RocksStore::open(directory.path());
    const std::string entry(256, 'x');
    std::counting_semaphore<> room{state.range(0)};
    std::uint64_t index = 0;
    for (auto _ : state) {
        room.acquire();
        KvBatch batch;
        batch.put(key_of(++index), entry);
        const Result<void> taken = store->submit(std::move(batch), Durability::synced,
                                                 [&room](const Result<void>&) { room.release(); });
        if (!taken) state.SkipWithError(taken.error().message.c_str());
    }
    for (std::int64_t i = 0; i < state.range(0); ++i) room.acquire();
    state.SetItemsProcessed(static_cast<std::int64_t>(index));
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
