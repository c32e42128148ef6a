// Deployments as a scheduler begins, describes and ends them, whatever the kind of the job. Their
// counters are the state's to keep. See semantics sections 4.1 and 4.2.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/prng.hpp"
#include "engine/base/time.hpp"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/entry.pb.h"
#include "engine/state/types.hpp"

namespace drover::schema {
class Job;
class TaskGroup;
}  // namespace drover::schema

namespace drover::scheduler {

[[nodiscard]] bool is_active(const schema::Deployment& deployment);
// No update block, or one that lets nothing be replaced: no deployments.
[[nodiscard]] bool has_update(const schema::TaskGroup& group);
[[nodiscard]] bool awaits_promotion(const schema::DeploymentState& state);
// Null where the deployment is not about the group.
[[nodiscard]] const schema::DeploymentState* find_state(const schema::Deployment& deployment,
                                                        const std::string& group);

// Running, and not about any group yet.
[[nodiscard]] schema::Deployment new_deployment(const schema::Job& job, const state::JobKey& key,
                                                std::int32_t priority, WallTime now, Prng& ids);
// What the group's update block says; nothing is desired yet.
[[nodiscard]] schema::DeploymentState new_state(const schema::TaskGroup& group);
// Says so where a new one waits for canaries.
void describe_new_deployment(schema::Deployment& deployment);
[[nodiscard]] schema::DeploymentStatusUpdate status_update(const schema::Deployment& deployment,
                                                           const char* status,
                                                           const char* description);

}  // namespace drover::scheduler
