// When a periodic job will be launched next, as this machine's time zones have it.
#pragma once

#include <string>

#include "engine/schema/job.pb.h"
#include "engine/schema/json_value.hpp"

namespace drover::agent::cli {

// "2026-01-02T03:00:00Z (5h3m from now)"; empty where it is not launched by time.
[[nodiscard]] std::string next_launch_text(const schema::Job& job);
[[nodiscard]] std::string next_launch_text(const schema::JsonValue& job);

}  // namespace drover::agent::cli
