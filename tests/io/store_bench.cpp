// Log entries per second through the store: closed-loop writers keep a number of single-entry
// batches in flight, each synced, as a leader under load does. plain_file is the baseline of the
// same minute on the same disk: as many bytes appended to a file with one fdatasync.
#include <benchmark/benchmark.h>

#include <fcntl.h>
#include <unistd.h>

#include <semaphore>

#include "io/store.hpp"
#include "tests/io/temporary_directory.hpp"

namespace drover::io {
namespace {

constexpr std::size_t entry_size = 256;

std::string key_of(std::uint64_t index) {
    std::string key = "raft.log/";
    for (int shift = 56; shift >= 0; shift -= 8) {
        key.push_back(static_cast<char>((index >> shift) & 0xff));
    }
    return key;
}

void plain_file(benchmark::State& state) {
    const TemporaryDirectory directory;
    const int file = ::open((directory.path() / "plain").c_str(), O_WRONLY | O_CREAT, 0600);
    const auto count = static_cast<std::size_t>(state.range(0));
    const std::string bytes(count * entry_size, 'x');
    for (auto _ : state) {
        const bool written =
            ::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
        if (!written || ::fdatasync(file) != 0) state.SkipWithError("the disk refused");
    }
    ::close(file);
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(plain_file)->ArgName("in_flight")->Arg(1)->Arg(64)->Arg(256)->Arg(1000)->UseRealTime();

void synced_entries(benchmark::State& state) {
    const TemporaryDirectory directory;
    const auto store = *RocksStore::open(directory.path());
    const std::string entry(entry_size, 'x');
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
