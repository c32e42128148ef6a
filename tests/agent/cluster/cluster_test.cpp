// What a cluster of real processes promises: three servers and two clients on loopback, with
// SIGKILL, SIGTERM and races between writers.
#include "tests/agent/cluster/cluster.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <iostream>
#include <mutex>
#include <thread>

namespace drover::agent::cluster {
namespace {

using Fate = Written::Fate;
using std::chrono::seconds;

double seconds_since(Clock::time_point from) {
    return std::chrono::duration<double>(Clock::now() - from).count();
}

// Writers that register one job after the other, each through a server of its own, until told to
// stop; and what was acknowledged to them.
class Writers {
public:
    explicit Writers(Cluster& cluster) {
        for (std::size_t i = 0; i < cluster.server_count(); ++i) {
            threads_.emplace_back([this, i, port = cluster.server(i).http()] { write(i, port); });
        }
    }
    ~Writers() { (void)stop(); }
    [[nodiscard]] std::set<std::string> stop() {
        stopped_ = true;
        for (auto& thread : threads_) {
            if (thread.joinable()) thread.join();
        }
        return acknowledged_;
    }
    [[nodiscard]] std::size_t count() {
        const std::lock_guard lock{mutex_};
        return acknowledged_.size();
    }

private:
    void write(std::size_t writer, std::uint16_t port) {
        Api api{port, seconds{5}};
        for (int i = 0; !stopped_; ++i) {
            const std::string id = "job-" + std::to_string(writer) + "-" + std::to_string(i);
            if (api.register_job(register_job(id, 1, 0)).fate != Fate::done) {
                pause_for(std::chrono::milliseconds{20});
                continue;
            }
            const std::lock_guard lock{mutex_};
            acknowledged_.insert(id);
        }
    }

