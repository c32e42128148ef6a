// Reconciliation: what is wanted against what is there, as named buckets. It knows allocations and
// deployments, and nothing of nodes beyond their state: where things go is decided afterwards.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/prng.hpp"
#include "engine/scheduler/classify.hpp"
#include "engine/scheduler/deployment.hpp"
#include "engine/schema/evaluation.pb.h"

namespace drover::scheduler {

enum class Update : std::uint8_t {
    none,         // already of this version, or ended
    in_place,     // it can be told
    destructive,  // a new one has to take its place
};

struct ReconcileInputs {
    state::JobPtr job;  // null: purged, which counts as stopped
    state::JobKey key;
    bool batch = false;
    std::vector<state::AllocationPtr> allocations;  // of every version and incarnation
    TaintedNodes tainted;
    state::DeploymentPtr deployment;  // the latest one; null for batch
    std::map<Uuid, Update> updates;   // of allocations of other versions; absent: none
    Uuid evaluation_id;
    std::int32_t priority{};
    WallTime now;
};

struct Stop {
    state::AllocationPtr allocation;
    std::string description;
    std::string client_status;  // empty: as its client reported
    std::string follow_up;      // raw id of an evaluation; empty: none
};

struct Placement {
    std::string group;
    std::string name;
    state::AllocationPtr previous;  // null: nothing is replaced
    bool canary = false;
    bool reschedule = false;   // the previous one failed: its tracker goes on
    bool destructive = false;  // the previous one is stopped where this one finds a place
    // Placed for the version before, as long as the canaries of this one are not promoted.
    bool downgrade = false;
    std::uint64_t min_job_version = 0;
};

// An allocation that stays, of which the servers note something.
struct Note {
    state::AllocationPtr allocation;
    std::string client_status;  // appended to its record of states; empty: nothing
    std::string description;    // of the client status
    std::string follow_up;
};

struct Reconciliation {
    std::vector<Stop> stops;
    std::vector<Placement> destructive;
    std::vector<Placement> place;
    std::vector<state::AllocationPtr> in_place;
    std::map<Uuid, Note> notes;
    std::optional<schema::Deployment> current;  // what placements belong to; new if `create` is set
    bool create = false;
    std::vector<schema::DeploymentStatusUpdate> deployment_updates;
    std::map<std::string, schema::DesiredUpdates> desired;
    std::vector<schema::Evaluation> follow_ups;
};

[[nodiscard]] Reconciliation reconcile(const ReconcileInputs& inputs, Prng& prng);

}  // namespace drover::scheduler
