// The difference between two jobs, by reflection: a new field of the job specification appears in
// it without code. Fields that servers note about a job are left out.
#pragma once

#include "engine/schema/diff.pb.h"

namespace drover::schema {

class Job;
class PlanAnnotations;

// Both canonicalised; null: the job does not exist. The two must have the same id.
[[nodiscard]] JobDiff diff_jobs(const Job* before, const Job* after);

// Says what the change does to running allocations: the counts of the plan beside each group, and
// beside tasks and counts whether they force creation, destruction or an update in place.
void annotate(JobDiff& diff, const PlanAnnotations& annotations);

}  // namespace drover::schema
