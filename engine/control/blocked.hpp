// Evaluations that could not place everything, kept until something changes that might help. Like
// the broker it mirrors the replicated state and is rebuilt from it.
//
// A node that changes wakes as many as its room can serve, the first in the order of service first;
// the others stay blocked. Room that those did not use after all is offered again, to more of them
// each time, until it is used or nobody is left who has not tried it: nothing that would be placed
// stays blocked, and what wakes costs what fits. A change after the view that an evaluation was
// computed from, but before it was blocked, is not missed either.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "engine/base/time.hpp"
#include "engine/control/broker.hpp"
#include "engine/control/room.hpp"

namespace drover::control {

class BlockedEvaluations {
public:
    void block(EvaluationPtr evaluation, const state::StateView& view);
    // It is blocked no longer, or has ended: if it was woken, it has had its turn.
    void remove(const Uuid& id);

    // The entry at this index may have made room on the node, or made it eligible.
    void node_changed(const Uuid& node, std::uint64_t index, Instant now);
    // One of the job's own allocations ended, so what must not stand beside it has a chance.
    void job_changed(const JobKey& job, std::uint64_t index);
    // Who can say what happened before this leader, or what a new configuration allows?
    void anything_changed(const state::StateView& view);
    // Those that ran out of attempts: no change is awaited, only time.
    void retry_failed();

    // To be enqueued; asked for after the calls above, with the view that they are about.
    [[nodiscard]] std::vector<EvaluationPtr> take_woken(const state::StateView& view);
    // Superseded by another blocked evaluation of the same job; known no longer.
    [[nodiscard]] std::vector<EvaluationPtr> take_duplicates();
    // Forgets changes that are too old to have been missed by anything still running.
    void prune(Instant older_than);

    [[nodiscard]] std::size_t count() const { return blocked_.size(); }

private:
    struct Blocked {
        EvaluationPtr evaluation;
        std::vector<Ask> asks;
    };
    struct Change {
        std::uint64_t index{};
        Instant at;
    };
    // Those that a node's room has woken and that have not had their turn yet.
    struct Offer {
        std::map<Uuid, state::Usage> awaited;  // and what of the room is set aside for each
        std::size_t extra = 0;                 // how many to wake beyond what fits, the next time
    };
    struct Pass;                                                  // one look at one node's room
    using Order = std::tuple<std::int64_t, std::uint64_t, Uuid>;  // -priority, create index
    using Rooms = std::map<Uuid, std::optional<Room>>;

    static Order order_of(const schema::Evaluation& evaluation);
    // The job's other blocked evaluation, where `evaluation` supersedes it or is superseded by it.
    [[nodiscard]] EvaluationPtr blocked_of_same_job(const schema::Evaluation& evaluation) const;
    void forget(const Uuid& id);
    void wake(const Uuid& id);
    void lower_least(const std::vector<Ask>& asks);
    void renew_least();
    [[nodiscard]] const Room* room_of(const Uuid& node, const state::StateView& view, Rooms& rooms);
    [[nodiscard]] std::optional<Pass> begin_pass(const Uuid& node, const state::StateView& view,
                                                 Rooms& rooms);
    void consider(Pass& pass, const Uuid& id);
    void offer(const Uuid& node, const state::StateView& view, Rooms& rooms);
    void offer_what_it_missed(const Uuid& id, const state::StateView& view, Rooms& rooms);
    void wake_system_jobs(const Uuid& node, const state::StateView& view);

    std::map<Uuid, Blocked> blocked_;
    std::set<Order> order_;          // generic jobs only, as the next
    std::map<JobKey, Uuid> by_job_;  // a system job has one for each node
    std::map<Uuid, std::set<Uuid>> by_node_;
    // No blocked evaluation asks for less than this, in any dimension.
    state::Usage least_;

    std::map<Uuid, Change> changes_;
    std::set<std::pair<std::uint64_t, Uuid>> changes_by_index_;
    std::map<Uuid, Offer> offers_;
    std::map<Uuid, Uuid> awaiting_;  // woken evaluation -> the node whose room it was for

    std::set<Uuid> touched_;        // nodes whose room is to be offered
    std::set<Uuid> woken_systems_;  // nodes that changed
    std::set<Uuid> fresh_;          // just blocked
    std::vector<EvaluationPtr> woken_;
    std::vector<EvaluationPtr> duplicates_;
};

}  // namespace drover::control
