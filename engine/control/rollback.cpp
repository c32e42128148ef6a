// See rollback.hpp.
#include "engine/control/rollback.hpp"

#include <utility>

#include "engine/schema/deployment.pb.h"
#include "engine/schema/job.pb.h"

namespace drover::control {
namespace {

schema::Job specification(schema::Job job) {
    job.clear_status();
    job.clear_status_description();
    job.clear_stable();
    job.clear_version();
    job.clear_create_index();
    job.clear_modify_index();
    job.clear_job_modify_index();
    job.clear_submit_time();
    job.clear_version_tag();
    job.clear_nomad_token_id();
    return job;
}

state::JobKey job_of(const schema::Deployment& deployment) {
    return {deployment.namespace_(), deployment.job_id()};
}

state::JobPtr newest_stable(const state::StateView& view, const state::JobKey& key) {
    state::JobPtr newest;
    for (const state::JobPtr& version : view.job_versions(key)) {
        if (version->stable() && (!newest || version->version() > newest->version())) {
            newest = version;
        }
    }
    return newest;
}

}  // namespace

bool same_specification(const schema::Job& a, const schema::Job& b) {
    return specification(a).SerializeAsString() == specification(b).SerializeAsString();
}

Rollback rollback_of(const state::StateView& view, const schema::Deployment& deployment) {
    const state::JobKey key = job_of(deployment);
    const state::JobPtr current = view.job(key);
    const state::JobPtr stable = newest_stable(view, key);
    if (!current || !stable) return {nullptr, " - no stable job version to auto revert to"};
    const std::string number = std::to_string(stable->version());
    if (same_specification(*current, *stable)) {
        return {nullptr, " - not rolling back to stable job version " + number +
                             " as current job has same specification"};
    }
    return {stable, " - rolling back to job version " + number};
}

schema::Evaluation deployment_evaluation(const schema::Deployment& deployment,
                                         const schema::Job& job, const Mint& mint) {
    schema::Evaluation evaluation = new_evaluation(mint, job, "deployment-watcher");
    if (deployment.eval_priority() > 0) evaluation.set_priority(deployment.eval_priority());
    evaluation.set_deployment_id(deployment.id());
    return evaluation;
}

void fill_failure(schema::DeploymentChange& change, const state::StateView& view,
                  const schema::Deployment& deployment, const std::string& reason, bool roll_back,
                  const Mint& mint) {
    const Rollback rollback = roll_back ? rollback_of(view, deployment) : Rollback{};
    auto& status = *change.mutable_status();
    status.set_deployment_id(deployment.id());
    status.set_status("failed");
    status.set_description(reason + rollback.description);
    change.set_deployment_id(deployment.id());
    if (rollback.job) {
        schema::Job& job = *change.mutable_revert_to();
        job = *rollback.job;
        job.set_stable(false);
        job.clear_version_tag();
        job.set_submit_time(mint.wall.value());
    }
    if (const state::JobPtr job = view.job(job_of(deployment))) {
        *change.mutable_evaluation() = deployment_evaluation(deployment, *job, mint);
    }
}

}  // namespace drover::control
