// What one evaluation worked out about the fleet, and the next goes on from: the nodes as dense
// arrays, and for each kind of group the order in which they suit it. An evaluation then looks at
// those nodes alone that changed since the last one.
//
// It makes no difference to any plan: plan() gives the same with it and without. One run uses it at
// a time. It keeps no view between runs, only the two tables that it compares with the next view's.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>

#include "engine/scheduler/fleet.hpp"
#include "engine/scheduler/plan.hpp"
#include "engine/scheduler/ranking.hpp"

namespace drover::scheduler {

class PlanMemory {
public:
    // The fleet as the view has it, with the live allocations of the job. Valid until end().
    [[nodiscard]] Fleet& begin(const state::StateView& view, const state::JobKey& job,
                               std::uint64_t order);
    // The fleet's nodes in the order for one group of the job; once for each group and run.
    [[nodiscard]] Ranking& ranking(GroupShape shape, const PlanInputs& inputs);
    void end();

private:
    struct Kept {
        Ranking ranking;
        std::uint64_t used_in;  // the last run that had it
    };
    void forget_oldest();

    std::optional<Fleet> fleet_;
    std::uint64_t order_ = 0;
    std::uint64_t run_ = 0;
    std::map<std::string, Kept> kept_;  // by what the group asks of a node
    std::list<Ranking> of_this_run_;
};

}  // namespace drover::scheduler
