// One evaluation of a system or sysbatch job: the job goes to every node in its reach that can
// hold it, so there is no choice among nodes, only a yes or no for each. See plan.hpp.
#pragma once

#include "engine/scheduler/plan.hpp"

namespace drover::scheduler {

[[nodiscard]] schema::SchedulerOutput plan_system_job(const state::StateView& view,
                                                      const schema::Evaluation& evaluation,
                                                      const PlanInputs& inputs);

}  // namespace drover::scheduler
