// The simulated world: virtual time, the processes in it, the network between them, and what they
// are asked to do. Everything that a run does is a function of (scenario, seed, engine). The world
// is a value: a copy of it has the same future.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/ensure.hpp"
#include "engine/base/prng.hpp"
#include "sim/checkers.hpp"
#include "sim/drains.hpp"
#include "sim/event_queue.hpp"
#include "sim/faults.hpp"
#include "sim/marks.hpp"
#include "sim/members.hpp"
#include "sim/network.hpp"
#include "sim/node_process.hpp"
#include "sim/predicate.hpp"
#include "sim/requests.hpp"
#include "sim/rollouts.hpp"
#include "sim/scenario.hpp"
#include "sim/server_process.hpp"
#include "sim/swarm.hpp"
#include "sim/trace.hpp"
#include "sim/workload.hpp"

namespace drover::sim {

struct Failure {
    Class verdict{};
    std::string check;  // "election-safety", "capacity", …
    std::string message;
    Instant at{};
};

class World : public Facts {
public:
    World(const Scenario& scenario, std::uint64_t seed, Trace trace);

    // ---- time

    void at(Instant when, Action action);
    void after(Duration delay, Action action) { at(now_ + delay, std::move(action)); }
    [[nodiscard]] Instant now() const { return now_; }
    [[nodiscard]] WallTime wall() const;
    [[nodiscard]] bool has_future() const { return !queue_.empty(); }
    [[nodiscard]] Instant next_event_at() const { return queue_.next_at(); }
    // Runs the next event.
    void advance();

    // ---- what is known

    [[nodiscard]] std::int64_t fact(std::string_view name,
                                    std::string_view argument) const override;
    [[nodiscard]] Prng stream(std::string_view name, std::uint64_t number = 0) const {
        return root_.stream(name, number);
    }
    [[nodiscard]] Endpoint endpoint_of_node(std::size_t node) const {
        return static_cast<Endpoint>(servers.size() + node);
    }
    // The running server that leads in the highest term; none while there is none.
    [[nodiscard]] const ServerProcess* leader() const;
    // The state that has come furthest among the running servers; none while none runs.
    [[nodiscard]] const ServerProcess* most_advanced() const;

    // The first failure stands; later ones are its consequences.
    void fail(Class verdict, std::string check, std::string message);
    [[nodiscard]] const std::optional<Failure>& failure() const { return failure_; }

    const Scenario& scenario;
    Trace trace;
    Marks marks;
    Network network;
    Requests requests;
    std::vector<ServerProcess> servers;
    std::vector<NodeProcess> nodes;
    Workload workload;
    Members members;
    Drains drains;
    Rollouts rollouts;
    Faults faults;
    SwarmFaults swarm;
    Checkers checkers;

private:
    [[nodiscard]] std::int64_t leader_fact(std::string_view name) const;
    [[nodiscard]] std::int64_t server_fact(std::string_view name, std::string_view argument) const;
    [[nodiscard]] std::int64_t node_fact(const state::StateView& view, std::string_view name,
                                         std::string_view argument) const;
    [[nodiscard]] std::int64_t deployment_fact(const state::StateView& view, std::string_view name,
                                               std::string_view argument) const;
    [[nodiscard]] std::int64_t state_fact(std::string_view name, std::string_view argument) const;

    Prng root_;
    EventQueue queue_;
    Instant now_{};
    std::optional<Failure> failure_;
};

}  // namespace drover::sim
