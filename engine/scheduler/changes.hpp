// Does a new version of a group need new allocations, or can the old ones be told? What a task is
// started from makes the difference; what only servers look at does not.
#pragma once

#include <string>

namespace drover::schema {
class Job;
}

namespace drover::scheduler {

// The group is in both versions, and its allocations have to be replaced.
[[nodiscard]] bool needs_replacement(const schema::Job& old_job, const schema::Job& new_job,
                                     const std::string& group);

}  // namespace drover::scheduler
