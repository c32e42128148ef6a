#include "sim/faults.hpp"

#include <algorithm>
#include <utility>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/request.pb.h"
#include "engine/state/view.hpp"
#include "sim/job_builder.hpp"
#include "sim/vocabulary.hpp"
#include "sim/world.hpp"

namespace drover::sim {
namespace {

// How long a server that stops waits for another one to lead.
constexpr Duration stop_patience = std::chrono::seconds{1};
constexpr Duration operator_patience = std::chrono::seconds{10};

DrainWish wish_of(const Step& step) {
    if (!step.deadline) return {true, Duration::zero(), step.ignore_system};
    const bool at_once = *step.deadline == Duration::zero();
    return {true, at_once ? Duration{-1} : *step.deadline, step.ignore_system};
}

}  // namespace

Faults::Faults(const Scenario& scenario, const Prng& root)
    : scenario_{&scenario}, prng_{root.stream("faults")}, progress_(scenario.timeline.size()) {}

void Faults::start(World& world) {
    for (std::size_t i = 0; i < scenario_->timeline.size(); ++i) {
        const Step& step = scenario_->timeline[i];
        if (step.when) {
            progress_[i].armed = true;
        } else if (step.at || (step.every && !step.after)) {
            world.after(step.at ? *step.at : *step.every,
                        [i](World& later) { later.faults.due(later, i); });
        }
    }
}

void Faults::look(World& world) {
    if (over_) return;
    for (std::size_t i = 0; i < progress_.size(); ++i) {
        if (!progress_[i].armed || !scenario_->timeline[i].when->holds(world)) continue;
        progress_[i].armed = false;
        due(world, i);
    }
}

void Faults::due(World& world, std::size_t step) {
    if (over_) return;
    perform(world, step);
    if (const auto every = scenario_->timeline[step].every) {
        world.after(*every, [step](World& later) { later.faults.due(later, step); });
    }
}

void Faults::done(World& world, std::size_t step) {
    if (progress_[step].done++ > 0) return;
    const std::string& id = scenario_->timeline[step].id;
    world.marks.add("step." + id);
    for (std::size_t i = 0; i < scenario_->timeline.size(); ++i) {
        const Step& other = scenario_->timeline[i];
        if (other.after != id) continue;
        world.after(other.after_delay, [i](World& later) { later.faults.due(later, i); });
    }
}

void Faults::perform(World& world, std::size_t number) {
    const Step& step = scenario_->timeline[number];
    world.trace.event(world.now(), "timeline", static_cast<std::uint32_t>(number + 1), 0, 0,
                      step.id);
    switch (step.verb) {
        case Verb::partition:
            perform_partition(world, step);
            break;
        case Verb::heal:
            world.network.heal();
            break;
        case Verb::loss:
        case Verb::delay:
            perform_disturbance(world, step);
            break;
        case Verb::register_job:
            world.workload.register_again(
                world, step.job, step.count != 0 ? std::optional{step.count} : std::nullopt,
                step.broken);
            break;
        case Verb::stop_job:
            world.workload.stop_job(world, step.job);
            break;
        case Verb::promote:
        case Verb::fail_deployment:
        case Verb::pause_deployment:
        case Verb::resume_deployment:
        case Verb::revert_job:
        case Verb::scale_job:
        case Verb::dispatch:
        case Verb::force_launch:
        case Verb::collect_garbage:
        case Verb::reject_jobs:
        case Verb::accept_jobs:
            if (!world.rollouts.wish(world, step)) return;
            break;
        default: {
            std::set<std::uint32_t> servers, nodes;
            for (const auto& selector : step.targets) {
                servers.merge(select_servers(world, selector));
                nodes.merge(select_nodes(world, selector));
            }
            if (servers.empty() && nodes.empty()) return;  // nobody was meant: not done
            perform_on_servers(world, step, {servers.begin(), servers.end()});
            perform_on_nodes(world, step, {nodes.begin(), nodes.end()});
        }
    }
    done(world, number);
}

void Faults::perform_on_servers(World& world, const Step& step,
                                const std::vector<std::uint32_t>& servers) {
    Duration later{};
    for (const std::uint32_t server : servers) {
        perform_on_server(world, step, server, later);
        if (step.gap) later += *step.gap;
    }
}

void Faults::perform_on_server(World& world, const Step& step, std::uint32_t server,
                               Duration delay) {
    if (delay.count() != 0) {
        world.after(delay, [&step, server](World& later) {
            if (!later.faults.over_)
                later.faults.perform_on_server(later, step, server, Duration{});
        });
        return;
    }
    ServerProcess& process = world.servers[server];
    switch (step.verb) {
        case Verb::crash:
        case Verb::kill:
            crash(world, server, step.persist, step.restart);
            break;
        case Verb::stop:
            stop(world, server, step.restart);
            break;
        case Verb::restart:
            crash(world, server, step.persist, step.restart.value_or(std::chrono::seconds{1}));
            if (!process.runs()) restart_server(world, server, step.restart.value_or(Duration{}));
            break;
        case Verb::pause:
            process.pause(world, step.lasting.value_or(std::chrono::seconds{1}));
            break;
        case Verb::upgrade:
        case Verb::downgrade:
            world.marks.add(step.verb == Verb::upgrade ? "server.upgraded" : "server.downgraded");
            crash(world, server, step.persist, std::nullopt);
            if (step.raft_protocol) process.configure_raft_protocol(*step.raft_protocol);
            if (step.level) process.configure_level(*step.level);
            restart_server(world, server, step.restart.value_or(std::chrono::milliseconds{500}));
            break;
        case Verb::finalize:
            ask_about_level(world, server, finalize_request(), "upgrade.finalized");
            break;
        case Verb::rehearse:
            ask_about_level(world, server, rehearse_request(), "upgrade.rehearsed");
            break;
        case Verb::pause_evaluations:
            ask_about_level(world, server, pause_request(true), "evaluations.paused");
            break;
        case Verb::resume_evaluations:
            ask_about_level(world, server, pause_request(false), "evaluations.resumed");
            break;
        case Verb::corrupt_version_file:
            process.corrupt_version_file(step.content);
            break;
        case Verb::remove_server:
            world.members.remove(world, server);
            break;
        case Verb::add_server:
            world.members.add(world, server);
            break;
        case Verb::crash_after_append:
            process.crash_after_next_append(step.restart.value_or(std::chrono::seconds{1}));
            break;
        default:
            break;
    }
}

void Faults::perform_on_nodes(World& world, const Step& step,
                              const std::vector<std::uint32_t>& nodes) {
    for (const std::uint32_t node : nodes) {
        switch (step.verb) {
            case Verb::lose:
            case Verb::crash:
                lose_node(world, node, step.restart ? step.restart : step.lasting);
                break;
            case Verb::drain:
                world.drains.wish(world, node, wish_of(step));
                break;
            case Verb::undrain:
                world.drains.wish(world, node, {});
                break;
            case Verb::kill:
            case Verb::stop:
            case Verb::restart:
                kill_agent(world, node, step.restart.value_or(std::chrono::seconds{1}));
                break;
            default:
                break;
        }
    }
}

void Faults::perform_partition(World& world, const Step& step) {
    if (!step.from.empty()) {
        cut(world, select_endpoints(world, step.from), select_endpoints(world, step.to), true,
            step.lasting);
        return;
    }
    const std::set<Endpoint> inside = select_endpoints(world, step.targets);
    std::set<Endpoint> outside;
    for (Endpoint endpoint = 0; endpoint < world.servers.size() + world.nodes.size(); ++endpoint) {
        if (!inside.contains(endpoint)) outside.insert(endpoint);
    }
    cut(world, inside, outside, false, step.lasting);
}

void Faults::perform_disturbance(World& world, const Step& step) {
    const Chance loss = step.verb == Verb::loss ? step.chance : Chance{};
    const Duration extra = step.distribution ? step.distribution->high : Duration{};
    world.network.disturb(loss, {}, {}, extra);
    if (step.lasting) {
        world.after(*step.lasting, [](World& later) { later.network.disturb({}, {}, {}, {}); });
    }
}

// ---- deeds

void Faults::crash(World& world, std::uint32_t server, Persist persist,
                   std::optional<Duration> restart_after) {
    if (frozen_.contains(server)) return;
    world.servers[server].crash(world, persist);
    if (restart_after) restart_server(world, server, *restart_after);
}

// As an agent stops that is told to: a leader sees to it first that there is another one.
void Faults::stop(World& world, std::uint32_t server, std::optional<Duration> restart_after) {
    world.requests.ask(world, std::nullopt, server, step_aside_request(), stop_patience,
                       [server, restart_after](World& later, const Answer& answer) {
                           if (later.faults.over_) return;
                           if (answer.response && !answer.response->has_failure())
                               later.marks.add("server.stopped.in_order");
                           later.faults.crash(later, server, Persist::all, restart_after);
                       });
}

// What became of it is a mark: the name, or the name and ".refused".
void Faults::ask_about_level(World& world, std::uint32_t server, server::RequestPtr request,
                             std::string mark) {
    world.requests.ask(world, std::nullopt, server, std::move(request), operator_patience,
                       [mark = std::move(mark)](World& later, const Answer& answer) {
                           if (!answer.response) return;
                           const bool refused = answer.response->has_failure();
                           later.marks.add(refused ? mark + ".refused" : mark);
                       });
}

void Faults::restart_server(World& world, std::uint32_t server, Duration delay) {
    world.after(delay, [server](World& later) {
        if (!later.faults.frozen(server)) later.servers[server].start(later);
    });
}

void Faults::lose_node(World& world, std::uint32_t node, std::optional<Duration> back_after) {
    world.nodes[node].lose(world);
    if (!back_after) return;
    world.after(*back_after, [node](World& later) { later.nodes[node].start(later); });
}

void Faults::kill_agent(World& world, std::uint32_t node, Duration back_after) {
    world.nodes[node].kill_agent(world);
    world.after(back_after, [node](World& later) {
        if (!later.nodes[node].lost()) later.nodes[node].start(later);
    });
}

void Faults::cut(World& world, std::set<Endpoint> from, std::set<Endpoint> to, bool one_way,
                 std::optional<Duration> lasting) {
    if (from.empty() || to.empty()) return;
    world.marks.add(one_way ? "network.cut.one_way" : "network.cut");
    world.trace.event(world.now(), "network.cut", *from.begin() + 1, from.size(), to.size());
    const Network::CutId id = world.network.add_cut(std::move(from), std::move(to), one_way);
    if (lasting) world.after(*lasting, [id](World& later) { later.network.remove_cut(id); });
}

void Faults::heal(World& world) {
    over_ = true;
    world.network.heal();
    for (auto& server : world.servers) {
        if (!frozen_.contains(server.number()) && !server.runs()) server.start(world);
    }
}

void Faults::freeze(World& world, std::uint32_t server) {
    world.servers[server].crash(world, Persist::any);
    frozen_.insert(server);
}

std::vector<std::string> Faults::never_done() const {
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < progress_.size(); ++i) {
        if (progress_[i].done == 0) ids.push_back(scenario_->timeline[i].id);
    }
    return ids;
}

