// What the asker of a write is told once its entry was applied. Everything comes from the entry and
// the state after it, so that any server that applied it can answer. See draft.hpp.
#include "engine/schema/deployment.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/server/draft.hpp"
#include "engine/state/children.hpp"
#include "engine/state/features.hpp"

namespace drover::server {
namespace {

void fill_job(schema::JobWritten& written, const state::StateView& after, const state::JobKey& key,
              const schema::Evaluation* evaluation) {
    if (evaluation != nullptr) {
        written.set_evaluation_id(evaluation->id());
        written.set_evaluation_create_index(after.applied_index());
    }
    const state::JobPtr job = after.job(key);
    written.set_job_modify_index(job ? job->job_modify_index() : after.applied_index());
}

template <class Evaluations>
void fill_node(schema::NodeWritten& written, const Evaluations& evaluations) {
    for (const auto& evaluation : evaluations) written.add_evaluation_ids(evaluation.id());
}

void fill_deployment(schema::DeploymentWritten& written, const schema::DeploymentChange& change,
                     const state::StateView& after) {
    written.set_deployment_modify_index(after.applied_index());
    if (change.has_revert_to()) written.set_reverted_job_version(change.revert_to().version());
    if (!change.has_evaluation()) return;
    written.set_evaluation_id(change.evaluation().id());
    written.set_evaluation_create_index(after.applied_index());
}

// Of the child that this dispatch has made, or of that which an earlier one with its token made.
void fill_dispatched(schema::JobDispatched& written, const schema::JobRegistration& made,
                     const state::StateView& after) {
    const state::JobPtr earlier = state::dispatched_with_token(after.tables(), made.job());
    const state::JobPtr child = earlier ? earlier : after.job(state::key_of(made.job()));
    if (!child) return;
    written.set_job_id(child->id());
    written.set_job_create_index(child->create_index());
    for (const state::EvaluationPtr& one : after.evaluations_of(state::key_of(*child))) {
        if (one->create_index() != child->create_index()) continue;
        written.set_evaluation_id(one->id());
        written.set_evaluation_create_index(one->create_index());
    }
}

schema::JobVersionTagged tagged(const schema::JobVersionTagging& body) {
    schema::JobVersionTagged written;
    written.set_name(body.has_tag() ? body.tag().name() : body.remove());
    written.set_description(body.tag().description());
    written.set_tagged_time(body.tag().tagged_time());
    return written;
}

const schema::Evaluation* first_evaluation(const schema::Entry& entry) {
    const auto first = [](const auto& list) { return list.empty() ? nullptr : &list.Get(0); };
    if (entry.has_register_job() && entry.register_job().has_evaluation()) {
        return &entry.register_job().evaluation();
    }
    if (entry.has_deregister_job() && entry.deregister_job().has_evaluation()) {
        return &entry.deregister_job().evaluation();
    }
    if (entry.has_upsert_evaluations()) return first(entry.upsert_evaluations().evaluations());
    if (entry.has_transition_allocations()) {
        return first(entry.transition_allocations().evaluations());
    }
    return nullptr;
}

}  // namespace

void fill_unchanged(schema::Response& response, const schema::Request& request,
                    const state::StateView& view) {
    response.set_index(view.applied_index());
    if (!request.has_finalize_upgrade()) return;
    response.mutable_upgrade_finalized()->set_level(state::effective_level(view.feature_level()));
}

void fill_written(schema::Response& response, const schema::Request& request,
                  const schema::Entry& entry, const state::StateView& after) {
    response.set_index(after.applied_index());
    const schema::Evaluation* evaluation = first_evaluation(entry);
    switch (request.body_case()) {
        case schema::Request::kRegisterJob:
        case schema::Request::kRevertJob:
        case schema::Request::kScaleJob:
        case schema::Request::kForcePeriodicJob:
            return fill_job(*response.mutable_job_written(), after,
                            state::key_of(entry.register_job().job()), evaluation);
        case schema::Request::kDeregisterJob:
            return fill_job(*response.mutable_job_written(), after,
                            {entry.deregister_job().namespace_(), entry.deregister_job().job_id()},
                            evaluation);
        case schema::Request::kEvaluateJob:
            return fill_job(*response.mutable_job_written(), after,
                            {namespace_of(request), request.evaluate_job().job_id()}, evaluation);
        case schema::Request::kSetJobStability:
            return fill_job(
                *response.mutable_job_written(), after,
                {entry.change_job_stability().namespace_(), entry.change_job_stability().job_id()},
                evaluation);
        case schema::Request::kStopAllocation:
            if (evaluation != nullptr) {
                response.mutable_allocation_stopped()->set_evaluation_id(evaluation->id());
            }
            return;
        case schema::Request::kRegisterNode:
            return fill_node(*response.mutable_node_written(), entry.register_node().evaluations());
        case schema::Request::kUpdateNodeStatus:
            return fill_node(*response.mutable_node_written(),
                             entry.change_node_status().evaluations());
        case schema::Request::kUpdateNodeEligibility:
            return fill_node(*response.mutable_node_written(),
                             entry.change_node_eligibility().evaluations());
        case schema::Request::kUpdateNodeDrain:
            return fill_node(*response.mutable_node_written(),
                             entry.change_node_drain().evaluations());
        case schema::Request::kUpdateDeployment:
            return fill_deployment(*response.mutable_deployment_written(),
                                   entry.change_deployment(), after);
        case schema::Request::kFinalizeUpgrade:
            return response.mutable_upgrade_finalized()->set_level(after.feature_level());
        case schema::Request::kRestoreSnapshot:
            response.mutable_snapshot_restored()->set_index(after.applied_index());
            return;
        case schema::Request::kSetSchedulerConfiguration:
            response.mutable_scheduler_configuration_set()->set_updated(true);
            return;
        case schema::Request::kDispatchJob:
            return fill_dispatched(*response.mutable_job_dispatched(), entry.register_job(), after);
        case schema::Request::kTagJobVersion:
            *response.mutable_job_version_tagged() = tagged(entry.tag_job_version());
            return;
        case schema::Request::kCollectGarbage:
        case schema::Request::kReconcileSummaries:
        case schema::Request::kRehearse:
        case schema::Request::kUpdateAllocations:
        case schema::Request::kRegisterServer:
        case schema::Request::kQuery:
        case schema::Request::kPlanJob:
        case schema::Request::kTransferLeadership:
        case schema::Request::kRemovePeer:
        case schema::Request::BODY_NOT_SET:
            return;
    }
}

void fill_refused(schema::Response& response, const schema::Request& request, const Error& why) {
    // Nomad's operators are told of a lost race by an answer, not by an error.
    if (request.has_set_scheduler_configuration() && why.code == Errc::conflict) {
        response.mutable_scheduler_configuration_set()->set_updated(false);
        return;
    }
    response.mutable_failure()->set_code(static_cast<std::uint32_t>(why.code));
    response.mutable_failure()->set_message(why.message);
}

}  // namespace drover::server
