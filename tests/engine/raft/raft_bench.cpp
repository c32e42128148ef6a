// What the bare core costs: three members in one thread, memory for a disk and a vector for a
// network. Batches of proposals enter at the leader; an entry counts when all three applied it.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <deque>
#include <new>
#include <vector>

#include "engine/base/ensure.hpp"
#include "engine/raft/raft.hpp"
#include "engine/raft/wire.hpp"

// Every allocation of this program is counted: how many a commit costs is one of the figures.
namespace {
std::uint64_t allocations = 0;
}
[[gnu::noinline]] void* operator new(std::size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace drover;
using namespace drover::raft;

enum class Network : std::uint8_t { values, bytes };

class Group {
public:
    explicit Group(Network network = Network::values) : network_{network} {
        for (std::uint64_t i = 1; i <= 3; ++i) {
            Config config;
            config.id = RaftId{i};
            members_.emplace_back(config, DurableState{}, Instant{}, Prng{i});
            ENSURE(members_.back().bootstrap(Instant{}, {RaftId{1}, RaftId{2}, RaftId{3}}));
        }
        settle();
        members_[0].campaign(now_);
        settle();
        ENSURE(members_[0].leads());
    }

    void propose(std::uint64_t count, const Payload& data) {
        for (std::uint64_t i = 0; i < count; ++i) {
            benchmark::DoNotOptimize(members_[0].propose(now_, data));
        }
        settle();
    }
    [[nodiscard]] Index applied() const { return members_[2].applied_index(); }
    // A log that only grows would measure memory.
    void compact() {
        for (auto& member : members_) member.compact(member.applied_index());
    }

private:
    void settle() {
        bool moved = true;
        while (moved) {
            moved = false;
            for (auto& member : members_) moved = look_at(member) || moved;
        }
    }
    bool look_at(Raft& member) {
        if (!member.has_ready()) return false;
        const Ready ready = member.drain(now_);
        for (const auto& message : ready.messages) deliver(message);
        if (ready.write) member.write_completed(now_, ready.write->write);
        for (const auto& entry : ready.committed) {
            if (entry.kind != EntryKind::conf_change) continue;
            (void)member.apply_conf_change(now_, *decode_conf_change(entry.payload()));
        }
        if (!ready.committed.empty()) member.applied(now_, ready.committed.back().index);
        return true;
    }

    void deliver(const Message& message) {
        Raft& receiver = members_[message.to.value() - 1];
        if (network_ == Network::values) return receiver.receive(now_, message);
        const auto decoded = decode(std::make_shared<const std::string>(encode(message)));
        ENSURE(decoded);
        receiver.receive(now_, *decoded);
    }

    Network network_;
    Instant now_;
    std::vector<Raft> members_;
};

// As many proposals are outstanding as the argument says.
void commit(benchmark::State& state, Network network) {
    Group group{network};
    const auto batch = static_cast<std::uint64_t>(state.range(0));
    const auto data = std::make_shared<const std::string>(256, 'x');
    const Index before = group.applied();
    const std::uint64_t allocated_before = allocations;
    std::uint64_t rounds = 0;
    for (auto one : state) {
        group.propose(batch, data);
        if (++rounds % 64 == 0) group.compact();
    }
    const auto committed = distance(before, group.applied());
    ENSURE(committed == rounds * batch);
    state.SetItemsProcessed(static_cast<std::int64_t>(committed));
    state.counters["allocations/commit"] =
        static_cast<double>(allocations - allocated_before) / static_cast<double>(committed);
}
BENCHMARK_CAPTURE(commit, values, Network::values)->Arg(1)->Arg(16)->Arg(256)->Arg(1000);
BENCHMARK_CAPTURE(commit, bytes, Network::bytes)->Arg(1)->Arg(16)->Arg(256)->Arg(1000);

void copy(benchmark::State& state) {
    Group group;
    group.propose(static_cast<std::uint64_t>(state.range(0)),
                  std::make_shared<const std::string>("x"));
    for (auto one : state) {
        Group other{group};
        benchmark::DoNotOptimize(other);
    }
}
BENCHMARK(copy)->Arg(16)->Arg(4096);

}  // namespace
