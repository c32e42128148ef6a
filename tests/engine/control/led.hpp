// A state with the leader that works on it: what the leader orders is planned, proposed and applied
// at once, and counted.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "engine/base/ensure.hpp"
#include "engine/control/leader.hpp"
#include "engine/scheduler/plan.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/schema/request.pb.h"
#include "engine/state/state.hpp"

namespace drover::control::testing {

class Led {
public:
    static constexpr WallTime start{1'700'000'000'000'000'000};

    explicit Led(const state::StateView& from) : state_{state::State::fork(from)} { elect(); }

    // A new leader, who knows what the state says and nothing else.
    void elect() {
        leader_.emplace(Config{}, state::StateConfig{}, Prng{++elections_}, state_.view(),
                        moment());
    }

    void apply(schema::Entry entry) {
        auto shared = std::make_shared<schema::Entry>(std::move(entry));
        Prng& ids = ids_;
        shared->set_request_id(Uuid::mint(start, ids).raw());
        shared->set_wall_ns(start.value());
        apply_shared(std::move(shared));
    }

    // One order of the leader; false when it has none.
    bool step() {
        Orders orders = leader_->work(state_.view(), moment());
        for (const EntryPtr& entry : orders.proposals) apply_shared(entry);
        if (orders.plan) compute(*orders.plan);
        return !orders.empty();
    }
    void pass_time(Duration time) { elapsed_ += time; }
    void settle() {
        while (step()) {
        }
    }

    [[nodiscard]] state::StateView view() const { return state_.view(); }
    [[nodiscard]] const Leader& leader() const { return *leader_; }
    [[nodiscard]] std::size_t plans() const { return plans_; }
    // What the scheduler would make of it now.
    [[nodiscard]] schema::SchedulerOutput dry(const schema::Evaluation& evaluation) const {
        return scheduler::plan(state_.view(), evaluation, {.wall = start, .seed = 1});
    }
    Prng& ids() { return ids_; }

private:
    [[nodiscard]] Moment moment() const { return {Instant{} + elapsed_, start + elapsed_}; }
    void apply_shared(const EntryPtr& entry) {
        const std::uint64_t index = state_.view().applied_index() + 1;
        leader_->proposed(index, entry);
        const auto result = state_.apply(index, *entry);
        ENSURE(result.outcome == state::Applied::done);
        leader_->applied(index, *entry, result, state_.view(), moment());
    }
    void compute(const PlanWanted& wanted) {
        ++plans_;
        const auto output = scheduler::plan(wanted.view, *wanted.evaluation,
                                            {.wall = wanted.wall, .seed = wanted.seed});
        leader_->plan_computed(wanted.work, output, state_.view(), moment());
    }

    state::State state_;
    std::optional<Leader> leader_;
    std::uint64_t elections_ = 0;
    std::size_t plans_ = 0;
    Duration elapsed_{};
    Prng ids_{7};
};

}  // namespace drover::control::testing
