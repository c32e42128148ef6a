#include "sim/convergence.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/state/children.hpp"
#include "engine/state/view.hpp"
#include "sim/world.hpp"

namespace drover::sim {
namespace {

std::string servers_agree(const World& world, const ServerProcess& leader) {
    const state::StateView& view = leader.engine().view();
    for (const auto& server : world.servers) {
        if (world.faults.frozen(server.number())) continue;
        const std::string name = "server " + std::to_string(server.number() + 1);
        if (leader.engine().raft().conf().votes(server.raft_id()) ==
            world.members.out(server.number())) {
            return name + (world.members.out(server.number()) ? " votes still" : " has no vote");
        }
        if (world.members.out(server.number())) continue;
        if (!server.runs()) return name + " does not run";
        const std::uint64_t applied = server.engine().view().applied_index();
        if (applied != view.applied_index()) {
            return name + " applied " + std::to_string(applied) + ", the leader " +
                   std::to_string(view.applied_index());
        }
    }
    return {};
}

std::string nodes_ready(const World& world, const state::StateView& view) {
    for (const auto& node : world.nodes) {
        if (node.lost()) continue;
        const auto row = view.node(node.id());
        if (!row || row->status() != "ready") {
            return "node " + node.id().text() + " is " + (row ? row->status() : "unknown");
        }
    }
    return {};
}

std::string evaluations_done(const state::StateView& view) {
    for (const auto& evaluation : view.evaluations()) {
        if (evaluation->status() == "pending" && evaluation->wait_until() == 0) {
            return "evaluation " + state::to_uuid(evaluation->id()).text() + " of " +
                   evaluation->job_id() + " is still pending";
        }
    }
    return {};
}

// How the agent of its node sees an allocation that the servers do not see running.
std::string tell_agent(const World& world, const state::AllocationRow& row) {
    if (row.client_status == state::ClientStatus::running) return {};
    for (const auto& node : world.nodes) {
        if (node.id() != row.node_id) continue;
        if (!node.agent_runs()) return "; its agent does not run";
        for (const auto& one : node.engine().allocations()) {
            if (one.id == row.id)
                return "; its agent says " + one.client_status + " " + one.client_description;
        }
        return "; its agent does not know it";
    }
    return {};
}

// Those that do not run first; more of them tell no more, and this is asked again and again while a
// world settles.
std::vector<state::AllocationPtr> worth_telling(const state::StateView& view,
                                                const std::string& job) {
    constexpr std::size_t most = 10;
    std::vector<state::AllocationPtr> rows;
    for (const auto& row : view.allocations_of({"default", job})) {
        if (!row->terminal() || row->body.next_allocation().empty()) rows.push_back(row);
    }
    std::stable_partition(rows.begin(), rows.end(), [](const auto& row) {
        return row->client_status != state::ClientStatus::running;
    });
    if (rows.size() > most) rows.resize(most);
    return rows;
}

// What is known of a job that does not come to rest: the newest facts first are what one needs.
std::string tell_job(const World& world, const state::StateView& view, const std::string& job) {
    std::string text;
    for (const auto& row : worth_telling(view, job)) {
        const auto& body = row->body;
        text += "\n    " + std::string{body.name()} + " version " +
                std::to_string(body.job_version()) + ": wanted " +
                std::string{body.desired_status()} + ", is " + std::string{body.client_status()};
        text += tell_agent(world, *row);
    }
    for (const auto& evaluation : view.evaluations_of({"default", job})) {
        if (evaluation->status() == "complete" || evaluation->status() == "canceled") continue;
        text += "\n    evaluation (" + evaluation->triggered_by() + ") " + evaluation->status() +
                " " + evaluation->status_description();
    }
    if (const auto deployment = view.latest_deployment({"default", job})) {
        text +=
            "\n    deployment " + deployment->status() + ": " + deployment->status_description();
    }
    return text;
}

// What one node owes a system job: one running allocation, of this version; a sysbatch job:
// one that ended well or still runs.
std::string node_serves(const state::StateView& view, const JobLoad& load, const schema::Node& node,
                        std::optional<std::uint64_t> version) {
    std::uint32_t running = 0, complete = 0;
    for (const auto& row : view.allocations_on(state::to_uuid(node.id()))) {
        if (row->body.job_id() != load.id) continue;
        if (row->client_status == state::ClientStatus::complete) ++complete;
        const bool current =
            load.type == "sysbatch" || !version || row->body.job_version() == *version;
        const bool runs = row->client_status == state::ClientStatus::running;
        if (!row->terminal() && runs && current) ++running;
    }
    const bool served = load.type == "system" ? running == 1 : running == 1 || complete > 0;
    if (served) return {};
    return "job " + load.id + " runs " + std::to_string(running) + " times on node " +
           state::to_uuid(node.id()).text() + ", where it completed " + std::to_string(complete);
}

std::string served_everywhere(const World& world, const state::StateView& view,
                              const JobLoad& load) {
    const auto job = view.job({"default", load.id});
    if (!job || job->stop()) return {};
    // A rollout that failed leaves the version before wherever it had not come to.
    const auto deployment = view.latest_deployment({"default", load.id});
    std::optional<std::uint64_t> version = job->version();
    if (deployment && deployment->status() == "failed") version.reset();
    for (const auto& node : view.nodes()) {
        const bool in_reach = node->node_pool() == load.pool &&
                              (load.node_kind.empty() || node->node_class() == load.node_kind);
        const bool in_use = node->status() == "ready" && !node->has_drain_strategy() &&
                            node->scheduling_eligibility() == "eligible";
        if (!in_reach || !in_use) continue;
        auto reason = node_serves(view, load, *node, version);
        if (!reason.empty()) return reason + tell_job(world, view, load.id);
    }
    return {};
}

// Of a periodic job there may always be one that has just begun, but none that nobody looks after.
std::string children_served(const World& world, const state::StateView& view, const JobLoad& load) {
    for (const auto& child : state::children_of(view.tables(), {"default", load.id})) {
        if (child->status() == "pending" && load.cron.empty()) {
            return "job " + child->id() + " is pending" + tell_job(world, view, child->id());
        }
    }
    return {};
}

std::string job_settled(const World& world, const state::StateView& view, const JobLoad& load) {
    const auto wanted = world.workload.wanted(load.id);
    if (!wanted) return {};
    if (load.is_parent()) return children_served(world, view, load);
    if (load.on_every_node()) return served_everywhere(world, view, load);
    std::uint32_t running = 0, complete = 0, outdated = 0;
    const auto job = view.job({"default", load.id});
    for (const auto& row : view.allocations_of({"default", load.id})) {
        if (row->client_status == state::ClientStatus::complete) ++complete;
        if (row->terminal() || row->client_status != state::ClientStatus::running) continue;
        ++running;
        if (job && row->body.job_version() != job->version()) ++outdated;
    }
    if (load.type == "service" && running != *wanted) {
        return "job " + load.id + " runs " + std::to_string(running) + " of " +
               std::to_string(*wanted) + tell_job(world, view, load.id);
    }
    const auto deployment = view.latest_deployment({"default", load.id});
    const bool given_up = deployment && deployment->status() == "failed";
    if (load.type == "service" && outdated > 0 && !given_up) {
        return "job " + load.id + " still runs " + std::to_string(outdated) +
               " allocations of older versions" + tell_job(world, view, load.id);
    }
    if (load.type == "batch" && load.exit_code == 0 && complete + running < *wanted) {
        return "job " + load.id + " completed " + std::to_string(complete) + " of " +
               std::to_string(*wanted);
    }
    return {};
}

std::string no_orphans(const World& world, const state::StateView& view) {
    for (const auto& node : world.nodes) {
        for (const auto& task : node.running_tasks()) {
            const auto row = view.allocation(task.key.allocation);
            if (!row || row->server_terminal()) {
                return "task " + task.key.task + " of allocation " + task.key.allocation.text() +
                       " runs, but nobody wants it";
            }
        }
    }
    return {};
}

}  // namespace

std::string not_converged(const World& world) {
    const ServerProcess* const leader = world.leader();
    if (leader == nullptr) return "there is no leader";
    const state::StateView& view = leader->engine().view();
    if (auto reason = servers_agree(world, *leader); !reason.empty()) return reason;
    if (!world.members.settled()) return "a change of members is not acknowledged yet";
    if (!world.drains.settled()) return "a change of a drain is not acknowledged yet";
    if (!world.rollouts.settled()) return "what an operator asked for is not decided yet";
    if (!world.workload.settled()) return "a job's registration is not acknowledged yet";
    if (auto reason = nodes_ready(world, view); !reason.empty()) return reason;
    if (auto reason = evaluations_done(view); !reason.empty()) return reason;
    for (const auto& load : world.scenario.jobs) {
        if (auto reason = job_settled(world, view, load); !reason.empty()) return reason;
    }
    return world.scenario.checks.orphans ? no_orphans(world, view) : std::string{};
}

}  // namespace drover::sim
