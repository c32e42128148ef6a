// The scheduler as a function: what should happen to one job, given one picture of the state.
//
// It decides and never acts. Somebody else commits the plan, or the part of it that still fits; the
// inputs are the whole of what it knows, so equal inputs give equal plans on every machine.
//
// What the plan's lists hold:
//   stops        {id, namespace, job_id, task_group, node_id, node_name, eval_id, desired_status
//                "stop", desired_description, modify_time}, and where they change: client_status
//                ("lost", "unknown", "failed"; then alloc_states has one more entry to append) and
//                followup_eval_id. Everything else of the stored allocation stays as it is.
//   placements   whole allocations. New ones have an id that the state does not know. One that it
//                knows replaces what the servers own of it (client-owned fields are left as stored,
//                except client_status "lost" and "unknown"): in-place updates, links to follow-up
//                evaluations, reschedule trackers, disconnects and reconnects. All refer to
//                plan.job, except those that embed a job of their own (an older version, while
//                canaries of the new one are not promoted).
//   placement_batches
//                new allocations which differ in node, number and scores alone, where the inputs
//                ask for batches; the others are in `placements`.
//   preemptions  as stops, of other jobs: desired_status "evict" and preempted_by_allocation; the
//                placement that they made room for names them.
//   deployment   a new one; its counters are the state's to keep.
//
// `created` holds evaluations in status "pending" with wait_until (allocations in the plan name
// them: they must be stored with the plan, also if only a part of it is committed) and at most one
// in status "blocked" (what could not be placed: to be stored once the plan is committed whole).
// `evaluation` is the input with its new status, true if the plan is committed whole; after a
// partial commit, call plan() again on a view at refresh_index or later.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/base/time.hpp"

namespace drover::schema {
class Evaluation;
class SchedulerOutput;
}  // namespace drover::schema

namespace drover::state {
class StateView;
}

namespace drover::scheduler {

enum class Algorithm : std::uint8_t {
    binpack,  // fill nodes before using new ones
    spread,   // use the emptiest node
};

struct PlanInputs {
    WallTime wall;         // now, as the proposer sees it
    std::uint64_t seed{};  // for ids and dynamic ports
    // For the order among equally good nodes. The same for many evaluations: what is remembered of
    // the nodes in that order can be used again.
    std::uint64_t order{};
    bool annotate = false;  // also say what happens to each group, and make no difference otherwise
    Algorithm algorithm = Algorithm::binpack;
    bool memory_oversubscription = false;
    bool preemption = false;       // may take room from jobs of lower priority
    bool batches = false;          // write new allocations of one kind as a batch: feature level 2
    bool system_rollouts = false;  // system jobs have deployments: feature level 2
};

// What operators decided for evaluations of this type, and what the feature level allows, as the
// view has it.
void take_configuration(PlanInputs& inputs, const state::StateView& view, std::string_view type);

class PlanMemory;

[[nodiscard]] schema::SchedulerOutput plan(const state::StateView& view,
                                           const schema::Evaluation& evaluation,
                                           const PlanInputs& inputs);
// The same plan, sooner: with what is left of the evaluations before this one (plan_memory.hpp).
[[nodiscard]] schema::SchedulerOutput plan(const state::StateView& view,
                                           const schema::Evaluation& evaluation,
                                           const PlanInputs& inputs, PlanMemory& memory);

}  // namespace drover::scheduler