// ---- selectors

std::set<std::uint32_t> Faults::select_servers(World& world, const Selector& selector) {
    using Kind = Selector::Kind;
    std::vector<std::uint32_t> running, all, followers;
    const ServerProcess* const leader = world.leader();
    for (const auto& server : world.servers) {
        all.push_back(server.number());
        if (!server.runs()) continue;
        running.push_back(server.number());
        if (&server != leader) followers.push_back(server.number());
    }
    const std::size_t majority = all.size() / 2 + 1;
    const auto first = [](const std::vector<std::uint32_t>& list, std::size_t count) {
        return std::set<std::uint32_t>{
            list.begin(), list.begin() + static_cast<std::ptrdiff_t>(std::min(count, list.size()))};
    };
    switch (selector.kind) {
        case Kind::leader:
            return leader == nullptr ? std::set<std::uint32_t>{} : std::set{leader->number()};
        case Kind::follower:
            if (leader == nullptr || followers.size() < selector.number) return {};
            return {followers[selector.number - 1]};
        case Kind::server:
            return selector.number <= all.size() ? std::set{selector.number - 1}
                                                 : std::set<std::uint32_t>{};
        case Kind::servers:
            return first(all, all.size());
        // The minority holds the leader: that is the interesting half.
        case Kind::minority: {
            auto chosen = first(followers, all.size() - majority - (leader == nullptr ? 0 : 1));
            if (leader != nullptr && all.size() > 2) chosen.insert(leader->number());
            return chosen;
        }
        case Kind::majority:
            return first(followers, majority);
        case Kind::random_server: {
            std::set<std::uint32_t> chosen;
            while (!running.empty() &&
                   chosen.size() <
                       std::min<std::size_t>(std::max(1U, selector.number), running.size())) {
                chosen.insert(running[prng_.below(running.size())]);
            }
            return chosen;
        }
        default:
            return {};
    }
}

