// An immutable picture of the replicated state at one applied index. Cheap to copy (one pointer),
// safe to read on any thread, and it stays what it is while the state moves on.
//
// Look-ups return null where there is nothing. References and ranges that come out of a view are
// valid while that view or a copy of it lives; hold the shared pointer of what must outlive it.
// Ranges run in key order: ids by the time of their minting, jobs by (namespace, id).
//
//     for (const AllocationPtr& row : view.allocations_on(node_id)) ...
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/state/allocation_range.hpp"
#include "engine/state/tables.hpp"
#include "engine/state/types.hpp"

namespace drover::state {

class StateView {
public:
    StateView();  // nothing applied, nothing stored
    explicit StateView(std::shared_ptr<const Tables> tables) : tables_{std::move(tables)} {}

    // The index of the last applied entry.
    [[nodiscard]] std::uint64_t applied_index() const { return tables_->applied_index; }
    // The last entry that changed this table; 1 where none has.
    [[nodiscard]] std::uint64_t table_index(Table table) const;
    [[nodiscard]] Digest digest() const;  // of the whole state at applied_index
    [[nodiscard]] Digest digest(Table table) const;
    [[nodiscard]] std::uint32_t feature_level() const { return tables_->feature_level; }
    [[nodiscard]] std::uint64_t rehearsals() const { return tables_->rehearsals; }

    // ---- nodes

    [[nodiscard]] NodePtr node(const Uuid& id) const;
    [[nodiscard]] NodeTable::Range nodes() const { return tables_->nodes.all(); }
    [[nodiscard]] std::size_t node_count() const { return tables_->nodes.size(); }
    // The same nodes as a scheduler reads them.
    [[nodiscard]] const FactsByNode& node_facts() const { return tables_->derived.node_facts; }
    // What the allocations on this node that are not terminal take together.
    [[nodiscard]] Usage usage(const Uuid& node_id) const;
    // Of all nodes that have any, by id.
    [[nodiscard]] const UsageByNode& usages() const { return tables_->derived.usage_by_node; }

    // ---- jobs

    [[nodiscard]] JobPtr job(const JobKey& key) const;
    [[nodiscard]] JobTable::Range jobs() const { return tables_->jobs.all(); }
    [[nodiscard]] JobTable::Range jobs_from(const JobKey& key) const {
        return tables_->jobs.from(key);
    }
    // The stored versions (the current one among them), oldest first.
    [[nodiscard]] JobVersionTable::Range job_versions(const JobKey& key) const;
    [[nodiscard]] JobPtr job_version(const JobKey& key, std::uint64_t version) const;
    [[nodiscard]] JobSummaryPtr job_summary(const JobKey& key) const;

    // ---- evaluations

    [[nodiscard]] EvaluationPtr evaluation(const Uuid& id) const;
    [[nodiscard]] EvaluationTable::Range evaluations() const { return tables_->evaluations.all(); }
    [[nodiscard]] EvaluationsByJob::Range evaluations_of(const JobKey& key) const;

    // ---- allocations

    [[nodiscard]] AllocationPtr allocation(const Uuid& id) const;
    [[nodiscard]] AllocationTable::Range allocations() const { return tables_->allocations.all(); }
    [[nodiscard]] AllocationRange<IdSet> allocations_on(const Uuid& node_id) const;
    // Null where nothing is stored of the node. Lives as long as the view.
    [[nodiscard]] const NodeWork* work_of(const Uuid& node_id) const;
    // Of every version and incarnation of the job; compare job->create_index() to tell them apart.
    [[nodiscard]] AllocationRange<AllocationsByJob> allocations_of(const JobKey& key) const;
    [[nodiscard]] bool has_live_allocations(const JobKey& key) const;
    [[nodiscard]] std::vector<AllocationPtr> allocations_by_evaluation(const Uuid& id) const;
    [[nodiscard]] std::vector<AllocationPtr> allocations_by_deployment(const Uuid& id) const;

    // ---- deployments

    [[nodiscard]] DeploymentPtr deployment(const Uuid& id) const;
    [[nodiscard]] DeploymentTable::Range deployments() const { return tables_->deployments.all(); }
    [[nodiscard]] DeploymentsByJob::Range deployments_of(const JobKey& key) const;
    // The one with the greatest create index.
    [[nodiscard]] DeploymentPtr latest_deployment(const JobKey& key) const;

    // ---- what level 2 brought

    // Null: nobody ever set one, and the defaults hold.
    [[nodiscard]] const SchedulerConfigurationPtr& scheduler_configuration() const {
        return tables_->scheduler_configuration;
    }
    [[nodiscard]] PeriodicLaunchPtr periodic_launch(const JobKey& key) const;

    // ---- servers

    [[nodiscard]] ServerPtr server(std::uint64_t raft_id) const;
    [[nodiscard]] ServerTable::Range servers() const { return tables_->servers.all(); }

    [[nodiscard]] const Tables& tables() const { return *tables_; }

private:
    std::shared_ptr<const Tables> tables_;
};

}  // namespace drover::state
