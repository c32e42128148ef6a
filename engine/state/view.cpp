// Look-ups, each one a search in one tree.
#include "engine/state/view.hpp"

#include "engine/schema/deployment.pb.h"

namespace drover::state {

namespace {

template <class Pointer, class Tree, class Key>
Pointer row_or_null(const Tree& tree, const Key& key) {
    const auto* row = tree.find(key);
    return row != nullptr ? Pointer{*row} : nullptr;
}

Uuid greatest_id() {
    Uuid id;
    id.bytes.fill(0xff);
    return id;
}

template <class Tree, class Owner>
auto owned(const Tree& tree, const Owner& owner) {
    return tree.between({owner, Uuid{}}, {owner, greatest_id()});
}

std::shared_ptr<const Tables> no_tables() {
    auto tables = std::make_shared<Tables>();
    tables->freeze();
    return tables;
}

}  // namespace

void Tables::freeze() {
    nodes.freeze();
    jobs.freeze();
    job_versions.freeze();
    job_summaries.freeze();
    periodic_launches.freeze();
    evaluations.freeze();
    allocations.freeze();
    allocation_jobs.freeze();
    deployments.freeze();
    servers.freeze();
    derived.allocations_by_job.freeze();
    derived.allocations_by_evaluation.freeze();
    derived.allocations_by_deployment.freeze();
    derived.evaluations_by_job.freeze();
    derived.deployments_by_job.freeze();
    derived.usage_by_node.freeze();
    derived.work_by_node.freeze();
    derived.node_facts.freeze();
    derived.jobs_in_use.freeze();
}

StateView::StateView() : tables_{no_tables()} {}

std::uint64_t StateView::table_index(Table table) const {
    std::uint64_t index = tables_->last_index[static_cast<std::size_t>(table)];
    return index == 0 ? 1 : index;
}

Digest StateView::digest(Table table) const {
    return tables_->digests[static_cast<std::size_t>(table)];
}

Digest StateView::digest() const {
    Digest sum;
    for (const Digest& one : tables_->digests) sum += one;
    return sum;
}

NodePtr StateView::node(const Uuid& id) const { return row_or_null<NodePtr>(tables_->nodes, id); }

Usage StateView::usage(const Uuid& node_id) const {
    const Usage* usage = tables_->derived.usage_by_node.find(node_id);
    return usage != nullptr ? *usage : Usage{};
}

JobPtr StateView::job(const JobKey& key) const { return row_or_null<JobPtr>(tables_->jobs, key); }

JobVersionTable::Range StateView::job_versions(const JobKey& key) const {
    return tables_->job_versions.between({key, 0}, {key, ~std::uint64_t{0}});
}

JobPtr StateView::job_version(const JobKey& key, std::uint64_t version) const {
    return row_or_null<JobPtr>(tables_->job_versions, JobVersionKey{key, version});
}

PeriodicLaunchPtr StateView::periodic_launch(const JobKey& key) const {
    return row_or_null<PeriodicLaunchPtr>(tables_->periodic_launches, key);
}

JobSummaryPtr StateView::job_summary(const JobKey& key) const {
    return row_or_null<JobSummaryPtr>(tables_->job_summaries, key);
}

EvaluationPtr StateView::evaluation(const Uuid& id) const {
    return row_or_null<EvaluationPtr>(tables_->evaluations, id);
}

EvaluationsByJob::Range StateView::evaluations_of(const JobKey& key) const {
    return owned(tables_->derived.evaluations_by_job, key);
}

AllocationPtr StateView::allocation(const Uuid& id) const {
    return row_or_null<AllocationPtr>(tables_->allocations, id);
}

AllocationRange<IdSet> StateView::allocations_on(const Uuid& node_id) const {
    const NodeWork* node = work_of(node_id);
    return {node == nullptr ? IdSet::Range{} : node->ids().all(), tables_->allocations};
}

const NodeWork* StateView::work_of(const Uuid& node_id) const {
    const auto* work = tables_->derived.work_by_node.find(node_id);
    return work == nullptr ? nullptr : work->get();
}

AllocationRange<AllocationsByJob> StateView::allocations_of(const JobKey& key) const {
    const JobInUse* job = tables_->derived.jobs_in_use.find(key);
    if (job == nullptr) return {{}, tables_->allocations};
    return {owned(tables_->derived.allocations_by_job, job->number), tables_->allocations};
}

bool StateView::has_live_allocations(const JobKey& key) const {
    const JobInUse* job = tables_->derived.jobs_in_use.find(key);
    return job != nullptr && job->live > 0;
}

namespace {

std::vector<AllocationPtr> rows_of(const StateView& view, AllocationsByOwner::Range ids) {
    std::vector<AllocationPtr> rows;
    for (auto at = ids.begin(); at != ids.end(); ++at) {
        rows.push_back(view.allocation(at.key().id));
    }
    return rows;
}

}  // namespace

std::vector<AllocationPtr> StateView::allocations_by_evaluation(const Uuid& id) const {
    return rows_of(*this, owned(tables_->derived.allocations_by_evaluation, id));
}

std::vector<AllocationPtr> StateView::allocations_by_deployment(const Uuid& id) const {
    return rows_of(*this, owned(tables_->derived.allocations_by_deployment, id));
}

DeploymentPtr StateView::deployment(const Uuid& id) const {
    return row_or_null<DeploymentPtr>(tables_->deployments, id);
}

DeploymentsByJob::Range StateView::deployments_of(const JobKey& key) const {
    return owned(tables_->derived.deployments_by_job, key);
}

DeploymentPtr StateView::latest_deployment(const JobKey& key) const {
    DeploymentPtr latest;
    for (const DeploymentPtr& row : deployments_of(key)) {
        if (!latest || row->create_index() > latest->create_index()) latest = row;
    }
    return latest;
}

ServerPtr StateView::server(std::uint64_t raft_id) const {
    return row_or_null<ServerPtr>(tables_->servers, raft_id);
}

}  // namespace drover::state
