#include "engine/scheduler/reconcile_nodes.hpp"

#include <set>
#include <utility>

#include "engine/scheduler/changes.hpp"
#include "engine/scheduler/fit.hpp"
#include "engine/scheduler/names.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"

namespace drover::scheduler {
namespace {

using state::ClientStatus;

constexpr const char* not_needed = "alloc not needed due to job update";
constexpr const char* tainted_node = "alloc not needed as node is tainted";
constexpr const char* lost_node = "alloc is lost since its node is down";

class NodeRun {
public:
    explicit NodeRun(const NodeInputs& inputs) : inputs_{inputs} {}
    NodeReconciliation run();

private:
    using Slot = std::pair<Uuid, std::string>;  // node and name

    void require_names();
    void look_at(const state::AllocationPtr& row);
    void look_at_tainted(const state::AllocationPtr& row, const schema::Node* node);
    void look_at_version(const state::AllocationPtr& row);
    void place_missing(const Uuid& node);
    [[nodiscard]] bool is_done(const state::AllocationRow& ended) const;
    void stop(const state::AllocationPtr& row, const char* why, const char* client_status = "");
    void ignore(const state::AllocationRow& row);
    [[nodiscard]] schema::DesiredUpdates& desired_of(const state::AllocationRow& row) {
        return result_.desired[std::string{row.body.task_group()}];
    }

    const NodeInputs& inputs_;
    NodeReconciliation result_;
    std::map<std::string, std::string, std::less<>> required_;  // name -> group
    std::set<Slot> held_;
    std::map<Slot, state::AllocationPtr> ended_;  // the newest of each
};

NodeReconciliation NodeRun::run() {
    require_names();
    // In the order of their ids, so that the newest one of a slot is the last.
    std::map<Uuid, state::AllocationPtr> rows;
    for (const auto& row : inputs_.allocations) rows.emplace(row->id, row);
    for (const auto& [id, row] : rows) {
        if (row->terminal()) {
            ended_[{row->node_id, std::string{row->body.name()}}] = row;
        } else {
            look_at(row);
        }
    }
    for (const auto& [id, node] : inputs_.nodes) place_missing(id);
    for (auto& [group, desired] : result_.desired) desired.set_group(group);
    return std::move(result_);
}

void NodeRun::require_names() {
    if (inputs_.job == nullptr || inputs_.job->stop()) return;
    for (const auto& group : inputs_.job->task_groups()) {
        result_.desired[group.name()];
        const std::int32_t count = group.has_count() ? group.count() : 1;
        for (std::int32_t i = 0; i < count; ++i) {
            required_.emplace(
                allocation_name(inputs_.job->name(), group.name(), static_cast<std::uint64_t>(i)),
                group.name());
        }
    }
}

void NodeRun::stop(const state::AllocationPtr& row, const char* why, const char* client_status) {
    result_.stops.push_back({row, why, client_status, {}});
    auto& desired = desired_of(*row);
    desired.set_stop(desired.stop() + 1);
}

void NodeRun::ignore(const state::AllocationRow& row) {
    auto& desired = desired_of(row);
    desired.set_ignore(desired.ignore() + 1);
}

// The first rule that applies decides.
void NodeRun::look_at(const state::AllocationPtr& row) {
    const auto taint = inputs_.tainted.find(row->node_id);
    const bool is_tainted = taint != inputs_.tainted.end();
    const schema::Node* const node = is_tainted ? taint->second.get() : nullptr;
    const bool gone = is_tainted && (node == nullptr || node->status() == "down");
    if (!required_.contains(row->body.name())) {
        return stop(row, not_needed, gone ? "lost" : "");
    }
    const Slot slot{row->node_id, std::string{row->body.name()}};
    if (should_migrate(*row)) {
        // Asked to go by an operator or by the drain of its node: to a node that is still in use a
        // system job comes back.
        if (inputs_.to_completion) held_.insert(slot);
        return stop(row, tainted_node, gone ? "lost" : "");
    }
    if (is_expired(*row, inputs_.now)) return stop(row, lost_node, "lost");
    held_.insert(slot);
    if (row->client_status == ClientStatus::unknown) return ignore(*row);
    if (is_tainted && (node == nullptr || node->status() != "ready")) {
        return look_at_tainted(row, node);
    }
    if (needs_to_reconnect(*row)) {
        result_.notes[row->id] = {row, std::string{row->body.client_status()}, {}, {}};
        auto& desired = desired_of(*row);
        desired.set_reconnect(desired.reconnect() + 1);
    }
    look_at_version(row);
}

void NodeRun::look_at_tainted(const state::AllocationPtr& row, const schema::Node* node) {
    if (inputs_.to_completion && ran_successfully(*row)) return ignore(*row);
    if (node == nullptr || node->status() == "down") return stop(row, lost_node, "lost");
    if (node->status() != "disconnected" || row->client_status != ClientStatus::running) {
        return ignore(*row);
    }
    result_.notes[row->id] = {
        row, "unknown", "alloc is unknown since its node is disconnected", {}};
    auto& desired = desired_of(*row);
    desired.set_disconnect(desired.disconnect() + 1);
}

void NodeRun::look_at_version(const state::AllocationPtr& row) {
    const bool changed =
        row->job == nullptr || row->job->job_modify_index() != inputs_.job->job_modify_index();
    if (!changed) return ignore(*row);
    const auto host = inputs_.hosts.find(row->node_id);
    const bool in_use = host != inputs_.hosts.end() && host->second != nullptr &&
                        ready_for_placement(*host->second);
    if (!in_use) return stop(row, tainted_node);
    if (!inputs_.nodes.contains(row->node_id)) return stop(row, not_needed);
    result_.outdated.push_back(row);
}

// Work that ended on a node is not done again there, unless a new version is different work or the
// servers had stopped it before its end.
bool NodeRun::is_done(const state::AllocationRow& ended) const {
    if (!inputs_.to_completion) return false;
    if (ended.job == nullptr) return false;
    if (ended.job->job_modify_index() == inputs_.job->job_modify_index()) return true;
    const bool cut_short = ended.server_terminal() && !ran_successfully(ended);
    return !cut_short &&
           !needs_replacement(*ended.job, *inputs_.job, std::string{ended.body.task_group()});
}

void NodeRun::place_missing(const Uuid& node) {
    for (const auto& [name, group] : required_) {
        if (held_.contains({node, name})) continue;
        const auto ended = ended_.find({node, name});
        const bool known = ended != ended_.end();
        if (known && is_done(*ended->second)) {
            ignore(*ended->second);
            continue;
        }
        result_.place.push_back({node, group, name, known ? ended->second : nullptr});
        auto& desired = result_.desired[group];
        desired.set_place(desired.place() + 1);
    }
}

}  // namespace

NodeReconciliation reconcile_nodes(const NodeInputs& inputs) { return NodeRun{inputs}.run(); }

}  // namespace drover::scheduler
