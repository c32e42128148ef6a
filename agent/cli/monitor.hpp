// Following an evaluation, and the deployment that came of it, until they end.
#pragma once

#include <string>

#include "agent/cli/api_client.hpp"

namespace drover::agent::cli {

struct MonitorOptions {
    bool verbose{};
    bool deployment{true};  // follow the deployment too
};

// Exit code: 0 complete and healthy; 1 could not be followed; 2 placed only in part, blocked, or
// the deployment failed.
[[nodiscard]] int monitor_evaluation(ApiClient& api, const std::string& id,
                                     const MonitorOptions& options);

// The same for a deployment alone.
[[nodiscard]] int monitor_deployment(ApiClient& api, const std::string& id, bool verbose);

// Why a group could not be placed: the numbers of an allocation metric, one line each.
[[nodiscard]] std::string placement_metrics(const schema::JsonValue& metrics,
                                            const std::string& prefix);

}  // namespace drover::agent::cli
