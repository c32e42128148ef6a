// Registers under real faults: clients compare and set values over HTTP while servers are killed,
// paused and started again, and clients' agents too. What the clients saw must be explained by
// registers that change one value at a time, and what runs on the nodes must not notice.
//
// DROVER_SOAK_SECONDS says for how long, DROVER_SOAK_SEED repeats the choices of one run.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "engine/base/prng.hpp"
#include "sim/history.hpp"
#include "tests/agent/cluster/cluster.hpp"
#include "tests/agent/cluster/leader_gap.hpp"

namespace drover::agent::cluster {
namespace {

using Fate = Written::Fate;
using sim::Operation;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t registers_at_once = 3;
constexpr std::size_t client_threads = 6;
// After this time the clients turn to new registers, so that a history stays short enough to judge.
constexpr auto epoch = seconds{10};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* const told = std::getenv(name);
    return told == nullptr ? otherwise : std::strtoull(told, nullptr, 10);
}

Instant instant(Clock::time_point at) { return Instant{at.time_since_epoch()}; }

struct Counts {
    std::size_t reads{}, done{}, conflicts{}, refused{}, unknown{};
};

// Everything that the clients saw, by register.
class Histories {
public:
    std::uint64_t next_value() { return ++last_value_; }
    void add(const std::string& id, const Operation& operation) {
        const std::lock_guard lock{mutex_};
        operations_[id].push_back(operation);
        if (operation.kind == Operation::Kind::read)
            ++counts_.reads;
        else if (operation.outcome == Operation::Outcome::done)
            ++counts_.done;
        else if (operation.outcome == Operation::Outcome::refused)
            ++counts_.conflicts;
        else
            ++counts_.unknown;
    }
    void note_refused() {
        const std::lock_guard lock{mutex_};
        ++counts_.refused;
    }
    [[nodiscard]] Counts counts() {
        const std::lock_guard lock{mutex_};
        return counts_;
    }
    [[nodiscard]] std::map<std::string, std::vector<Operation>> operations() {
        const std::lock_guard lock{mutex_};
        return operations_;
    }

private:
    std::atomic<std::uint64_t> last_value_{0};
    std::mutex mutex_;
    std::map<std::string, std::vector<Operation>> operations_;
    Counts counts_;
};

// One client of the registers; talks to a server that it chooses anew each time.
class RegisterClient {
public:
    RegisterClient(std::uint32_t number, std::uint64_t seed, Cluster& cluster, Histories& histories)
        : number_{number}, prng_{Prng{seed}.stream("client", number)}, histories_{&histories} {
        for (std::size_t i = 0; i < cluster.server_count(); ++i)
            servers_.push_back(cluster.server(i).api(seconds{3}));
    }

    void operate(const std::string& id) {
        const auto seen = seen_.find(id);
        if (seen == seen_.end() || prng_.chance(1, 2)) {
            (void)read(id, prng_.below(servers_.size()));
        } else {
            compare_and_set(id, seen->second);
        }
    }

    // False when no answer came.
    [[nodiscard]] bool read(const std::string& id, std::size_t server) {
        Operation operation{number_, Operation::Kind::read,    0,
                            0,       Operation::Outcome::done, instant(Clock::now()),
                            {}};
        const auto job = servers_[server].look_up("/v1/job/" + id + "?consistent");
        if (!job) return false;
        operation.returned = instant(Clock::now());
        operation.value = value_of(*job);
        seen_[id] = {operation.value, number(*job, {"JobModifyIndex"})};
        histories_->add(id, operation);
        return true;
    }

private:
    struct Seen {
        std::uint64_t value{}, index{};
    };

