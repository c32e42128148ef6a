// See leader.hpp.
#include "engine/control/leader.hpp"

#include <algorithm>
#include <utility>

#include "engine/control/node_changes.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/schema/scheduler_configuration.pb.h"

namespace drover::control {
namespace {

// A change this old cannot have been missed by anything that is still running.
constexpr Duration change_memory = std::chrono::minutes{15};

std::optional<Instant> earlier(std::optional<Instant> a, std::optional<Instant> b) {
    if (!a) return b;
    if (!b) return a;
    return std::min(*a, *b);
}

bool is_paused(const state::StateView& view) {
    const auto& set = view.scheduler_configuration();
    return set != nullptr && set->pause_eval_broker();
}

Uuid request_of(const schema::Entry& entry) { return state::to_uuid(entry.request_id()); }

}  // namespace

Leader::Leader(const Config& config, state::StateConfig state_config, Prng prng,
               const state::StateView& applied, Moment moment)
    : config_{config},
      prng_{prng},
      future_{state_config},
      broker_{config},
      heartbeats_{config, prng.stream("heartbeats")},
      lane_{config},
      periodic_{config.zones},
      garbage_{config, moment.now},
      next_unblock_failed_{moment.now + config.unblock_failed_interval} {
    take_over(applied, moment);
}

void Leader::take_over(const state::StateView& applied, Moment moment) {
    broker_.pause(is_paused(applied));
    for (const EvaluationPtr& evaluation : applied.evaluations()) {
        observe_evaluation(evaluation, applied, moment);
    }
    for (const state::NodePtr& node : applied.nodes()) {
        if (node->status() != "down") heartbeats_.take_over(state::to_uuid(node->id()), moment.now);
    }
    deployments_.take_over(applied);
    drainer_.take_over(applied);
    periodic_.take_over(applied, moment);
    // The one before may have woken some that are blocked here again.
    blocked_.anything_changed(applied);
    enqueue(blocked_.take_woken(applied), moment);
}

void Leader::proposed(std::uint64_t index, EntryPtr entry) {
    future_.proposed(index, std::move(entry));
}

void Leader::refused(const EntryPtr& entry, Moment moment) {
    const Uuid request = request_of(*entry);
    if (const auto evaluation = lane_.refused(request)) {
        return broker_.nack(*evaluation, moment.now);
    }
    if (const auto expiring = expiring_.find(request); expiring != expiring_.end()) {
        heartbeats_.retry(expiring->second, moment.now);
        expiring_.erase(expiring);
        return;
    }
    deployments_.refused(request, moment.now);
    drainer_.refused(request, moment.now);
    periodic_.refused(request, moment.now);
    garbage_.refused(request, moment.now);
    // Evaluations to close were taken out of their queues, and nobody else remembers them.
    if (!entry->has_upsert_evaluations()) return;
    if (postponed_.empty()) next_postponed_ = moment.now + std::chrono::seconds{1};
    postponed_.push_back(entry);
}

void Leader::applied(std::uint64_t index, const schema::Entry& entry,
                     const state::ApplyResult& result, const state::StateView& after,
                     Moment moment) {
    const Uuid request = request_of(entry);
    future_.applied(index);
    broker_.pause(is_paused(after));
    lane_.applied(request);
    expiring_.erase(request);
    if (result.outcome == state::Applied::done) {
        deployments_.applied(request);
        drainer_.applied(request);
    } else {
        deployments_.refused(request, moment.now);
        drainer_.refused(request, moment.now);
        periodic_.refused(request, moment.now);
    }
    garbage_.applied(entry, moment.now);
    for (const auto& evaluation : result.changes.evaluations) {
        // The row may be gone by now: then the change was its removal.
        const EvaluationPtr stored = after.evaluation(id_of(*evaluation));
        if (stored) {
            observe_evaluation(stored, after, moment);
        } else {
            broker_.remove(id_of(*evaluation));
            blocked_.remove(id_of(*evaluation));
        }
    }
    observe_nodes(result.changes, moment);
    observe_capacity(index, entry, result.changes, after, moment);
    enqueue(blocked_.take_woken(after), moment);
    deployments_.changed(result.changes);
    drainer_.changed(result.changes, moment.now);
    periodic_.changed(entry, result.changes, after, moment);
}

void Leader::observe_evaluation(const EvaluationPtr& evaluation, const state::StateView& view,
                                Moment moment) {
    const Uuid id = id_of(*evaluation);
    if (evaluation->status() == "pending") {
        blocked_.remove(id);
        return broker_.enqueue(evaluation, moment.now, moment.wall);
    }
    // Unblocked and on its way through the lane: what it becomes is told by its last entry.
    if (evaluation->status() == "blocked" && lane_.working_on(id)) return;
    broker_.remove(id);
    blocked_.remove(id);
    if (evaluation->status() == "blocked") blocked_.block(evaluation, view);
}

void Leader::enqueue(const std::vector<EvaluationPtr>& evaluations, Moment moment) {
    for (const EvaluationPtr& evaluation : evaluations) {
        broker_.enqueue(evaluation, moment.now, moment.wall);
    }
}

void Leader::observe_nodes(const state::Changes& changes, Moment moment) {
    for (const state::NodePtr& node : changes.nodes) {
        const Uuid id = state::to_uuid(node->id());
        if (node->status() == "down") {
            heartbeats_.forget(id);
        } else if (!heartbeats_.watches(id)) {
            (void)heartbeats_.heard_of(id, moment.now);
        }
    }
}

// Wherever room may have appeared: on nodes that came or changed, where an allocation is to stop or
// has ended, and where a plan has changed what one takes.
void Leader::observe_capacity(std::uint64_t index, const schema::Entry& entry,
                              const state::Changes& changes, const state::StateView& after,
                              Moment moment) {
    if (entry.has_register_node() || entry.has_change_node_status() ||
        entry.has_change_node_eligibility() || entry.has_change_node_drain()) {
        for (const state::NodePtr& node : changes.nodes) {
            blocked_.node_changed(state::to_uuid(node->id()), index, moment.now);
        }
    }
    if (entry.has_change_scheduler_configuration()) blocked_.anything_changed(after);
    if (entry.has_register_job()) {
        blocked_.job_changed(state::key_of(entry.register_job().job()), index);
    } else if (entry.has_deregister_job()) {
        const auto& stopped = entry.deregister_job();
        blocked_.job_changed({stopped.namespace_(), stopped.job_id()}, index);
    }
    if (entry.has_reap()) return;  // took nothing any more
    for (const state::AllocationPtr& row : changes.allocations) {
        const bool replaced = entry.has_apply_plan() && row->body.create_index() < index;
        if (!row->terminal() && !replaced) continue;
        blocked_.node_changed(row->node_id, index, moment.now);
        if (!entry.has_apply_plan() && blocked_.count() > 0) {
            blocked_.job_changed(state::job_of(*row), index);
        }
    }
}

void Leader::plan_computed(std::uint64_t work, const schema::SchedulerOutput& output,
                           const state::StateView& applied, Moment moment) {
    const Mint mint{moment.wall, prng_};
    for (EntryPtr& entry : lane_.plan_computed(work, output, future_.view(applied), mint)) {
        outbox_.push_back(std::move(entry));
    }
}

Duration Leader::heard_of(const Uuid& node, Instant now) { return heartbeats_.heard_of(node, now); }

Orders Leader::work(const state::StateView& applied, Moment moment) {
    lane_.pass_time(moment.now);
    broker_.pass_time(moment.now);
    expire_heartbeats(applied, moment);
    close_evaluations(moment, applied);
    do_rounds(applied, moment);
    for (EntryPtr& entry : deployments_.work(applied, moment, prng_)) {
        outbox_.push_back(std::move(entry));
    }
    for (EntryPtr& entry : drainer_.work(applied, moment, prng_)) {
        outbox_.push_back(std::move(entry));
    }
    for (EntryPtr& entry : periodic_.work(applied, moment, prng_)) {
        outbox_.push_back(std::move(entry));
    }
    if (EntryPtr entry = garbage_.work(applied, moment, prng_)) {
        outbox_.push_back(std::move(entry));
    }
    Orders orders{std::exchange(outbox_, {}), std::nullopt};
    // What was just ordered belongs to the view of the next plan: it is taken up once proposed.
    // Looking ahead applies everything proposed a second time: only where something waits for it.
    if (orders.proposals.empty() && lane_.may_take_up(broker_)) {
        orders.plan = lane_.take_up(broker_, future_.view(applied), moment, prng_);
    }
    return orders;
}

void Leader::expire_heartbeats(const state::StateView& applied, Moment moment) {
    const Mint mint{moment.wall, prng_};
    for (const Uuid& id : heartbeats_.expired(moment.now)) {
        const state::NodePtr node = applied.node(id);
        if (!node || node->status() == "down") continue;
        const std::string status = status_after_missed_heartbeat(applied, *node, moment.wall);
        auto entry = new_entry(mint);
        auto& change = *entry->mutable_change_node_status();
        change.set_node_id(node->id());
        change.set_status(status);
        change.set_updated_at_s(moment.wall.value() / 1'000'000'000);
        add_node_event(*change.mutable_event(), "Cluster", "Node heartbeat missed", moment.wall);
        if (status_change_matters(node->status(), status)) {
            for (auto& evaluation : node_evaluations(applied, *node, mint)) {
                *change.add_evaluations() = std::move(evaluation);
            }
        }
        seal(*entry);
        expiring_[request_of(*entry)] = id;
        outbox_.push_back(std::move(entry));
    }
}

// Evaluations that end without a run of their own.
void Leader::close_evaluations(Moment moment, const state::StateView& applied) {
    const auto cancelable = broker_.take_cancelable();
    const auto duplicates = blocked_.take_duplicates();
    const auto given_up = broker_.take_failed();
    if (cancelable.empty() && duplicates.empty() && given_up.empty()) return;
    const Mint mint{moment.wall, prng_};
    auto entry = new_entry(mint);
    auto& body = *entry->mutable_upsert_evaluations();
    const auto close = [&](const EvaluationPtr& evaluation, const char* status, std::string why) {
        const EvaluationPtr stored = applied.evaluation(id_of(*evaluation));
        if (!stored) return static_cast<schema::Evaluation*>(nullptr);
        schema::Evaluation& closed = *body.add_evaluations();
        closed = *stored;
        closed.set_status(status);
        closed.set_status_description(std::move(why));
        closed.set_modify_time(moment.wall.value());
        return &closed;
    };
    for (const auto& evaluation : cancelable) {
        close(evaluation, "canceled", "canceled after more recent eval was processed");
    }
    for (const auto& evaluation : duplicates) {
        close(evaluation, "canceled",
              "existing blocked evaluation exists for job \"" + evaluation->job_id() + "\"");
    }
    for (const auto& evaluation : given_up) {
        auto* failed = close(evaluation, "failed",
                             "evaluation reached delivery limit (" +
                                 std::to_string(config_.evaluation_delivery_limit) + ")");
        const state::JobPtr job = applied.job(job_of(*evaluation));
        if (failed == nullptr || !job) continue;
        schema::Evaluation next = new_evaluation(mint, *job, "failed-follow-up");
        next.set_priority(evaluation->priority());
        next.set_previous_eval(evaluation->id());
        next.set_wait((config_.failed_follow_up_delay +
                       prng_.between(Duration{0}, config_.failed_follow_up_spread))
                          .count());
        failed->set_next_eval(next.id());
        *body.add_evaluations() = std::move(next);
    }
    if (body.evaluations().empty()) return;
    seal(*entry);
    outbox_.push_back(std::move(entry));
}

void Leader::do_rounds(const state::StateView& applied, Moment moment) {
    if (!postponed_.empty() && moment.now >= next_postponed_) {
        for (EntryPtr& entry : std::exchange(postponed_, {})) outbox_.push_back(std::move(entry));
    }
    if (moment.now >= next_unblock_failed_) {
        next_unblock_failed_ = moment.now + config_.unblock_failed_interval;
        blocked_.retry_failed();
        enqueue(blocked_.take_woken(applied), moment);
        blocked_.prune(moment.now - change_memory);
    }
}

std::optional<Instant> Leader::next_deadline() const {
    std::optional<Instant> next = next_unblock_failed_;
    if (!postponed_.empty()) next = earlier(next, next_postponed_);
    next = earlier(next, broker_.next_deadline());
    next = earlier(next, heartbeats_.next_deadline());
    next = earlier(next, drainer_.next_deadline());
    next = earlier(next, periodic_.next_deadline());
    next = earlier(next, garbage_.next_deadline());
    return earlier(next, deployments_.next_deadline());
}

}  // namespace drover::control
