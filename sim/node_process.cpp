#include "sim/node_process.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/base/ensure.hpp"
#include "engine/base/match.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/schema/request.pb.h"
#include "engine/schema/task.pb.h"
#include "engine/state/types.hpp"
#include "sim/world.hpp"

namespace drover::sim {
namespace {

constexpr Duration directory_time = std::chrono::milliseconds{1};

// A server without one may be cut off from the others, or removed.
bool knows_leader(const schema::Response& response) {
    return !response.has_failure() ||
           response.failure().code() != static_cast<std::uint32_t>(Errc::no_leader);
}

std::optional<std::int64_t> environment_number(const client::StartTask& effect,
                                               std::string_view name) {
    for (const auto& [variable, value] : effect.environment) {
        if (variable != name) continue;
        std::int64_t number = 0;
        const auto [end, error] =
            std::from_chars(value.data(), value.data() + value.size(), number);
        if (error == std::errc{} && end == value.data() + value.size()) return number;
    }
    return std::nullopt;
}

std::optional<std::pair<Duration, int>> asked_end(const client::StartTask& effect) {
    const auto run_for = environment_number(effect, "SIM_RUN_FOR_NS");
    if (!run_for) return std::nullopt;
    return std::pair{Duration{*run_for},
                     static_cast<int>(environment_number(effect, "SIM_EXIT_CODE").value_or(0))};
}

std::string handle_text(const client::TaskKey& key) {
    return key.allocation.text() + "/" + key.task + "/" + std::to_string(key.attempt);
}

}  // namespace

NodeProcess::NodeProcess(std::uint32_t number, std::shared_ptr<const schema::Node> node,
                         const Prng& root)
    : number_{number},
      node_{std::move(node)},
      id_{state::to_uuid(node_->id())},
      pool_{node_->node_pool()},
      prng_{root.stream("node", number)} {}

void NodeProcess::start(World& world) {
    if (agent_runs()) return;
    lost_ = false;
    client::Config config;
    config.node = node_;
    config.alloc_dir = "/var/lib/drover/alloc";
    std::vector<std::pair<std::string, std::string>> durable;
    for (const auto& [key, value] : durable_) durable.emplace_back(key, *value);
    auto engine = client::Client::restore(config, std::move(durable), world.now(),
                                          prng_.stream("agent", agent_incarnation_));
    if (!engine) {
        world.fail(Class::safety, "recovery",
                   "node " + std::to_string(number_ + 1) + ": " + engine.error().message);
        return;
    }
    engine_.emplace(std::move(*engine));
    ++agent_incarnation_;
    wake_at_.reset();
    server_ = static_cast<std::uint32_t>(prng_.below(world.servers.size()));
    world.trace.event(world.now(), "node.started", number_ + 1, agent_incarnation_);
    step(world, {});
}

void NodeProcess::kill_agent(World& world) {
    if (!agent_runs()) return;
    engine_.reset();
    ++agent_incarnation_;
    world.marks.add("node.agent.killed");
    world.trace.event(world.now(), "node.agent.killed", number_ + 1, agent_incarnation_);
    world.requests.asker_crashed(world, world.endpoint_of_node(number_));
}

void NodeProcess::lose(World& world) {
    if (lost_) return;
    kill_agent(world);
    lost_ = true;
    ++machine_incarnation_;
    tasks_.clear();
    running_ = 0;
    world.marks.add("node.lost");
    world.trace.event(world.now(), "node.lost", number_ + 1, machine_incarnation_);
}

std::vector<NodeProcess::RunningTask> NodeProcess::running_tasks() const {
    std::vector<RunningTask> list;
    for (const auto& [key, task] : tasks_) {
        if (task.running) list.push_back({key, task.job, task.number});
    }
    return list;
}

std::optional<client::TaskKey> NodeProcess::other_attempt_at(const client::TaskKey& key) const {
    const auto first = tasks_.lower_bound({key.allocation, key.task, 0});
    for (auto next = first; next != tasks_.end(); ++next) {
        const client::TaskKey& other = next->first;
        if (other.allocation != key.allocation || other.task != key.task) break;
        if (next->second.running && other != key) return other;
    }
    return std::nullopt;
}

void NodeProcess::tell_later(World& world, Duration delay, client::Input input) {
    world.after(delay, [number = number_, agent = agent_incarnation_,
                        input = std::move(input)](World& later) {
        NodeProcess& node = later.nodes[number];
        if (node.agent_incarnation_ == agent) node.tell(later, input);
    });
}

void NodeProcess::tell(World& world, client::Input input) {
    if (agent_runs()) step(world, {std::move(input)});
}

void NodeProcess::step(World& world, const std::vector<client::Input>& inputs) {
    std::vector<client::Effect> effects;
    engine_->step(world.now(), world.wall(), inputs, effects);
    for (auto& effect : effects) carry_out(world, effect);
    wake_later(world);
}

void NodeProcess::wake_later(World& world) {
    const auto deadline = engine_->next_deadline();
    if (!deadline || (wake_at_ && *wake_at_ <= *deadline && *wake_at_ > world.now())) return;
    const Instant when = std::max(*deadline, world.now());
    wake_at_ = when;
    world.at(when, [number = number_, agent = agent_incarnation_, when](World& later) {
        NodeProcess& node = later.nodes[number];
        if (node.agent_incarnation_ != agent || node.wake_at_ != when) return;
        node.wake_at_.reset();
        node.tell(later, client::TimePassed{});
    });
}

void NodeProcess::carry_out(World& world, client::Effect& effect) {
    std::visit(Match{[&](client::SendRequest& one) { send_request(world, one); },
                     [&](client::WriteState& one) { write_state(world, one); },
                     [&](client::BuildAllocationDirectory& one) {
                         tell_later(world, directory_time,
                                    client::AllocationDirectoryBuilt{one.allocation});
                     },
                     [&](client::DestroyAllocationDirectory&) {},
                     [&](client::StartTask& one) { start_task(world, one); },
                     [&](client::RecoverTask& one) { recover_task(world, one); },
                     [&](client::StopTask& one) { stop_task(world, one); },
                     [&](client::DestroyTask& one) {
                         const auto task = tasks_.find(one.key);
                         if (task == tasks_.end()) return;
                         if (task->second.running) --running_;
                         tasks_.erase(task);
                     },
                     [&](client::Report& one) {
                         if (world.trace.writes_lines()) {
                             world.trace.event(world.now(), "node.report", number_ + 1, 0, 0,
                                               one.text);
                         }
                     }},
               effect);
}

void NodeProcess::send_request(World& world, const client::SendRequest& effect) {
    world.requests.ask(
        world, world.endpoint_of_node(number_), server_, effect.request,
        Duration{effect.request->timeout_ns()},
        [number = number_, agent = agent_incarnation_, ticket = effect.ticket, asked = server_](
            World& later, const Answer& answer) {
            NodeProcess& node = later.nodes[number];
            if (node.agent_incarnation_ != agent) return;
            // The next question goes to another server.
            if (node.server_ == asked && !(answer.response && knows_leader(*answer.response))) {
                node.server_ = static_cast<std::uint32_t>((asked + 1) % later.servers.size());
            }
            if (answer.response) {
                node.tell(later, client::ResponseReceived{ticket, answer.response});
                return;
            }
            node.tell(later, client::RequestFailed{
                                 ticket, answer.never_sent ? "connection refused" : "no answer"});
        });
}

void NodeProcess::write_state(World& world, client::WriteState& effect) {
    const Duration delay = world.scenario.world.disk.fsync.draw(prng_);
    if (killed_in_write_) die_within(world, delay);
    world.after(delay, [number = number_, agent = agent_incarnation_,
                        effect = std::move(effect)](World& later) mutable {
        NodeProcess& node = later.nodes[number];
        if (node.agent_incarnation_ != agent) return;  // lost: it was not synced yet
        for (auto& [key, value] : effect.changes) {
            if (value) {
                node.durable_[key] = std::move(value);
            } else {
                node.durable_.erase(key);
            }
        }
        node.tell(later, client::StateWritten{effect.write});
    });
}

void NodeProcess::die_within(World& world, Duration span) {
    const Duration restart_after = *std::exchange(killed_in_write_, std::nullopt);
    const Duration when = prng_.between(Duration{}, span);
    world.after(when, [number = number_, agent = agent_incarnation_, restart_after](World& later) {
        if (later.nodes[number].agent_incarnation_ != agent) return;
        later.faults.kill_agent(later, number, restart_after);
    });
}

void NodeProcess::start_task(World& world, const client::StartTask& effect) {
    const Duration delay = world.scenario.world.tasks.start.draw(prng_);
    if (world.scenario.world.tasks.start_failure.happens(prng_)) {
        world.marks.add("task.start_failed");
        tell_later(world, delay,
                   client::TaskStartFailed{effect.key, "the simulated driver failed", true});
        return;
    }
    Order order{effect.key, effect.allocation, effect.task->driver(), asked_end(effect)};
    world.after(delay, [number = number_, machine = machine_incarnation_,
                        order = std::move(order)](World& later) {
        NodeProcess& node = later.nodes[number];
        if (node.machine_incarnation_ == machine) node.task_starts(later, order);
    });
}

void NodeProcess::task_starts(World& world, const Order& order) {
    const client::TaskKey& key = order.key;
    // Starting one attempt twice attaches to the first, as every driver promises.
    const auto [task, fresh] =
        tasks_.try_emplace(key, Task{order.allocation->job_id(), true, {}, next_task_});
    if (fresh) {
        ++next_task_;
        ++running_;
        world.marks.add("task.started");
        world.trace.event(world.now(), "task.started", number_ + 1, fingerprint(handle_text(key)),
                          key.attempt);
        world.checkers.task_started(world, *this, *order.allocation, key);
        if (const auto end = own_end(world, order)) {
            world.after(end->first,
                        [number = number_, machine = machine_incarnation_, key,
                         process = task->second.number, code = end->second](World& later) {
                            NodeProcess& node = later.nodes[number];
                            if (node.machine_incarnation_ != machine) return;
                            node.task_ends(later, key, process, {code, 0, false, {}});
                        });
        }
    }
    tell(world, client::TaskStarted{key, {order.driver, handle_text(key)}});
    if (!task->second.running) tell(world, client::TaskExited{key, task->second.status});
}

std::optional<std::pair<Duration, int>> NodeProcess::own_end(World& world, const Order& order) {
    if (order.end) return order.end;
    const TaskOptions& options = world.scenario.world.tasks;
    const std::uint64_t ppm = std::max(options.exit_chance.ppm, world.swarm.task_exit_chance().ppm);
    if (ppm == 0) return std::nullopt;
    // An exit with a chance of p a second comes after an exponential time of mean 1/p.
    const std::uint64_t mean_micros = 1'000'000'000'000ULL / ppm;
    const std::uint64_t scaled = (exponential_q32(prng_) >> 16) * mean_micros >> 16;
    const int code = options.exit_codes[prng_.below(options.exit_codes.size())];
    return std::pair{std::chrono::duration_cast<Duration>(std::chrono::microseconds{scaled}), code};
}

void NodeProcess::task_ends(World& world, const client::TaskKey& key, std::uint64_t number,
                            client::ExitStatus status) {
    const auto task = tasks_.find(key);
    if (task == tasks_.end() || !task->second.running || task->second.number != number) return;
    task->second.running = false;
    task->second.status = status;
    --running_;
    world.marks.add(status.signal != 0      ? "task.stopped"
                    : status.exit_code == 0 ? "task.completed"
                                            : "task.failed");
    world.trace.event(world.now(), "task.ended", number_ + 1, fingerprint(handle_text(key)),
                      static_cast<std::uint64_t>(status.exit_code));
    tell(world, client::TaskExited{key, status});
}

void NodeProcess::recover_task(World& world, const client::RecoverTask& effect) {
    const auto task = tasks_.find(effect.key);
    if (task == tasks_.end()) {
        world.marks.add("task.recovery_failed");
        tell_later(world, Duration{}, client::TaskRecoveryFailed{effect.key, "no such task"});
    } else if (task->second.running) {
        world.marks.add("task.recovered");
        tell_later(world, Duration{}, client::TaskRecovered{effect.key});
    } else {
        tell_later(world, Duration{}, client::TaskExited{effect.key, task->second.status});
    }
}

void NodeProcess::stop_task(World& world, const client::StopTask& effect) {
    const auto task = tasks_.find(effect.key);
    if (task == tasks_.end()) return;
    const Duration polite = world.scenario.world.tasks.stop.draw(prng_);
    const bool killed = polite > effect.kill_timeout;
    const client::ExitStatus status{killed ? 137 : 143, killed ? 9 : 15, false, {}};
    world.after(std::min(polite, effect.kill_timeout),
                [number = number_, machine = machine_incarnation_, key = effect.key,
                 process = task->second.number, status](World& later) {
                    NodeProcess& node = later.nodes[number];
                    if (node.machine_incarnation_ == machine)
                        node.task_ends(later, key, process, status);
                });
}

}  // namespace drover::sim
