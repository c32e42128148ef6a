// Everything that only a leader does, as one value: made from the replicated state when leadership
// is gained, dropped when it is lost. It proposes entries and asks for plans through Orders, and
// learns what became of them by observing what is applied.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/control/blocked.hpp"
#include "engine/control/broker.hpp"
#include "engine/control/config.hpp"
#include "engine/control/deployments.hpp"
#include "engine/control/drainer.hpp"
#include "engine/control/future.hpp"
#include "engine/control/garbage.hpp"
#include "engine/control/heartbeats.hpp"
#include "engine/control/lane.hpp"
#include "engine/control/periodic.hpp"

namespace drover::control {

// To be carried out in this order; every entry is proposed or handed back through refused().
struct Orders {
    std::vector<EntryPtr> proposals;
    std::optional<PlanWanted> plan;
    [[nodiscard]] bool empty() const { return proposals.empty() && !plan; }
};

class Leader {
public:
    // `applied` must hold every entry of earlier terms.
    Leader(const Config& config, state::StateConfig state_config, Prng prng,
           const state::StateView& applied, Moment moment);

    // Every entry that this leader appends, whoever asked for it, in order.
    void proposed(std::uint64_t index, EntryPtr entry);
    // One of our own orders could not be proposed (too much is uncommitted).
    void refused(const EntryPtr& entry, Moment moment);
    void applied(std::uint64_t index, const schema::Entry& entry, const state::ApplyResult& result,
                 const state::StateView& after, Moment moment);
    void applied_empty(std::uint64_t index) { future_.applied(index); }
    // What applying this entry leads to, where that is known: instead of applying it.
    [[nodiscard]] std::optional<Foreseen> take_foreseen(std::uint64_t index,
                                                        const schema::Entry& entry) {
        return future_.take(index, entry);
    }
    void plan_computed(std::uint64_t work, const schema::SchedulerOutput& output,
                       const state::StateView& applied, Moment moment);
    // A client of this node was heard of: how long its next word may take.
    [[nodiscard]] Duration heard_of(const Uuid& node, Instant now);

    // What is due now. Called until nothing comes back; bounded, because one plan is computed at a
    // time and every timer moves on.
    [[nodiscard]] Orders work(const state::StateView& applied, Moment moment);
    [[nodiscard]] state::StateView future(const state::StateView& applied) {
        return future_.view(applied);
    }
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    // For tests and metrics.
    [[nodiscard]] const Broker& broker() const { return broker_; }
    [[nodiscard]] const BlockedEvaluations& blocked() const { return blocked_; }
    [[nodiscard]] const Heartbeats& heartbeats() const { return heartbeats_; }

private:
    void take_over(const state::StateView& applied, Moment moment);
    void observe_evaluation(const EvaluationPtr& evaluation, const state::StateView& view,
                            Moment moment);
    void observe_nodes(const state::Changes& changes, Moment moment);
    void observe_capacity(std::uint64_t index, const schema::Entry& entry,
                          const state::Changes& changes, const state::StateView& after,
                          Moment moment);
    void enqueue(const std::vector<EvaluationPtr>& evaluations, Moment moment);
    void expire_heartbeats(const state::StateView& applied, Moment moment);
    void close_evaluations(Moment moment, const state::StateView& applied);
    void do_rounds(const state::StateView& applied, Moment moment);

    Config config_;
    Prng prng_;
    Future future_;
    Broker broker_;
    BlockedEvaluations blocked_;
    Heartbeats heartbeats_;
    Lane lane_;
    Deployments deployments_;
    Drainer drainer_;
    Periodic periodic_;
    GarbageCollector garbage_;
    std::vector<EntryPtr> outbox_;
    Instant next_unblock_failed_;
    std::map<Uuid, Uuid> expiring_;    // request id of a missed heartbeat on its way -> its node
    std::vector<EntryPtr> postponed_;  // could not be proposed, and nobody else tries again
    Instant next_postponed_;
};

}  // namespace drover::control