    void compare_and_set(const std::string& id, const Seen seen) {
        seen_.erase(id);
        Operation operation{number_,
                            Operation::Kind::compare_and_set,
                            seen.value,
                            histories_->next_value(),
                            Operation::Outcome::unknown,
                            instant(Clock::now()),
                            {}};
        const Written written = servers_[prng_.below(servers_.size())].register_job(
            register_job(id, operation.value, seen.index));
        operation.returned = instant(Clock::now());
        if (written.fate == Fate::refused) return histories_->note_refused();
        if (written.fate == Fate::done) {
            operation.outcome = Operation::Outcome::done;
            seen_[id] = {operation.value, written.job_modify_index};
        } else if (written.fate == Fate::conflict) {
            operation.outcome = Operation::Outcome::refused;
        }
        histories_->add(id, operation);
    }

    std::uint32_t number_;
    Prng prng_;
    Histories* histories_;
    std::vector<Api> servers_;
    std::map<std::string, Seen> seen_;
};

// The clients, each in its own thread, until it goes.
class Clients {
public:
    Clients(std::uint64_t seed, Cluster& cluster, Histories& histories) {
        for (std::uint32_t i = 0; i < client_threads; ++i) {
            threads_.emplace_back([this, i, seed, &cluster, &histories] {
                RegisterClient client{i, seed, cluster, histories};
                Prng prng = Prng{seed}.stream("register", i);
                while (!stopped_) {
                    const auto age = (Clock::now() - began_) / epoch;
                    client.operate("register-" + std::to_string(age) + "-" +
                                   std::to_string(prng.below(registers_at_once)));
                    pause_for(milliseconds{1 + static_cast<int>(prng.below(15))});
                }
            });
        }
    }
    ~Clients() {
        stopped_ = true;
        for (auto& thread : threads_) thread.join();
    }

private:
    Clock::time_point began_{Clock::now()};
    std::atomic<bool> stopped_{false};
    std::vector<std::thread> threads_;
};

// What goes wrong, one thing after the other, with calm in between.
class Faults {
public:
    Faults(std::uint64_t seed, Cluster& cluster)
        : prng_{Prng{seed}.stream("faults")}, cluster_{cluster} {}

    void cause_one() {
        const std::size_t some = prng_.below(cluster_.server_count());
        const std::size_t target = prng_.chance(1, 2) ? cluster_.leader().value_or(some) : some;
        switch (prng_.below(7)) {
            case 0:
            case 1:
                note("kill");
                return kill({&cluster_.server(target)});
            case 2:
                note("kill of two");
                return kill({&cluster_.server(target), &cluster_.server((target + 1) % 3)});
            case 3:
                note("pause");
                return pause({&cluster_.server(target)});
            case 4:
                note("pause of two");
                return pause({&cluster_.server(target), &cluster_.server((target + 1) % 3)});
            case 5:
                note("restart");
                return restart(cluster_.server(target));
            default:
                note("kill of a client");
                return kill({&cluster_.client(prng_.below(cluster_.client_count()))});
        }
    }
    void let_calm_return() { wait_between(200, 1500); }
    [[nodiscard]] const std::map<std::string, int>& caused() const { return caused_; }

private:
    void note(const std::string& what) { ++caused_[what]; }
    void wait_between(std::uint64_t low, std::uint64_t high) {
        pause_for(milliseconds{low + prng_.below(high - low)});
    }
    void kill(const std::vector<Machine*>& machines) {
        for (Machine* machine : machines) machine->kill();
        wait_between(10, 2000);
        for (Machine* machine : machines) machine->start();
    }
    void restart(Machine& machine) {
        EXPECT_EQ(machine.stop(), 0) << machine.name();
        machine.start();
    }
    void pause(const std::vector<Machine*>& machines) {
        for (Machine* machine : machines) machine->pause();
        wait_between(50, 3000);
        for (Machine* machine : machines) machine->resume();
    }

