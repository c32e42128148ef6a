// Requests about deployments. See draft.hpp.
#include <algorithm>
#include <utility>

#include "engine/control/rollback.hpp"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/server/draft.hpp"

namespace drover::server {
namespace {

bool is_over(const schema::Deployment& deployment) {
    const std::string& status = deployment.status();
    return status == "failed" || status == "successful" || status == "cancelled";
}

bool any_auto_revert(const schema::Deployment& deployment) {
    return std::any_of(deployment.task_groups().begin(), deployment.task_groups().end(),
                       [](const auto& group) { return group.auto_revert(); });
}

void set_status(schema::DeploymentChange& change, const schema::Deployment& deployment,
                const char* status, const char* description) {
    change.mutable_status()->set_deployment_id(deployment.id());
    change.mutable_status()->set_status(status);
    change.mutable_status()->set_description(description);
}

void fill(schema::DeploymentChange& change, const DraftContext& context,
          const schema::Deployment& deployment) {
    const auto& request = context.request.update_deployment();
    switch (request.action()) {
        case schema::UpdateDeploymentRequest::FAIL:
            return control::fill_failure(change, context.view, deployment,
                                         "Deployment marked as failed", any_auto_revert(deployment),
                                         context.mint);
        case schema::UpdateDeploymentRequest::PAUSE:
            return set_status(change, deployment, "paused", "Deployment is paused");
        case schema::UpdateDeploymentRequest::RESUME:
            set_status(change, deployment, "running", "Deployment is running");
            break;
        case schema::UpdateDeploymentRequest::PROMOTE:
            change.set_promote_all(request.groups().empty());
            *change.mutable_promoted_groups() = request.groups();
            break;
        case schema::UpdateDeploymentRequest::SET_HEALTH:
            if (!request.unhealthy_allocation_ids().empty()) {
                control::fill_failure(change, context.view, deployment,
                                      "Failed due to unhealthy allocations",
                                      any_auto_revert(deployment), context.mint);
            }
            *change.mutable_healthy_allocation_ids() = request.healthy_allocation_ids();
            *change.mutable_unhealthy_allocation_ids() = request.unhealthy_allocation_ids();
            break;
        default:
            break;
    }
    const state::JobPtr job = context.view.job({deployment.namespace_(), deployment.job_id()});
    if (job && !change.has_evaluation()) {
        *change.mutable_evaluation() =
            control::deployment_evaluation(deployment, *job, context.mint);
    }
}

}  // namespace

Result<Draft> draft_update_deployment(const DraftContext& context) {
    const auto& request = context.request.update_deployment();
    const Uuid id = state::to_uuid(request.deployment_id());
    const state::DeploymentPtr deployment = context.view.deployment(id);
    if (!deployment) return fail(Errc::not_found, "deployment not found: " + id.text());
    if (is_over(*deployment)) {
        return fail(Errc::invalid_argument, "deployment " + id.text() + " has terminal status \"" +
                                                deployment->status() +
                                                "\": nothing can be changed any more");
    }
    auto entry = entry_for(context);
    auto& body = *entry->mutable_change_deployment();
    body.set_deployment_id(deployment->id());
    fill(body, context, *deployment);
    return Draft{sealed(std::move(entry))};
}

}  // namespace drover::server