    std::atomic<bool> stopped_{false};
    std::mutex mutex_;
    std::set<std::string> acknowledged_;
    std::vector<std::thread> threads_;
};

void expect_all_known(Cluster& cluster, const std::set<std::string>& acknowledged) {
    for (std::size_t i = 0; i < cluster.server_count(); ++i) {
        if (!cluster.server(i).runs()) continue;
        const auto known = cluster.job_ids(i);
        for (const auto& id : acknowledged)
            EXPECT_TRUE(known.contains(id)) << id << " is missing on " << cluster.server(i).name();
    }
}

// Registers through whichever of the running servers takes it.
void register_until_taken(Cluster& cluster, const Json& body) {
    std::size_t next = 0;
    ASSERT_TRUE(eventually([&] {
        Machine& server = cluster.server(next++ % cluster.server_count());
        return server.runs() && server.api(seconds{5}).register_job(body).fate == Fate::done;
    }));
}

TEST(Cluster, loses_nothing_when_its_leader_is_killed_and_takes_it_back) {
    Cluster cluster;
    cluster.start();
    ASSERT_TRUE(eventually([&] { return cluster.is_ready(); }));
    register_until_taken(cluster, job("before", 4));
    ASSERT_TRUE(eventually([&] { return cluster.runs("before", 4); }));

    Writers writers{cluster};
    ASSERT_TRUE(eventually([&] { return writers.count() >= 30; }));
    const auto leader = cluster.leader();
    ASSERT_TRUE(leader);
    const auto killed = Clock::now();
    cluster.server(*leader).kill();
    register_until_taken(cluster, job("after", 2));
    const double taken = seconds_since(killed);
    ASSERT_TRUE(eventually([&] { return cluster.runs("after", 2); }));
    const double running = seconds_since(killed);
    std::cout << "after the leader was killed a new job was taken within " << taken
              << " s and ran within " << running << " s\n";
    EXPECT_LT(running, 5.0);
    const std::size_t so_far = writers.count();
    ASSERT_TRUE(eventually([&] { return writers.count() >= so_far + 30; }));
    const auto acknowledged = writers.stop();
    expect_all_known(cluster, acknowledged);
    EXPECT_TRUE(cluster.runs("before", 4));

    cluster.server(*leader).start();
    ASSERT_TRUE(eventually([&] { return cluster.agrees(); }));
    expect_all_known(cluster, acknowledged);
}

void register_and_see_running(Cluster& cluster) {
    register_until_taken(cluster, job("first", 3));
    register_until_taken(cluster, job("second", 1));
    ASSERT_TRUE(eventually([&] { return cluster.runs("first", 3) && cluster.runs("second", 1); }));
}

// The second half proves that the clients hold the tasks again: they can end them.
void expect_tasks_untouched(Cluster& cluster, const std::vector<RunningTask>& first,
                            const std::vector<RunningTask>& second) {
    ASSERT_TRUE(eventually([&] { return cluster.is_ready(); }));
    EXPECT_TRUE(cluster.runs("first", 3));
    EXPECT_EQ(cluster.tasks_of("first"), first);
    EXPECT_EQ(cluster.tasks_of("second"), second);
    ASSERT_TRUE(eventually([&] { return cluster.agrees(); }));
}

TEST(Cluster, starts_again_with_everything_and_attaches_to_what_runs) {
    if (::geteuid() != 0) GTEST_SKIP() << "raw_exec tasks need root";
    Cluster cluster;
    cluster.start();
    ASSERT_TRUE(eventually([&] { return cluster.is_ready(); }));
    register_and_see_running(cluster);
    const auto first = cluster.tasks_of("first");
    const auto second = cluster.tasks_of("second");
    ASSERT_EQ(first.size(), 3U);
    ASSERT_EQ(second.size(), 1U);

    for (Machine* machine : cluster.machines()) machine->ask_to_stop();
    for (Machine* machine : cluster.machines()) EXPECT_EQ(machine->wait_for_end(), 0);
    for (const auto& task : first) EXPECT_EQ(::kill(task.pid, 0), 0) << "ended with its agent";
    cluster.start();
    expect_tasks_untouched(cluster, first, second);

    for (Machine* machine : cluster.machines()) machine->kill();
    cluster.start();
    expect_tasks_untouched(cluster, first, second);

    ASSERT_TRUE(cluster.server(0).api().remove("/v1/job/first"));
    EXPECT_TRUE(eventually([&] {
        return std::all_of(first.begin(), first.end(),
                           [](const RunningTask& one) { return ::kill(one.pid, 0) != 0; });
    })) << "a stopped job's task still runs";
    EXPECT_EQ(cluster.tasks_of("second"), second);
}

TEST(Cluster, a_leader_that_is_stopped_in_order_hands_over_first) {
    Cluster cluster;
    cluster.start();
    ASSERT_TRUE(eventually([&] { return cluster.is_ready(); }));
    const auto leader = cluster.leader();
    ASSERT_TRUE(leader);
    EXPECT_EQ(cluster.server(*leader).stop(), 0);
    const std::string logged = content_of(cluster.server(*leader).log());
    EXPECT_NE(logged.find("leadership went to server-"), std::string::npos) << logged;
    register_until_taken(cluster, job("after", 1));
}

// As `operator raft list-peers` names it.
std::string peer_id(const Machine& server) {
    const auto peers = server.api().get("/v1/operator/raft/configuration");
    if (!peers) return {};
    for (const auto& peer : items(at(*peers, {"Servers"}))) {
        if (text(peer, {"Node"}).starts_with(server.name())) return text(peer, {"ID"});
    }
    return {};
}

TEST(Cluster, leadership_goes_where_the_operator_sends_it) {
    Cluster cluster;
    cluster.start();
    ASSERT_TRUE(eventually([&] { return cluster.is_ready(); }));
    const auto leader = cluster.leader();
    ASSERT_TRUE(leader);
    const std::size_t next = (*leader + 1) % 3;
    const std::string peer = peer_id(cluster.server(next));
    for (const std::string expected :
         {"Transferred leadership to ", "Leadership was there already: "}) {
        std::string output;
        EXPECT_EQ(cluster.server(*leader).command(
                      {"operator", "raft", "transfer-leadership", "-peer-id", peer}, output),
                  0);
        EXPECT_TRUE(output.starts_with(expected + cluster.server(next).name())) << output;
        EXPECT_TRUE(eventually([&] { return cluster.leader() == next; }));
    }
    std::string output;
    EXPECT_EQ(cluster.server(next).command(
                  {"operator", "raft", "transfer-leadership", "-peer-id", "nobody"}, output),
              1);
    EXPECT_NE(output.find("no peer has the id \"nobody\""), std::string::npos) << output;
}

// Right after its start a server applies the log that it kept, in one long step.
TEST(Cluster, a_server_that_is_stopped_while_it_applies_its_log_ends_in_order) {
    Cluster cluster;
    cluster.start();
    ASSERT_TRUE(eventually([&] { return cluster.is_ready(); }));
    {
        Writers writers{cluster};
        ASSERT_TRUE(eventually([&] { return writers.count() >= 500; }));
    }
    Machine& server = cluster.server(0);
    server.kill();
    for (int delay = 0; delay < 100; delay += 10) {
        server.start();
        ASSERT_TRUE(eventually([&] { return server.api().get("/v1/agent/self").has_value(); }));
        pause_for(std::chrono::milliseconds{delay});
        EXPECT_EQ(server.stop(), 0) << "after " << delay << " ms";
    }
    server.start();
    EXPECT_TRUE(eventually([&] { return cluster.agrees(); }));
}

struct Race {
    Written left, right;
};

// Two writers who both read `index`, each through a server of its own, at the same moment.
Race race(Cluster& cluster, const std::string& id, std::uint64_t index, std::size_t round) {
    Race result;
    std::atomic<int> ready{0};
    const auto write = [&](std::size_t server, std::uint64_t value, Written& written) {
        Api api = cluster.server(server).api();
        const Json body = register_job(id, value, index);
        (void)api.get("/v1/status/leader");  // connected, so that only the write is in the race
        ++ready;
        while (ready < 2) std::this_thread::yield();
        written = api.register_job(body);
    };
    std::thread other{[&] { write((round + 1) % 3, 2 * round + 2, result.right); }};
    write(round % 3, 2 * round + 1, result.left);
    other.join();
    return result;
}

// Each pair of writers works on a job of its own, and all pairs at once.
void race_repeatedly(Cluster& cluster, const std::string& id, int rounds,
                     std::atomic<int>& judged) {
    std::uint64_t index = 0;
    std::uint64_t version = 0;
    for (std::size_t round = 0; round < static_cast<std::size_t>(rounds); ++round) {
        const Race result = race(cluster, id, index, round);
        Api api = cluster.server((round + 2) % 3).api();
        std::optional<Json> stored;
        ASSERT_TRUE(eventually([&] {
            stored = api.get("/v1/job/" + id + "?consistent");
            return stored.has_value();
        }));
        // A busy machine may change its leader in between; such a race has no two verdicts.
        const bool decided =
            result.left.fate != Fate::unknown && result.right.fate != Fate::unknown &&
            result.left.fate != Fate::refused && result.right.fate != Fate::refused;
        if (decided) {
            ++judged;
            const bool left_won = result.left.fate == Fate::done;
            EXPECT_NE(left_won, result.right.fate == Fate::done)
                << id << " round " << round << ": " << result.left.answer << " / "
                << result.right.answer;
            const Written& winner = left_won ? result.left : result.right;
            EXPECT_EQ(value_of(*stored), 2 * round + (left_won ? 1 : 2)) << id;
            EXPECT_EQ(number(*stored, {"JobModifyIndex"}), winner.job_modify_index) << id;
            EXPECT_EQ(number(*stored, {"Version"}), round == 0 ? 0 : version + 1)
                << id << ": a refused write took effect";
        }
        index = number(*stored, {"JobModifyIndex"});
        version = number(*stored, {"Version"});
    }
}

TEST(Cluster, lets_exactly_one_of_two_writers_win_every_race) {
    constexpr int pairs = 4, rounds = 40;
    Cluster cluster;
    cluster.start();
    ASSERT_TRUE(eventually([&] { return cluster.is_ready(); }));
    std::atomic<int> judged{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < pairs; ++i) {
        threads.emplace_back(
            [&, i] { race_repeatedly(cluster, "race-" + std::to_string(i), rounds, judged); });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_GT(judged, pairs * rounds / 2);
    EXPECT_TRUE(eventually([&] { return cluster.agrees(); }));
}

}  // namespace
}  // namespace drover::agent::cluster
