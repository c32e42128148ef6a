// One scheduling lane: it takes evaluations from the broker one at a time, has each planned outside
// the step on the future view, re-checks the plan, and proposes what may be committed. Committing
// is pipelined: the next evaluation is planned while earlier plans are still on their way.
//
// Two lanes over all nodes would pick the same best nodes and refuse each other; there is one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "engine/control/broker.hpp"
#include "engine/control/mint.hpp"
#include "engine/state/view.hpp"

namespace drover::schema {
class SchedulerOutput;
}  // namespace drover::schema

namespace drover::control {

struct Moment {
    Instant now;
    WallTime wall;
};

// Heavy work that leaves the step as a value; answered by plan_computed with the same number.
struct PlanWanted {
    std::uint64_t work{};
    state::StateView view;
    EvaluationPtr evaluation;
    WallTime wall;
    std::uint64_t seed{};
};

class Lane {
public:
    explicit Lane(const Config& config) : config_{config} {}

    // Cheap to ask, unlike the view that taking up needs.
    [[nodiscard]] bool may_take_up(const Broker& broker) const;
    // Takes up the next evaluation, or the one that must be planned again; none while one is being
    // planned, nothing is ready, or too much is being committed.
    [[nodiscard]] std::optional<PlanWanted> take_up(Broker& broker, const state::StateView& future,
                                                    Moment moment, Prng& prng);
    // Entries to propose, in order. `future` must be the view up to this moment.
    [[nodiscard]] std::vector<EntryPtr> plan_computed(std::uint64_t work,
                                                      const schema::SchedulerOutput& output,
                                                      const state::StateView& future,
                                                      const Mint& mint);
    // The entry with this request id was applied.
    void applied(const Uuid& request);
    // It could not be proposed: the evaluation it would have finished, to be tried again.
    [[nodiscard]] std::optional<Uuid> refused(const Uuid& request);
    // A plan that never came back is given up; the broker hands the evaluation out again.
    void pass_time(Instant now);

    [[nodiscard]] bool working_on(const Uuid& evaluation) const;

private:
    struct Run {
        EvaluationPtr evaluation;
        std::uint32_t attempts{};
        std::uint64_t work{};
        std::uint64_t view_index{};
        Instant since;
    };
    [[nodiscard]] PlanWanted start(Run run, const state::StateView& future, Moment moment,
                                   Prng& prng);
    [[nodiscard]] std::uint32_t attempts_max(const schema::Evaluation& evaluation) const;

    Config config_;
    std::uint64_t last_work_ = 0;
    std::optional<Run> planning_;
    std::optional<Run> again_;         // planned, partly refused
    std::map<Uuid, Uuid> committing_;  // request id of the last entry -> evaluation
};

}  // namespace drover::control
