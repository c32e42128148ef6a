// Three servers and two clients on loopback, each a process of the built program, and the questions
// that the tests ask of them. It ends with everything that it started.
#pragma once

#include <deque>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/agent/cluster/machine.hpp"

namespace drover::agent::cluster {

// One task that was started: where, and as which process.
struct RunningTask {
    std::string allocation;
    std::string started_at;
    pid_t pid{};
    friend auto operator<=>(const RunningTask&, const RunningTask&) = default;
};

class Cluster {
public:
    // What is told of the n-th server goes into its server block.
    explicit Cluster(const std::vector<std::string>& told = {});
    // Shows what the agents logged if the test has failed.
    ~Cluster();
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    void start();
    [[nodiscard]] Machine& server(std::size_t i) { return servers_[i]; }
    [[nodiscard]] Machine& client(std::size_t i) { return clients_[i]; }
    [[nodiscard]] std::size_t server_count() const { return servers_.size(); }
    [[nodiscard]] std::size_t client_count() const { return clients_.size(); }
    [[nodiscard]] std::vector<Machine*> machines();

    // A leader is known and both nodes are ready and in touch with it.
    [[nodiscard]] bool is_ready();
    // The server that says that it leads.
    [[nodiscard]] std::optional<std::size_t> leader();

    // Every allocation of the job runs, and there are `count` of them.
    [[nodiscard]] bool runs(const std::string& job, std::size_t count);
    // What runs for the job, in order of allocation; restarts and repeated starts fail the test.
    [[nodiscard]] std::vector<RunningTask> tasks_of(const std::string& job);

    // What `operator raft state -json` prints of each server.
    [[nodiscard]] std::vector<Json> raft_states();
    // All three have applied the same index, and have the same digest there.
    [[nodiscard]] bool agrees();
    [[nodiscard]] std::set<std::string> job_ids(std::size_t server);

private:
    [[nodiscard]] std::string task_output(const std::string& allocation) const;

    std::filesystem::path root_;
    Ports ports_;
    std::deque<Machine> servers_;
    std::deque<Machine> clients_;
};

}  // namespace drover::agent::cluster
