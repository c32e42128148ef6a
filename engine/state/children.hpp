// Jobs that the servers make out of a job of their user's: launches of a periodic one and
// dispatches of a parameterised one. Their ids begin with the parent's id and a slash.
#pragma once

#include <vector>

#include "engine/state/tables.hpp"

namespace drover::state {

// By id.
[[nodiscard]] std::vector<JobPtr> children_of(const Tables& tables, const JobKey& parent);

// The child that carries out this dispatch already: it has the same parent and the same token. Null
// where there is none, or where the job is no dispatch with a token.
[[nodiscard]] JobPtr dispatched_with_token(const Tables& tables, const schema::Job& child);

}  // namespace drover::state
