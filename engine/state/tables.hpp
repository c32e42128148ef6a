// All tables of the state as one copyable value: the replicated ones, and the derived indexes that
// are kept beside them, forked with them, and left out of digest and snapshot because they can be
// rebuilt. Only TableWriter writes here, so that rows, indexes and digest cannot part.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/state/cow_tree.hpp"
#include "engine/state/node_work.hpp"
#include "engine/state/types.hpp"

namespace drover::state {

// A row beside its hash: the row that takes its place takes the hash out of the digest, and to work
// it out a second time costs as much as all else that a write does. None where hashing was put off:
// the digest does not count the row yet. Reads as the pointer.
template <class Message>
struct HashedRow {
    using Pointer = std::shared_ptr<const Message>;
    Pointer row;
    std::optional<Digest> hash;

    operator const Pointer&() const { return row; }
    const Message& operator*() const { return *row; }
    const Message* operator->() const { return row.get(); }
};

struct AllocationJob {
    JobPtr job;
    Digest hash;
    std::uint64_t allocations{};  // how many stored allocations refer to it
};

// An id below the thing it belongs to.
template <class Owner>
struct OwnedKey {
    Owner owner;
    Uuid id;
    friend auto operator<=>(const OwnedKey&, const OwnedKey&) = default;
};

// A job that has allocations. The number stands for its key where there is an entry for each of
// them; which one it has tells nothing.
struct JobInUse {
    std::uint64_t number{};
    std::uint64_t stored{};
    std::uint64_t live{};  // of these, not terminal
};

// What a scheduler asks of every node, side by side: it walks over these, and opens the message of
// those nodes only that stand for their class.
struct NodeFacts {
    NodePtr node;
    Capacity capacity;
    std::uint64_t class_key{};  // a hash of the computed class; 0: nobody classified the node
    bool ready = false;         // for placements
};

using NodeTable = CowTree<Uuid, HashedRow<schema::Node>>;
using JobTable = CowTree<JobKey, HashedRow<schema::Job>>;
using JobVersionTable = CowTree<JobVersionKey, HashedRow<schema::Job>>;
using JobSummaryTable = CowTree<JobKey, HashedRow<schema::JobSummary>>;
using EvaluationTable = CowTree<Uuid, HashedRow<schema::Evaluation>>;
// Packed rows are hashed in no time: they have no hash beside them.
using AllocationTable = CowTree<Uuid, AllocationPtr>;
using AllocationJobTable = CowTree<AllocationJobKey, AllocationJob>;
using DeploymentTable = CowTree<Uuid, HashedRow<schema::Deployment>>;
using PeriodicLaunchTable = CowTree<JobKey, HashedRow<schema::PeriodicLaunch>>;
using ServerTable = CowTree<std::uint64_t, HashedRow<schema::ServerInfo>>;

using AllocationsByOwner = CowTree<OwnedKey<Uuid>, Present>;
using AllocationsByJob = CowTree<OwnedKey<std::uint64_t>, Present>;
using JobsInUse = CowTree<JobKey, JobInUse>;
using EvaluationsByJob = CowTree<OwnedKey<JobKey>, EvaluationPtr>;
using DeploymentsByJob = CowTree<OwnedKey<JobKey>, DeploymentPtr>;
using UsageByNode = CowTree<Uuid, Usage>;
using FactsByNode = CowTree<Uuid, NodeFacts>;
using WorkByNode = CowTree<Uuid, std::shared_ptr<const NodeWork>>;

struct Derived {
    JobsInUse jobs_in_use;
    std::uint64_t job_numbers = 0;  // how many were given out
    AllocationsByJob allocations_by_job;
    AllocationsByOwner allocations_by_evaluation;
    AllocationsByOwner allocations_by_deployment;
    EvaluationsByJob evaluations_by_job;
    DeploymentsByJob deployments_by_job;
    UsageByNode usage_by_node;  // sums over allocations that are not terminal; no row: nothing
    WorkByNode work_by_node;
    FactsByNode node_facts;
};

struct Tables {
    std::uint64_t applied_index = 0;
    std::uint32_t feature_level = 0;  // 0: the log never named one
    std::uint64_t rehearsals = 0;
    SchedulerConfigurationPtr scheduler_configuration;    // null: never set
    std::array<std::uint64_t, table_count> last_index{};  // the last entry that changed the table
    std::array<Digest, table_count> digests{};

    NodeTable nodes;
    JobTable jobs;
    JobVersionTable job_versions;
    JobSummaryTable job_summaries;
    EvaluationTable evaluations;
    AllocationTable allocations;
    AllocationJobTable allocation_jobs;
    DeploymentTable deployments;
    ServerTable servers;
    PeriodicLaunchTable periodic_launches;

    Derived derived;

    // Marks every tree as never to be changed again; copies may be.
    void freeze();
};

}  // namespace drover::state
