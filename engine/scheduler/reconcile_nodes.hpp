// Reconciliation of system and sysbatch jobs: the same job on every node, looked at node by node.
// It decides what stays, stops and is missing; whether a node can take what is missing is decided
// afterwards.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/scheduler/reconcile.hpp"

namespace drover::scheduler {

struct NodeInputs {
    state::JobPtr job;           // null: purged, which counts as stopped
    bool to_completion = false;  // sysbatch: what has ended on a node is done there
    std::vector<state::AllocationPtr> allocations;
    std::map<Uuid, state::NodePtr> nodes;  // ready for placement, and in the job's reach
    std::map<Uuid, state::NodePtr> hosts;  // of the allocations; null: gone
    TaintedNodes tainted;
    WallTime now;
};

struct NodePlacement {
    Uuid node;
    std::string group;
    std::string name;
    state::AllocationPtr previous;  // the newest one of that name that ended there; may be null
};

struct NodeReconciliation {
    std::vector<Stop> stops;
    std::vector<NodePlacement> place;
    std::vector<state::AllocationPtr> outdated;  // live, of another version: told, or replaced
    std::map<Uuid, Note> notes;
    std::map<std::string, schema::DesiredUpdates> desired;
};

[[nodiscard]] NodeReconciliation reconcile_nodes(const NodeInputs& inputs);

}  // namespace drover::scheduler
