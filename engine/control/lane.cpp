// See lane.hpp.
#include "engine/control/lane.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/control/plan_check.hpp"
#include "engine/schema/job.pb.h"

namespace drover::control {
namespace {

constexpr std::size_t committing_max = 16;

bool worth_planning(const state::EvaluationPtr& evaluation) {
    return evaluation && (evaluation->status() == "pending" || evaluation->status() == "blocked");
}

void add_evaluation(schema::PlanResult& result, schema::Evaluation evaluation,
                    std::uint64_t view_index, const Mint& mint) {
    if (evaluation.snapshot_index() == 0) evaluation.set_snapshot_index(view_index);
    if (evaluation.create_time() == 0) evaluation.set_create_time(mint.wall.value());
    evaluation.set_modify_time(mint.wall.value());
    *result.add_evaluations() = std::move(evaluation);
}

// Jobs that lose something to this plan are looked at again.
void add_preemption_evaluations(schema::PlanResult& result, const state::StateView& view,
                                const Mint& mint) {
    std::set<state::JobKey> jobs;
    for (const auto& group : result.plan().preemptions()) {
        for (const auto& allocation : group.allocations()) {
            const auto row = view.allocation(state::to_uuid(allocation.id()));
            if (row) jobs.insert(state::key_of(*row->job));
        }
    }
    for (const state::JobKey& key : jobs) {
        if (const state::JobPtr job = view.job(key)) {
            *result.add_evaluations() = new_evaluation(mint, *job, "preemption");
        }
    }
}

// Nothing to place or stop: only the evaluations change.
EntryPtr seal_result(schema::PlanResult result, const Mint& mint) {
    auto entry = new_entry(mint);
    if (changes_nothing(result.plan())) {
        *entry->mutable_upsert_evaluations()->mutable_evaluations() =
            std::move(*result.mutable_evaluations());
    } else {
        *entry->mutable_apply_plan() = std::move(result);
    }
    seal(*entry);
    return entry;
}

schema::Evaluation out_of_attempts(const schema::Evaluation& evaluation, const Mint& mint) {
    schema::Evaluation blocked = new_evaluation(
        mint, {job_of(evaluation), evaluation.priority(), evaluation.type(), "max-plan-attempts"});
    blocked.set_job_modify_index(evaluation.job_modify_index());
    blocked.set_status("blocked");
    blocked.set_status_description("created due to placement conflicts");
    blocked.set_previous_eval(evaluation.id());
    blocked.set_escaped_computed_class(true);
    return blocked;
}

}  // namespace

std::uint32_t Lane::attempts_max(const schema::Evaluation& evaluation) const {
    const bool batch = evaluation.type() == "batch" || evaluation.type() == "sysbatch";
    return batch ? config_.batch_plan_attempts : config_.service_plan_attempts;
}

bool Lane::may_take_up(const Broker& broker) const {
    if (planning_) return false;
    return again_ || (committing_.size() < committing_max && broker.has_work());
}

std::optional<PlanWanted> Lane::take_up(Broker& broker, const state::StateView& future,
                                        Moment moment, Prng& prng) {
    if (planning_) return std::nullopt;
    if (again_) return start(*std::exchange(again_, std::nullopt), future, moment, prng);
    while (committing_.size() < committing_max) {
        const EvaluationPtr queued = broker.dequeue(moment.now);
        if (!queued) return std::nullopt;
        const EvaluationPtr latest = future.evaluation(id_of(*queued));
        if (worth_planning(latest)) return start({latest, 0, 0, 0, {}}, future, moment, prng);
        broker.remove(id_of(*queued));
    }
    return std::nullopt;
}

PlanWanted Lane::start(Run run, const state::StateView& future, Moment moment, Prng& prng) {
    run.work = ++last_work_;
    run.view_index = future.applied_index();
    run.since = moment.now;
    planning_ = run;
    return {run.work, future, run.evaluation, moment.wall, prng.next()};
}

std::vector<EntryPtr> Lane::plan_computed(std::uint64_t work, const schema::SchedulerOutput& output,
                                          const state::StateView& future, const Mint& mint) {
    if (!planning_ || planning_->work != work) return {};
    Run run = *std::exchange(planning_, std::nullopt);
    const Uuid evaluation_id = id_of(*run.evaluation);
    schema::PlanResult result;
    CheckedPlan checked = check_plan(future, output.plan());
    const bool progress = !changes_nothing(checked.plan);
    *result.mutable_plan() = std::move(checked.plan);
    run.attempts = progress ? 0 : run.attempts + 1;
    const bool given_up = !checked.complete() && run.attempts >= attempts_max(*run.evaluation);
    // Later looks that the plan's rows refer to are stored with any part of it; what remains
    // blocked is known only when nothing was refused.
    for (const auto& created : output.created()) {
        if (checked.complete() || created.status() == "pending") {
            add_evaluation(result, created, run.view_index, mint);
        }
    }
    add_preemption_evaluations(result, future, mint);
    if (!checked.complete() && !given_up) {
        again_ = run;
        if (!progress) return {};
        result.set_refresh_index(future.applied_index());
        return {seal_result(std::move(result), mint)};
    }
    schema::Evaluation finished = output.evaluation();
    if (given_up) {
        schema::Evaluation blocked = out_of_attempts(finished, mint);
        finished.set_status("failed");
        finished.set_status_description("maximum attempts reached (" +
                                        std::to_string(run.attempts) + ")");
        finished.set_blocked_eval(blocked.id());
        add_evaluation(result, std::move(blocked), run.view_index, mint);
    }
    finished.set_snapshot_index(run.view_index);
    add_evaluation(result, std::move(finished), run.view_index, mint);
    const EntryPtr entry = seal_result(std::move(result), mint);
    committing_[state::to_uuid(entry->request_id())] = evaluation_id;
    return {entry};
}

void Lane::applied(const Uuid& request) { committing_.erase(request); }

std::optional<Uuid> Lane::refused(const Uuid& request) {
    const auto found = committing_.find(request);
    if (found == committing_.end()) return std::nullopt;
    const Uuid evaluation = found->second;
    committing_.erase(found);
    return evaluation;
}

void Lane::pass_time(Instant now) {
    if (planning_ && planning_->since + config_.evaluation_nack_timeout <= now) planning_.reset();
}

bool Lane::working_on(const Uuid& evaluation) const {
    const auto runs = [&](const std::optional<Run>& run) {
        return run && id_of(*run->evaluation) == evaluation;
    };
    return runs(planning_) || runs(again_) ||
           std::any_of(committing_.begin(), committing_.end(),
                       [&](const auto& pair) { return pair.second == evaluation; });
}

}  // namespace drover::control
