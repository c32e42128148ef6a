// All tables of the state as one copyable value: the replicated ones, and the derived indexes that
// are kept beside them, forked with them, and left out of digest and snapshot because they can be
// rebuilt. Only TableWriter writes here, so that rows, indexes and digest cannot part.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "engine/state/cow_tree.hpp"
#include "engine/state/types.hpp"

namespace drover::state {

struct AllocationJob {
    JobPtr job;
    std::uint64_t allocations{};  // how many stored allocations refer to it
};

// An id below the thing it belongs to.
template <class Owner>
struct OwnedKey {
    Owner owner;
    Uuid id;
    friend auto operator<=>(const OwnedKey&, const OwnedKey&) = default;
};

// An id in the order of its text form: people look things up by the first characters they see.
struct TextId {
    std::string text;
    friend auto operator<=>(const TextId&, const TextId&) = default;
};

struct Present {};  // the row of an index that is only a set

using NodeTable = CowTree<Uuid, NodePtr>;
using JobTable = CowTree<JobKey, JobPtr>;
using JobVersionTable = CowTree<JobVersionKey, JobPtr>;
using JobSummaryTable = CowTree<JobKey, JobSummaryPtr>;
using EvaluationTable = CowTree<Uuid, EvaluationPtr>;
using AllocationTable = CowTree<Uuid, AllocationPtr>;
using AllocationJobTable = CowTree<AllocationJobKey, AllocationJob>;
using DeploymentTable = CowTree<Uuid, DeploymentPtr>;
using ServerTable = CowTree<std::uint64_t, ServerPtr>;

using AllocationsByNode = CowTree<OwnedKey<Uuid>, AllocationPtr>;
using AllocationsByJob = CowTree<OwnedKey<JobKey>, AllocationPtr>;
using AllocationsByOwner = CowTree<OwnedKey<Uuid>, Present>;
using EvaluationsByJob = CowTree<OwnedKey<JobKey>, EvaluationPtr>;
using DeploymentsByJob = CowTree<OwnedKey<JobKey>, DeploymentPtr>;
using UsageByNode = CowTree<Uuid, Usage>;
using LiveByJob = CowTree<JobKey, std::uint64_t>;
using IdsByText = CowTree<TextId, Uuid>;

struct Derived {
    AllocationsByNode allocations_by_node;
    AllocationsByJob allocations_by_job;
    AllocationsByOwner allocations_by_evaluation;
    AllocationsByOwner allocations_by_deployment;
    EvaluationsByJob evaluations_by_job;
    DeploymentsByJob deployments_by_job;
    UsageByNode usage_by_node;  // sums over allocations that are not terminal; no row: nothing
    LiveByJob live_by_job;  // allocations that are not terminal; no row: none
    IdsByText node_text;
    IdsByText evaluation_text;
    IdsByText allocation_text;
    IdsByText deployment_text;
};

struct Tables {
    std::uint64_t applied_index = 0;
    std::uint32_t feature_level = 0;  // 0: the log never named one
    std::uint64_t rehearsals = 0;
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

    Derived derived;

    // Marks every tree as never to be changed again; copies may be.
    void freeze();
};

}  // namespace drover::state
