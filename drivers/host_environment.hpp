// The part of the agent's own environment that a task on the bare host inherits: what makes
// programs run there (PATH, HOME, LANG), without the secrets an operator gave to the agent.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace drover::drivers {

using Environment = std::vector<std::pair<std::string, std::string>>;

// Globs of variables that never reach a task unless the operator says otherwise.
const std::vector<std::string>& default_environment_denylist();

// Sorted by name, without those that match a glob.
Environment filter_environment(Environment environment, const std::vector<std::string>& denylist);
Environment host_environment(const std::vector<std::string>& denylist);

}  // namespace drover::drivers
