#include "engine/scheduler/deployment.hpp"

#include "engine/base/uuid.hpp"
#include "engine/schema/job.pb.h"

namespace drover::scheduler {

bool is_active(const schema::Deployment& deployment) {
    const std::string& status = deployment.status();
    return status == "running" || status == "paused" || status == "blocked" ||
           status == "unblocking" || status == "initializing" || status == "pending";
}

bool has_update(const schema::TaskGroup& group) {
    return group.has_update() && group.update().max_parallel() > 0;
}

bool awaits_promotion(const schema::DeploymentState& state) {
    return state.desired_canaries() > 0 && !state.promoted();
}

const schema::DeploymentState* find_state(const schema::Deployment& deployment,
                                          const std::string& group) {
    for (const auto& state : deployment.task_groups()) {
        if (state.group() == group) return &state;
    }
    return nullptr;
}

schema::Deployment new_deployment(const schema::Job& job, const state::JobKey& key,
                                  std::int32_t priority, WallTime now, Prng& ids) {
    schema::Deployment created;
    created.set_id(Uuid::mint(now, ids).raw());
    created.set_namespace_(key.namespace_);
    created.set_job_id(key.id);
    created.set_job_version(job.version());
    created.set_job_modify_index(job.modify_index());
    created.set_job_spec_modify_index(job.job_modify_index());
    created.set_job_create_index(job.create_index());
    created.set_status("running");
    created.set_status_description("Deployment is running");
    created.set_eval_priority(priority);
    created.set_create_time(now.value());
    created.set_modify_time(now.value());
    return created;
}

schema::DeploymentState new_state(const schema::TaskGroup& group) {
    schema::DeploymentState state;
    state.set_group(group.name());
    state.set_auto_revert(group.update().auto_revert());
    state.set_auto_promote(group.update().auto_promote());
    state.set_progress_deadline(group.update().progress_deadline());
    return state;
}

void describe_new_deployment(schema::Deployment& deployment) {
    bool promotion = false, by_hand = false;
    for (const auto& group : deployment.task_groups()) {
        if (group.desired_canaries() == 0) continue;
        promotion = true;
        by_hand = by_hand || !group.auto_promote();
    }
    if (!promotion) return;
    deployment.set_status_description(by_hand
                                          ? "Deployment is running but requires manual promotion"
                                          : "Deployment is running pending automatic promotion");
}

schema::DeploymentStatusUpdate status_update(const schema::Deployment& deployment,
                                             const char* status, const char* description) {
    schema::DeploymentStatusUpdate update;
    update.set_deployment_id(deployment.id());
    update.set_status(status);
    update.set_description(description);
    return update;
}

}  // namespace drover::scheduler
