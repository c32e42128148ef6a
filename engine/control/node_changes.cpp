// See node_changes.hpp.
#include "engine/control/node_changes.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"

namespace drover::control {
namespace {

bool concerns_its_job(const state::AllocationRow& row) {
    if (row.job->type() == "batch") return !row.client_terminal();
    if (row.job->type() == "service") return !(row.server_terminal() && row.client_terminal());
    // System jobs are found by themselves, but not those that are stopped and have yet to leave.
    return !row.client_terminal();
}

// Datacenters are patterns in which * stands for any characters.
bool matches_pattern(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool could_run_on(const schema::Job& job, const schema::Node& node) {
    const bool in_pool = job.node_pool() == "all" || job.node_pool() == node.node_pool();
    return in_pool && std::any_of(job.datacenters().begin(), job.datacenters().end(),
                                  [&](const std::string& pattern) {
                                      return matches_pattern(pattern, node.datacenter());
                                  });
}

bool is_system(const schema::Job& job) {
    return job.type() == "system" || job.type() == "sysbatch";
}

const schema::TaskGroup* group_of(const state::AllocationRow& row) {
    for (const auto& group : row.job->task_groups()) {
        if (group.name() == row.body.task_group()) return &group;
    }
    return nullptr;
}

// 0: as soon as its node is gone, so is the allocation.
Duration awaited_for(const schema::TaskGroup& group) {
    if (group.has_disconnect() && group.disconnect().lost_after() > 0) {
        return Duration{group.disconnect().lost_after()};
    }
    return Duration{group.max_client_disconnect()};
}

// When the allocation was last seen to lose its client; none while it has not.
std::optional<WallTime> unknown_since(const state::AllocationRow& row) {
    std::optional<WallTime> since;
    for (const auto& change : row.body.alloc_states()) {
        if (change.field() == 0 && change.value() == "unknown") since = WallTime{change.time()};
    }
    return since;
}

bool may_be_awaited(const state::AllocationRow& row, WallTime wall) {
    if (row.terminal()) return false;
    const schema::TaskGroup* group = group_of(row);
    if (group == nullptr || awaited_for(*group) <= Duration::zero()) return false;
    if (row.client_status != state::ClientStatus::unknown) return true;
    const auto since = unknown_since(row);
    return !since || *since + awaited_for(*group) > wall;
}

}  // namespace

std::vector<schema::Evaluation> node_evaluations(const state::StateView& view,
                                                 const schema::Node& node, const Mint& mint) {
    std::map<state::JobKey, state::JobPtr> jobs;
    for (const state::AllocationPtr& row : view.allocations_on(state::to_uuid(node.id()))) {
        if (!concerns_its_job(*row)) continue;
        const state::JobKey key = state::key_of(*row->job);
        // The registered job decides priority and type; a purged one is only known from its rows.
        const state::JobPtr registered = view.job(key);
        jobs.try_emplace(key, registered ? registered : row->job);
    }
    for (const state::JobPtr& job : view.jobs()) {
        if (is_system(*job) && !job->stop() && could_run_on(*job, node)) {
            jobs.try_emplace(state::key_of(*job), job);
        }
    }
    std::vector<schema::Evaluation> evaluations;
    for (const auto& [key, job] : jobs) {
        schema::Evaluation evaluation = new_evaluation(mint, *job, "node-update");
        evaluation.set_node_id(node.id());
        evaluation.set_node_modify_index(node.modify_index());
        evaluations.push_back(std::move(evaluation));
    }
    return evaluations;
}

bool status_change_matters(const std::string& from, const std::string& to) {
    if (to == "down") return from != "down";
    if (to == "ready") return from != "ready";
    return (from == "disconnected") != (to == "disconnected");
}

std::string status_after_missed_heartbeat(const state::StateView& view, const schema::Node& node,
                                          WallTime wall) {
    for (const state::AllocationPtr& row : view.allocations_on(state::to_uuid(node.id()))) {
        if (may_be_awaited(*row, wall)) return "disconnected";
    }
    return "down";
}

std::string granted_status(const state::StateView& view, const schema::Node& node,
                           const std::string& asked) {
    if (asked != "ready" || node.status() == "ready") return asked;
    if (node.status() == "disconnected") return "initializing";
    // Until the client has told how its allocations stand, placing more on it would be guesswork.
    if (node.last_alloc_update_index() > node.last_missed_heartbeat_index()) return asked;
    for (const state::AllocationPtr& row : view.allocations_on(state::to_uuid(node.id()))) {
        if (!row->terminal()) return "initializing";
    }
    return asked;
}

void add_node_event(schema::NodeEvent& event, const char* subsystem, std::string message,
                    WallTime wall) {
    event.set_message(std::move(message));
    event.set_subsystem(subsystem);
    event.set_timestamp(wall.value());
}

}  // namespace drover::control
