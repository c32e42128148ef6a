// The last word before a plan is proposed: every touched node is looked at again in the view that
// the plan will be applied to. What no longer fits is left out, and the caller is told to plan
// again.
//
// Pure: it knows nothing of queues, and a scheduler's opinion is never taken on trust.
#pragma once

#include <string>
#include <vector>

#include "engine/base/uuid.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/state/view.hpp"

namespace drover::control {

struct CheckedPlan {
    schema::Plan plan;  // what may be committed
    struct Refusal {
        Uuid node;
        std::string reason;
    };
    std::vector<Refusal> refusals;  // empty: all of it may be committed

    [[nodiscard]] bool complete() const { return refusals.empty(); }
};

[[nodiscard]] CheckedPlan check_plan(const state::StateView& view, schema::Plan plan);

// Nothing in it would change the state.
[[nodiscard]] bool changes_nothing(const schema::Plan& plan);

}  // namespace drover::control
