// The scheduler's configuration as it holds: what operators set, or the defaults.
#pragma once

#include "engine/schema/scheduler_configuration.pb.h"
#include "engine/state/view.hpp"

namespace drover::state {

// By default: bin packing, and only system jobs preempt.
[[nodiscard]] schema::SchedulerConfiguration effective_scheduler_configuration(
    const StateView& view);

}  // namespace drover::state
