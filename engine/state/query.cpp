// The answers themselves.
#include "engine/state/query.hpp"

#include <algorithm>
#include <set>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/schema/placement_scores.hpp"
#include "engine/schema/request.pb.h"
#include "engine/schema/server.pb.h"
#include "engine/state/listing.hpp"
#include "engine/state/scheduler_configuration.hpp"

namespace drover::state {

namespace {

using Query = schema::Query;

void refuse(schema::Response& response, Errc code, std::string message) {
    response.mutable_failure()->set_code(static_cast<std::uint32_t>(code));
    response.mutable_failure()->set_message(std::move(message));
}

// Allocations, and beside them the distinct jobs that they were placed for.
class AllocationCollector {
public:
    explicit AllocationCollector(schema::AllocationList& into) : into_{into} {}
    void add(const AllocationPtr& row) {
        schema::Allocation& shown = *into_.add_allocations();
        shown = row->body.unpack();
        if (shown.has_metrics()) schema::show_scores(*shown.mutable_metrics());
        add_job(*row);
    }
    // For its node, to which it is no matter why it was placed there, and for lists, which do not
    // show it.
    void add_without_metrics(const AllocationPtr& row) {
        AllocationChange change;
        change.set(schema::Allocation::kMetricsFieldNumber, "");
        *into_.add_allocations() = change.applied_to(row->body).unpack();
        add_job(*row);
    }

private:
    void add_job(const AllocationRow& row) {
        if (seen_.insert(row.job.get()).second) *into_.add_jobs() = *row.job;
    }

    schema::AllocationList& into_;
    std::set<const schema::Job*> seen_;  // only asked, never walked
};

class Answer {
public:
    Answer(const StateView& view, std::string_view namespace_, const Query& query,
           schema::Response& response)
        : view_{view}, namespace_{namespace_}, query_{query}, response_{response} {}

    void run() {
        response_.set_index(watch_index(view_, namespace_, query_));
        if (!query_.filter().empty()) {
            refuse(response_, Errc::unsupported,
                   "filter expressions are not supported yet: leave `filter` out");
            return;
        }
        dispatch();
    }

private:
    void dispatch() {
        switch (query_.kind_case()) {
            case Query::kListJobs:
                return list_jobs();
            case Query::kJob:
                return one(view_.job(key(query_.job())), &schema::Response::mutable_job, "job");
            case Query::kJobAllocations:
                return job_allocations();
            case Query::kJobEvaluations:
                return job_evaluations();
            case Query::kJobDeployments:
                return job_deployments();
            case Query::kJobLatestDeployment:
                return latest_deployment();
            case Query::kJobVersions:
                return job_versions();
            case Query::kJobSummary:
                return one(view_.job_summary(key(query_.job_summary())),
                           &schema::Response::mutable_job_summary, "job");
            case Query::kListNodes:
                return list_nodes();
            case Query::kNode:
                return one(view_.node(to_uuid(query_.node())), &schema::Response::mutable_node,
                           "node");
            case Query::kNodeAllocations:
                return allocations(view_.allocations_on(to_uuid(query_.node_allocations())));
            case Query::kListAllocations:
                return list_allocations();
            case Query::kAllocation:
                return allocation();
            case Query::kListEvaluations:
                return list_evaluations();
            case Query::kEvaluation:
                return one(view_.evaluation(to_uuid(query_.evaluation())),
                           &schema::Response::mutable_evaluation, "eval");
            case Query::kEvaluationAllocations:
                return listed_allocations(
                    view_.allocations_by_evaluation(to_uuid(query_.evaluation_allocations())));
            case Query::kListDeployments:
                return list_deployments();
            case Query::kDeployment:
                return one(view_.deployment(to_uuid(query_.deployment())),
                           &schema::Response::mutable_deployment, "deployment");
            case Query::kDeploymentAllocations:
                return listed_allocations(
                    view_.allocations_by_deployment(to_uuid(query_.deployment_allocations())));
            case Query::kListServers:
                return list_servers();
            case Query::kNodeWork:
                return node_work();
            case Query::kSchedulerConfiguration:
                return scheduler_configuration();
            case Query::kRaftConfiguration:
            case Query::kRaftState:
            case Query::kLeader:
            case Query::kUpgradeStatus:
            case Query::kSnapshot:
            case Query::KIND_NOT_SET:
                break;
        }
        refuse(response_, Errc::unsupported, "this is not a question about the replicated state");
    }

    [[nodiscard]] JobKey key(const std::string& id) const {
        return JobKey{std::string{namespace_}, id};
    }

    template <class Row, class Message>
    void one(const Row& row, Message* (schema::Response::*into)(), const char* what) {
        if (row)
            *(response_.*into)() = *row;
        else
            refuse(response_, Errc::not_found, std::string{what} + " not found");
    }

    void allocation() {
        AllocationPtr row = view_.allocation(to_uuid(query_.allocation()));
        if (!row) return refuse(response_, Errc::not_found, "alloc not found");
        schema::Allocation& shown = *response_.mutable_allocation();
        shown = row->body.unpack();
        if (shown.has_metrics()) schema::show_scores(*shown.mutable_metrics());
        *shown.mutable_job() = *row->job;
    }

    template <class Rows>
    void allocations(const Rows& rows) {
        AllocationCollector out{*response_.mutable_allocations()};
        for (const AllocationPtr& row : rows) out.add(row);
    }

