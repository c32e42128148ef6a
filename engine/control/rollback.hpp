// Where a failed deployment goes back to. Pure functions of a view, shared by the watcher and by
// operators' requests.
#pragma once

#include <string>

#include "engine/base/time.hpp"
#include "engine/control/mint.hpp"
#include "engine/state/view.hpp"

namespace drover::control {

struct Rollback {
    state::JobPtr job;        // to be registered again; null where there is nothing to go back to
    std::string description;  // what is added to the deployment's description
};

// The newest stable version of the deployment's job, where that is another one than the current.
[[nodiscard]] Rollback rollback_of(const state::StateView& view,
                                   const schema::Deployment& deployment);

// The entry's body for a deployment that fails for this reason.
void fill_failure(schema::DeploymentChange& change, const state::StateView& view,
                  const schema::Deployment& deployment, const std::string& reason, bool roll_back,
                  const Mint& mint);

// The evaluation that every change of a deployment brings along.
[[nodiscard]] schema::Evaluation deployment_evaluation(const schema::Deployment& deployment,
                                                       const schema::Job& job, const Mint& mint);

// Equal for jobs that ask for the same, whatever the servers have noted about them.
[[nodiscard]] bool same_specification(const schema::Job& a, const schema::Job& b);

}  // namespace drover::control
