// What a blocked evaluation asks for, and what a node has left: how many it is worth to wake when
// something about a node has changed. Only room and priority are compared. Whatever else may stand
// in the way (constraints, ports, devices) is for the scheduler to find out: a "yes" from here
// costs a plan in vain, a wrong "no" would leave an evaluation blocked for ever.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "engine/state/view.hpp"

namespace drover::control {

// One group that found no place.
struct Ask {
    state::Usage each;
    std::int64_t wanted = 1;
};

// None where it is not known: then any change may help.
[[nodiscard]] std::vector<Ask> asks_of(const state::StateView& view,
                                       const schema::Evaluation& evaluation);

// How many of `each` fit into `free`.
[[nodiscard]] std::int64_t times(const state::Usage& each, const state::Usage& free);

class Room {
public:
    Room(const state::StateView& view, const Uuid& node, const state::Capacity& capacity);

    [[nodiscard]] const state::Usage& free() const { return free_; }
    // What a job has there itself: an update takes the place of what it updates.
    [[nodiscard]] const std::map<state::JobKey, state::Usage>& by_job() const { return by_job_; }
    // What a job of this priority may take from others beside what is free.
    [[nodiscard]] state::Usage preemptible(std::int32_t priority) const;

private:
    state::Usage free_;
    std::map<state::JobKey, state::Usage> by_job_;
    std::map<std::int32_t, state::Usage> by_priority_;
};

// The same, without a look at each allocation.
[[nodiscard]] state::Usage free_on(const state::StateView& view, const Uuid& node,
                                   const state::Capacity& capacity);

// Whether jobs of this type may take room from others, and whether those of any type may that can
// choose their nodes.
[[nodiscard]] bool may_preempt(const state::StateView& view, const schema::Evaluation& evaluation);
[[nodiscard]] bool anyone_may_preempt(const state::StateView& view);

}  // namespace drover::control
