// The difference between two jobs as text, one line a change: + added, - deleted, +/- edited.
#pragma once

#include <string>

#include "engine/schema/json_value.hpp"

namespace drover::agent::cli {

// Unchanged fields are left out unless verbose.
[[nodiscard]] std::string job_diff_text(const schema::JsonValue& diff, bool verbose);

}  // namespace drover::agent::cli