    Prng prng_;
    Cluster& cluster_;
    std::map<std::string, int> caused_;
};

// Every register is read once more through every server: what was acknowledged and is now missing
// leaves a history that nothing explains.
void read_everything(std::uint64_t seed, Cluster& cluster, Histories& histories) {
    RegisterClient last{client_threads, seed, cluster, histories};
    for (const auto& [id, operations] : histories.operations()) {
        for (std::size_t server = 0; server < cluster.server_count(); ++server)
            ASSERT_TRUE(eventually([&] { return last.read(id, server); })) << id;
    }
}

void judge(Histories& histories) {
    for (const auto& [id, operations] : histories.operations()) {
        const auto verdict = sim::check_register(operations);
        EXPECT_TRUE(verdict.linearizable) << id << ": " << verdict.anomaly;
        EXPECT_FALSE(verdict.exhausted) << id << ": the search gave up, nothing is proved";
    }
}

void report(Histories& histories, const Faults& faults) {
    const Counts counts = histories.counts();
    std::cout << counts.reads << " reads; writes: " << counts.done << " done, " << counts.conflicts
              << " in conflict, " << counts.refused << " refused, " << counts.unknown
              << " unknown; faults:";
    for (const auto& [what, times] : faults.caused()) std::cout << " " << times << " x " << what;
    std::cout << std::endl;
}

TEST(Soak, registers_stay_linearizable_and_tasks_untouched_while_servers_are_killed_and_paused) {
    const auto duration = seconds{from_environment("DROVER_SOAK_SECONDS", 25)};
    const std::uint64_t seed = from_environment("DROVER_SOAK_SEED", std::random_device{}());
    std::cout << "DROVER_SOAK_SEED=" << seed << std::endl;
    const bool real_tasks = ::geteuid() == 0;
    Cluster cluster;
    cluster.start();
    ASSERT_TRUE(eventually([&] { return cluster.is_ready(); }));
    ASSERT_EQ(cluster.server(0).api().register_job(job("steady", 3)).fate, Fate::done);
    ASSERT_TRUE(eventually([&] { return cluster.runs("steady", 3); }));
    const auto tasks = real_tasks ? cluster.tasks_of("steady") : std::vector<RunningTask>{};

    Histories histories;
    Faults faults{seed, cluster};
    {
        const Clients clients{seed, cluster, histories};
        const auto end = Clock::now() + duration;
        while (Clock::now() < end) {
            faults.let_calm_return();
            faults.cause_one();
        }
    }
    report(histories, faults);
    ASSERT_TRUE(eventually([&] { return cluster.is_ready(); }));
    read_everything(seed, cluster, histories);
    ASSERT_TRUE(eventually([&] { return cluster.agrees(); }));
    judge(histories);
    EXPECT_GT(histories.counts().done, 20U) << "hardly anything was written: nothing is proved";
    if (!real_tasks) return;
    EXPECT_EQ(cluster.tasks_of("steady"), tasks);
}

// Twice the timeout is what a follower waits for at most; a tenth of it is left for everything
// else.
TEST(Soak, a_killed_leader_is_replaced_within_a_little_more_than_two_election_timeouts) {
    const std::uint64_t rounds = from_environment("DROVER_SOAK_KILLS", 3);
    const Gaps gaps = measure_kills(rounds);
    std::cout << gaps.told("leader killed") << std::endl;
    ASSERT_EQ(gaps.trouble, "");
    // A few rounds on a machine that does other things too prove no percentile.
    if (rounds < 100) return;
    EXPECT_LE(gaps.percentile(99), 2.2 * configured_election_timeout_s);
}

TEST(Soak, a_leader_that_stops_in_order_leaves_no_gap) {
    const std::uint64_t rounds = from_environment("DROVER_SOAK_STOPS", 2);
    const Gaps gaps = measure_stops(rounds);
    std::cout << gaps.told("leader stopped") << "; at most " << gaps.longest_excess * 1e3
              << " ms longer than a pause in ordinary work" << std::endl;
    ASSERT_EQ(gaps.trouble, "");
    if (rounds < 20) return;
    // Of the stop, not of the disk: on a machine with pauses of its own the two add up.
    EXPECT_LE(gaps.longest_excess, 0.05);
}

}  // namespace
}  // namespace drover::agent::cluster