std::set<std::uint32_t> Faults::select_nodes(World& world, const Selector& selector) {
    using Kind = Selector::Kind;
    std::set<std::uint32_t> chosen;
    if (selector.kind == Kind::node && selector.number <= world.nodes.size())
        chosen.insert(selector.number - 1);
    if (selector.kind == Kind::random_node && !world.nodes.empty()) {
        chosen.insert(static_cast<std::uint32_t>(prng_.below(world.nodes.size())));
    }
    if (selector.kind == Kind::nodes) {
        for (std::uint32_t node = 0; node < world.nodes.size(); ++node) {
            if (!selector.pool.empty() && world.nodes[node].pool() != selector.pool) continue;
            if (selector.number != 0 && chosen.size() == selector.number) break;
            chosen.insert(node);
        }
    }
    if (selector.kind != Kind::holder) return chosen;
    const ServerProcess* const server = world.most_advanced();
    if (server == nullptr) return chosen;
    const std::string name = selector.job + ".group[" + std::to_string(selector.number) + "]";
    for (const auto& row : server->engine().view().allocations_of({"default", selector.job})) {
        if (row->terminal() || row->body.name() != name) continue;
        for (std::uint32_t node = 0; node < world.nodes.size(); ++node) {
            if (world.nodes[node].id() == row->node_id) chosen.insert(node);
        }
    }
    return chosen;
}

std::set<Endpoint> Faults::select_endpoints(World& world, const std::vector<Selector>& selectors) {
    std::set<Endpoint> chosen;
    for (const auto& selector : selectors) {
        for (const std::uint32_t server : select_servers(world, selector)) chosen.insert(server);
        for (const std::uint32_t node : select_nodes(world, selector))
            chosen.insert(world.endpoint_of_node(node));
    }
    return chosen;
}

}  // namespace drover::sim
