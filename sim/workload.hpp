// What the cluster is asked to do: jobs that an operator registers, and clients of a
// compare-and-set register whose history is checked for linearizability.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/prng.hpp"
#include "sim/history.hpp"
#include "sim/requests.hpp"
#include "sim/scenario.hpp"

namespace drover::sim {

class World;

class Workload {
public:
    Workload(const Scenario& scenario, const Prng& root);

    void start(World& world);
    // No further operation is begun; those under way end as they will.
    void stop() { stopped_ = true; }

    // Registers a job of the scenario again, with another count where one is given.
    // Broken: its tasks fail from now on.
    void register_again(World& world, const std::string& job, std::optional<std::uint32_t> count,
                        bool broken);
    // Somebody else changed the count.
    void scaled(const std::string& job, std::uint32_t count) { jobs_[load_of(job)].count = count; }
    void stop_job(World& world, const std::string& job);

    // How many allocations of the job are wanted now; none for a job never registered or stopped.
    [[nodiscard]] std::optional<std::uint32_t> wanted(const std::string& job) const;
    // Every registration that was asked for has been acknowledged.
    [[nodiscard]] bool settled() const;
    // By register. What is still under way counts as of unknown outcome.
    [[nodiscard]] std::map<std::uint32_t, std::vector<Operation>> histories() const;

private:
    struct JobState {
        std::uint32_t count{};
        std::uint64_t revision{};      // rises with every wish
        std::uint64_t acknowledged{};  // the newest revision that a server has acknowledged
        bool stopped{};
        bool broken{};
    };
    struct RegisterClient {
        std::uint32_t number{};
        Duration interval{};
        std::uint32_t keys{};
        Prng prng;
        // What it last saw of each key: the value and the job's modify index.
        std::map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> seen;
        // The write that waits for its answer, and its key.
        std::optional<std::pair<std::uint32_t, Operation>> writing{};
    };

    void wish(World& world, std::size_t load);
    void try_job(World& world, std::size_t load, std::uint64_t revision);
    void job_answered(World& world, std::size_t load, std::uint64_t revision, const Answer& answer);
    void operate(World& world, std::size_t client);
    void read(World& world, std::size_t client, std::uint32_t key);
    void compare_and_set(World& world, std::size_t client, std::uint32_t key);
    void compared(World& world, std::size_t client, std::uint32_t key, Operation operation,
                  const Answer& answer);
    void operate_later(World& world, std::size_t client);
    std::uint32_t pick_server(World& world);
    [[nodiscard]] std::size_t load_of(const std::string& job) const;

    const Scenario* scenario_;
    Prng prng_;
    std::vector<JobState> jobs_;
    std::vector<RegisterClient> clients_;
    std::map<std::uint32_t, std::vector<Operation>> histories_;
    std::uint64_t next_value_{1};
    bool stopped_{};
};

}  // namespace drover::sim
