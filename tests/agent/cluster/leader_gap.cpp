// See leader_gap.hpp.
#include "tests/agent/cluster/leader_gap.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "tests/agent/cluster/cluster.hpp"

namespace drover::agent::cluster {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds answer_patience{10'000};
constexpr milliseconds warming_up{300}, before_stop{300}, after_stop{150};

double seconds_between(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

// Writes a register through one server for as long as it lives, one request at a time, and
// remembers when each was acknowledged.
class Writer {
public:
    Writer(const Machine& server, std::string id)
        : thread_{[this, port = server.http(), id = std::move(id)] { write(port, id); }} {}
    ~Writer() { (void)stop(); }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    std::vector<Clock::time_point> stop() {
        stopped_ = true;
        if (thread_.joinable()) thread_.join();
        return acknowledged_;
    }

private:
    void write(std::uint16_t port, const std::string& id) {
        Api api{port, std::chrono::seconds{10}};
        for (std::uint64_t value = 1; !stopped_; ++value) {
            const auto written = api.register_job(overwrite(id, value));
            if (written.fate == Written::Fate::done) acknowledged_.push_back(Clock::now());
        }
    }
    static Json overwrite(const std::string& id, std::uint64_t value) {
        Json body = register_job(id, value, 0);
        body.set("EnforceIndex", false);
        return body;
    }

    std::atomic<bool> stopped_{false};
    std::vector<Clock::time_point> acknowledged_;
    std::thread thread_;
};

using Writers = std::vector<std::unique_ptr<Writer>>;

Writers writers_on(Cluster& cluster, std::size_t without) {
    Writers writers;
    for (std::size_t i = 0; i < cluster.server_count(); ++i) {
        if (i == without) continue;
        for (const char* name : {"a", "b"}) {
            writers.push_back(std::make_unique<Writer>(
                cluster.server(i), "load-" + std::to_string(i) + std::string{name}));
        }
    }
    return writers;
}

// The first of the surviving servers that acknowledges a write which begins now.
std::optional<double> time_to_commit(Cluster& cluster, std::size_t killed,
                                     Clock::time_point since) {
    std::mutex mutex;
    std::optional<double> first;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < cluster.server_count(); ++i) {
        if (i == killed) continue;
        threads.emplace_back([&, i, port = cluster.server(i).http()] {
            Api api{port, std::chrono::seconds{10}};
            while (seconds_between(since, Clock::now()) < 10.0) {
                const auto done = api.register_job(
                    register_job("probe-" + std::to_string(i) + "-" +
                                     std::to_string(since.time_since_epoch().count()),
                                 1, 0));
                if (done.fate != Written::Fate::done) continue;
                const std::lock_guard lock{mutex};
                const double taken = seconds_between(since, Clock::now());
                if (!first || taken < *first) first = taken;
                return;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    return first;
}

double longest_pause(const std::vector<Clock::time_point>& acknowledged, Clock::time_point from,
                     Clock::time_point to) {
    double longest = 0;
    Clock::time_point last = from;
    for (const auto at : acknowledged) {
        if (at < from || at > to) continue;
        longest = std::max(longest, seconds_between(last, at));
        last = at;
    }
    return std::max(longest, seconds_between(last, to));
}

struct Gap {
    double seconds;
    double ordinary = 0;  // the longest pause before anything happened
};

std::optional<Gap> kill_leader(Cluster& cluster, std::size_t leader) {
    Writers load = writers_on(cluster, leader);
    pause_for(milliseconds{200});
    const auto killed = Clock::now();
    cluster.server(leader).kill();
    const auto taken = time_to_commit(cluster, leader, killed);
    if (!taken) return std::nullopt;
    return Gap{*taken};
}

std::optional<Gap> stop_leader(Cluster& cluster, std::size_t leader) {
    Writers load = writers_on(cluster, leader);
    pause_for(warming_up + before_stop);
    const auto asked = Clock::now();
    cluster.server(leader).ask_to_stop();
    const bool in_order = cluster.server(leader).wait_for_end() == 0;
    pause_for(after_stop);
    const auto to = Clock::now();
    std::vector<Clock::time_point> acknowledged;
    for (auto& writer : load) {
        const auto theirs = writer->stop();
        acknowledged.insert(acknowledged.end(), theirs.begin(), theirs.end());
    }
    std::sort(acknowledged.begin(), acknowledged.end());
    if (!in_order) return std::nullopt;
    return Gap{longest_pause(acknowledged, asked, to),
               longest_pause(acknowledged, asked - before_stop, asked)};
}

// Somebody leads, and nobody lacks anything.
bool in_step(Cluster& cluster) {
    if (!cluster.leader()) return false;
    std::optional<std::uint64_t> applied;
    for (std::size_t i = 0; i < cluster.server_count(); ++i) {
        const auto state = cluster.server(i).api().get("/v1/operator/raft/state");
        if (!state || number(*state, {"LeaderRaftID"}) == 0) return false;
        const std::uint64_t here = number(*state, {"AppliedIndex"});
        if (applied.value_or(here) != here) return false;
        applied = here;
    }
    return true;
}

template <class Once>
Gaps measure(std::size_t rounds, Once once) {
    Gaps gaps;
    Cluster cluster;
    for (std::size_t i = 0; i < cluster.server_count(); ++i) cluster.server(i).start();
    for (std::size_t round = 0; round < rounds; ++round) {
        if (!eventually([&] { return in_step(cluster); })) {
            gaps.trouble =
                "the servers did not come together after " + std::to_string(round) + " rounds";
            break;
        }
        const std::size_t leader = *cluster.leader();
        const auto gap = once(cluster, leader);
        if (!gap) {
            gaps.trouble =
                "no write was taken, or the stop failed, in round " + std::to_string(round + 1);
            break;
        }
        gaps.seconds.push_back(gap->seconds);
        gaps.longest_excess = std::max(gaps.longest_excess, gap->seconds - gap->ordinary);
        cluster.server(leader).start();
    }
    std::sort(gaps.seconds.begin(), gaps.seconds.end());
    return gaps;
}

}  // namespace

double Gaps::percentile(int percent) const {
    if (seconds.empty()) return 0;
    const auto rank =
        static_cast<std::size_t>(std::ceil(static_cast<double>(seconds.size()) * percent / 100.0));
    return seconds[std::max<std::size_t>(rank, 1) - 1];
}

std::string Gaps::told(const std::string& what) const {
    std::array<char, 256> line{};
    const auto ratio = [](double value) { return value / configured_election_timeout_s; };
    const double p50 = percentile(50), p99 = percentile(99), max = percentile(100);
    std::snprintf(line.data(), line.size(),
                  "%s, %zu rounds: p50 %.0f ms, p99 %.0f ms, max %.0f ms; of the configured "
                  "election timeout (%.0f ms): %.2f, %.2f, %.2f",
                  what.c_str(), seconds.size(), p50 * 1e3, p99 * 1e3, max * 1e3,
                  configured_election_timeout_s * 1e3, ratio(p50), ratio(p99), ratio(max));
    return std::string{line.data()} + (trouble.empty() ? "" : "; ended early: " + trouble);
}

Gaps measure_kills(std::size_t rounds) { return measure(rounds, kill_leader); }
Gaps measure_stops(std::size_t rounds) { return measure(rounds, stop_leader); }

}  // namespace drover::agent::cluster
