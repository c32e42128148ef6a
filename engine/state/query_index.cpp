// The index of a read and what wakes it: a list moves with its table, an object with its own
// changes, and a list below an object with the changes of its rows.
#include <algorithm>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/schema/request.pb.h"
#include "engine/state/query.hpp"

namespace drover::state {

namespace {

using Query = schema::Query;

std::uint64_t of_row(const StateView& view, Table table, const auto& row) {
    return row ? row->modify_index() : view.table_index(table);
}

std::uint64_t modify_index(const AllocationPtr& row) { return row->body.modify_index(); }
template <class Row>
std::uint64_t modify_index(const Row& row) {
    return row->modify_index();
}

std::uint64_t of_rows(const StateView& view, Table table, const auto& rows) {
    std::uint64_t index = 0;
    for (const auto& row : rows) index = std::max(index, modify_index(row));
    return index != 0 ? index : view.table_index(table);
}

// What the servers changed; a client's own reports do not make it pull again.
std::uint64_t of_work(const StateView& view, const Uuid& node_id) {
    const NodeWork* work = view.work_of(node_id);
    return work != nullptr ? work->index() : 1;
}

std::uint64_t of_allocation(const StateView& view, const Uuid& id) {
    AllocationPtr row = view.allocation(id);
    return row ? row->body.modify_index() : view.table_index(Table::allocations);
}

}  // namespace

std::uint64_t watch_index(const StateView& view, std::string_view namespace_, const Query& query) {
    auto key = [&](const std::string& id) { return JobKey{std::string{namespace_}, id}; };
    switch (query.kind_case()) {
        case Query::kListJobs:
            return std::max(view.table_index(Table::jobs), view.table_index(Table::job_summaries));
        case Query::kJob:
            return of_row(view, Table::jobs, view.job(key(query.job())));
        case Query::kJobAllocations:
            return of_rows(view, Table::allocations,
                           view.allocations_of(key(query.job_allocations().job_id())));
        case Query::kJobEvaluations:
            return of_rows(view, Table::evaluations,
                           view.evaluations_of(key(query.job_evaluations())));
        case Query::kJobDeployments:
            return of_rows(view, Table::deployments,
                           view.deployments_of(key(query.job_deployments().job_id())));
        case Query::kJobLatestDeployment:
            return of_row(view, Table::deployments,
                          view.latest_deployment(key(query.job_latest_deployment())));
        case Query::kJobVersions:
            return of_rows(view, Table::jobs, view.job_versions(key(query.job_versions())));
        case Query::kJobSummary:
            return of_row(view, Table::job_summaries, view.job_summary(key(query.job_summary())));
        case Query::kListNodes:
            return view.table_index(Table::nodes);
        case Query::kNode:
            return of_row(view, Table::nodes, view.node(to_uuid(query.node())));
        case Query::kNodeAllocations:
            return of_rows(view, Table::allocations,
                           view.allocations_on(to_uuid(query.node_allocations())));
        case Query::kListAllocations:
            return view.table_index(Table::allocations);
        case Query::kAllocation:
            return of_allocation(view, to_uuid(query.allocation()));
        case Query::kListEvaluations:
            return view.table_index(Table::evaluations);
        case Query::kEvaluation:
            return of_row(view, Table::evaluations, view.evaluation(to_uuid(query.evaluation())));
        case Query::kEvaluationAllocations:
            return of_rows(view, Table::allocations,
                           view.allocations_by_evaluation(to_uuid(query.evaluation_allocations())));
        case Query::kListDeployments:
            return view.table_index(Table::deployments);
        case Query::kDeployment:
            return of_row(view, Table::deployments, view.deployment(to_uuid(query.deployment())));
        case Query::kDeploymentAllocations:
            return of_rows(view, Table::allocations,
                           view.allocations_by_deployment(to_uuid(query.deployment_allocations())));
        case Query::kListServers:
            return view.table_index(Table::servers);
        case Query::kNodeWork:
            return of_work(view, to_uuid(query.node_work().node_id()));
        case Query::kSchedulerConfiguration:
            return view.table_index(Table::settings);
        case Query::kRaftConfiguration:
        case Query::kRaftState:
        case Query::kLeader:
        case Query::kUpgradeStatus:
        case Query::kSnapshot:
        case Query::KIND_NOT_SET:
            break;
    }
    return std::max<std::uint64_t>(view.applied_index(), 1);
}

std::vector<WatchKey> watch_keys(std::string_view namespace_, const Query& query) {
    auto key = [&](const std::string& id) { return JobKey{std::string{namespace_}, id}; };
    switch (query.kind_case()) {
        case Query::kListJobs:
            return {watch_any(Table::jobs), watch_any(Table::job_summaries)};
        case Query::kJob:
            return {watch_row(Table::jobs, key(query.job()))};
        case Query::kJobAllocations:
            return {watch_of_job(Table::allocations, key(query.job_allocations().job_id()))};
        case Query::kJobEvaluations:
            return {watch_of_job(Table::evaluations, key(query.job_evaluations()))};
        case Query::kJobDeployments:
            return {watch_of_job(Table::deployments, key(query.job_deployments().job_id()))};
        case Query::kJobLatestDeployment:
            return {watch_of_job(Table::deployments, key(query.job_latest_deployment()))};
        case Query::kJobVersions:
            return {watch_row(Table::jobs, key(query.job_versions()))};
        case Query::kJobSummary:
            return {watch_row(Table::job_summaries, key(query.job_summary()))};
        case Query::kListNodes:
            return {watch_any(Table::nodes)};
        case Query::kNode:
            return {watch_row(Table::nodes, to_uuid(query.node()))};
        case Query::kNodeAllocations:
            return {
                watch_by(Table::allocations, WatchScope::node, to_uuid(query.node_allocations()))};
        case Query::kListAllocations:
            return {watch_any(Table::allocations)};
        case Query::kAllocation:
            return {watch_row(Table::allocations, to_uuid(query.allocation()))};
        case Query::kListEvaluations:
            return {watch_any(Table::evaluations)};
        case Query::kEvaluation:
            return {watch_row(Table::evaluations, to_uuid(query.evaluation()))};
        case Query::kEvaluationAllocations:
            return {watch_by(Table::allocations, WatchScope::evaluation,
                             to_uuid(query.evaluation_allocations()))};
        case Query::kListDeployments:
            return {watch_any(Table::deployments)};
        case Query::kDeployment:
            return {watch_row(Table::deployments, to_uuid(query.deployment()))};
        case Query::kDeploymentAllocations:
            return {watch_by(Table::allocations, WatchScope::deployment,
                             to_uuid(query.deployment_allocations()))};
        case Query::kListServers:
            return {watch_any(Table::servers)};
        case Query::kNodeWork:
            return {watch_by(Table::allocations, WatchScope::work,
                             to_uuid(query.node_work().node_id()))};
        case Query::kSchedulerConfiguration:
            return {watch_any(Table::settings)};
        case Query::kRaftConfiguration:
        case Query::kRaftState:
        case Query::kLeader:
        case Query::kUpgradeStatus:
        case Query::kSnapshot:
        case Query::KIND_NOT_SET:
            break;
    }
    return {};
}

}  // namespace drover::state
