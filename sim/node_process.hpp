// One simulated machine that runs tasks: the node agent's engine, its durable state, and a driver
// whose tasks are entries in a table. Tasks belong to the machine: they outlive the agent's
// process, and die with the machine.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/prng.hpp"
#include "engine/client/client.hpp"
#include "sim/requests.hpp"
#include "sim/scenario.hpp"

namespace drover::schema {
class Allocation;
class Node;
}  // namespace drover::schema

namespace drover::sim {

class World;

class NodeProcess {
public:
    NodeProcess(std::uint32_t number, std::shared_ptr<const schema::Node> node, const Prng& root);

    void start(World& world);
    // The agent's process ends at once; its tasks go on.
    void kill_agent(World& world);
    // The agent's process ends while it writes what it is to write next.
    void kill_agent_in_next_write(Duration restart_after) { killed_in_write_ = restart_after; }
    // The machine is gone with all its tasks; its disk stays.
    void lose(World& world);

    [[nodiscard]] bool agent_runs() const { return engine_.has_value(); }
    [[nodiscard]] bool lost() const { return lost_; }
    [[nodiscard]] const std::string& pool() const { return pool_; }
    [[nodiscard]] const Uuid& id() const { return id_; }
    [[nodiscard]] const client::Client& engine() const { return *engine_; }

    struct RunningTask {
        client::TaskKey key;
        std::string job;
        std::uint64_t started_number{};  // tells this process from every other of the run
    };
    [[nodiscard]] std::vector<RunningTask> running_tasks() const;
    // Another attempt at the same task that still runs.
    [[nodiscard]] std::optional<client::TaskKey> other_attempt_at(const client::TaskKey& key) const;
    [[nodiscard]] std::size_t running_task_count() const { return running_; }

private:
    struct Task {
        std::string job;
        bool running{true};
        client::ExitStatus status;
        std::uint64_t number{};
    };
    void tell(World& world, client::Input input);
    void tell_later(World& world, Duration delay, client::Input input);
    void step(World& world, const std::vector<client::Input>& inputs);
    void carry_out(World& world, client::Effect& effect);
    void wake_later(World& world);
    void send_request(World& world, const client::SendRequest& effect);
    void write_state(World& world, client::WriteState& effect);
    void die_within(World& world, Duration span);
    // What is left to know of a StartTask while the driver is at it: no environment of kilobytes.
    struct Order {
        client::TaskKey key;
        std::shared_ptr<const schema::Allocation> allocation;
        std::string driver;
        std::optional<std::pair<Duration, int>> end;  // that its environment asks for
    };
    void start_task(World& world, const client::StartTask& effect);
    void task_starts(World& world, const Order& order);
    void recover_task(World& world, const client::RecoverTask& effect);
    void stop_task(World& world, const client::StopTask& effect);
    void task_ends(World& world, const client::TaskKey& key, std::uint64_t number,
                   client::ExitStatus status);
    // When this task will end by itself, and how; none for one that runs until it is stopped.
    std::optional<std::pair<Duration, int>> own_end(World& world, const Order& order);

    std::uint32_t number_;
    std::shared_ptr<const schema::Node> node_;
    Uuid id_;
    std::string pool_;
    Prng prng_;
    std::map<std::string, client::StoredBytes> durable_;
    std::optional<client::Client> engine_;
    std::uint64_t agent_incarnation_{0};
    std::uint64_t machine_incarnation_{0};
    bool lost_{};
    std::optional<Duration> killed_in_write_;  // and how much later it comes back
    std::optional<Instant> wake_at_;
    std::uint32_t server_{0};  // the one that it turns to
    std::map<client::TaskKey, Task> tasks_;
    std::uint64_t next_task_{1};
    std::size_t running_{0};
};

}  // namespace drover::sim