    template <class Rows>
    void listed_allocations(const Rows& rows) {
        AllocationCollector out{*response_.mutable_allocations()};
        for (const AllocationPtr& row : rows) out.add_without_metrics(row);
    }

    void node_work() {
        Uuid id = to_uuid(query_.node_work().node_id());
        if (!view_.node(id)) return refuse(response_, Errc::not_found, "node not found");
        // Below that level a restored snapshot leaves the indexes of what it brings back.
        const std::uint64_t known =
            view_.feature_level() >= 2 ? query_.node_work().known_index() : 0;
        auto& list = *response_.mutable_allocations();
        AllocationCollector out{list};
        const NodeWork* work = view_.work_of(id);
        if (known == 0 || work == nullptr || !work->knows_since(known)) {
            for (const AllocationPtr& row : view_.allocations_on(id)) out.add_without_metrics(row);
            return;
        }
        for (const Uuid& changed : work->since(known)) {
            out.add_without_metrics(view_.allocation(changed));
        }
        list.set_changes_only(true);
        list.set_total(work->total());
    }

    // ---- below a job

    void job_allocations() {
        JobKey job_key = key(query_.job_allocations().job_id());
        JobPtr current = view_.job(job_key);
        bool all = query_.job_allocations().all() || !current;
        AllocationCollector out{*response_.mutable_allocations()};
        for (const AllocationPtr& row : view_.allocations_of(job_key)) {
            if (all || row->job->create_index() == current->create_index()) {
                out.add_without_metrics(row);
            }
        }
    }

    void job_evaluations() {
        auto& out = *response_.mutable_evaluations();
        for (const EvaluationPtr& row : view_.evaluations_of(key(query_.job_evaluations()))) {
            *out.add_evaluations() = *row;
        }
    }

    void job_deployments() {
        JobKey job_key = key(query_.job_deployments().job_id());
        JobPtr current = view_.job(job_key);
        bool all = query_.job_deployments().all() || !current;
        auto& out = *response_.mutable_deployments();
        for (const DeploymentPtr& row : view_.deployments_of(job_key)) {
            if (!all && row->job_create_index() != current->create_index()) continue;
            *out.add_deployments() = *row;
        }
    }

    // A job without a deployment has none: that is an answer without a body, and no failure.
    void latest_deployment() {
        DeploymentPtr row = view_.latest_deployment(key(query_.job_latest_deployment()));
        if (row) *response_.mutable_deployment() = *row;
    }

    void job_versions() {
        JobKey job_key = key(query_.job_versions());
        auto& out = *response_.mutable_jobs();
        for (const JobPtr& row : view_.job_versions(job_key)) *out.add_jobs() = *row;
        std::reverse(out.mutable_jobs()->begin(), out.mutable_jobs()->end());
        if (out.jobs().empty()) {
            response_.clear_body();
            refuse(response_, Errc::not_found, "job versions not found");
        }
    }

    // ---- lists

    void list_jobs() {
        auto& out = *response_.mutable_jobs();
        auto add = [&](const JobPtr& row) {
            *out.add_jobs() = *row;
            JobSummaryPtr summary = view_.job_summary(key_of(*row));
            auto& shown = *out.add_summaries();
            if (summary) shown = *summary;
        };
        response_.set_next_token(list_of_jobs(view_, namespace_, query_, add));
    }

    // Lists of what is named by an id: same paging, same prefixes.
    template <class Tree, class NamespaceOf, class Add>
    void list(const Tree& tree, NamespaceOf namespace_of, Add add) {
        auto wanted = [&](const auto& row) {
            return namespace_ == "*" || namespace_of(row) == namespace_;
        };
        response_.set_next_token(list_by_id(tree, query_, wanted, add));
    }

    void list_nodes() {
        auto& out = *response_.mutable_nodes();
        auto everywhere = [this](const NodePtr&) { return namespace_; };
        list(view_.tables().nodes, everywhere,
             [&out](const NodePtr& row) { *out.add_nodes() = *row; });
    }

    void list_allocations() {
        AllocationCollector out{*response_.mutable_allocations()};
        auto where = [](const AllocationPtr& row) -> std::string_view {
            return row->body.namespace_();
        };
        list(view_.tables().allocations, where,
             [&out](const AllocationPtr& row) { out.add_without_metrics(row); });
    }

    void list_evaluations() {
        auto& out = *response_.mutable_evaluations();
        auto where = [](const EvaluationPtr& row) -> std::string_view { return row->namespace_(); };
        list(view_.tables().evaluations, where,
             [&out](const EvaluationPtr& row) { *out.add_evaluations() = *row; });
    }

    void list_deployments() {
        auto& out = *response_.mutable_deployments();
        auto where = [](const DeploymentPtr& row) -> std::string_view { return row->namespace_(); };
        list(view_.tables().deployments, where,
             [&out](const DeploymentPtr& row) { *out.add_deployments() = *row; });
    }

    void list_servers() {
        auto& out = *response_.mutable_servers();
        for (const ServerPtr& row : view_.servers()) *out.add_servers() = *row;
    }

    void scheduler_configuration() {
        *response_.mutable_scheduler_configuration() = effective_scheduler_configuration(view_);
    }

    const StateView& view_;
    std::string_view namespace_;
    const Query& query_;
    schema::Response& response_;
};

}  // namespace

void query(const StateView& view, std::string_view namespace_, const Query& query,
           schema::Response& response) {
    Answer{view, namespace_, query, response}.run();
}

}  // namespace drover::state
