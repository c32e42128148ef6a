// See garbage.hpp. It never collects what still runs, or what a decision may still look at: the
// reschedule history of a failed allocation, and everything of a batch job that could run twice.
#include "engine/control/garbage.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/entry.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/state/features.hpp"

namespace drover::control {
namespace {

constexpr int ids_max = 7281;  // in one entry
// A look of the leader's own, and its pause: a walk over a million rows takes half a minute, and no
// step of it more than a few milliseconds.
constexpr std::size_t rows_in_look = 2048;
constexpr Duration pause = std::chrono::milliseconds{50};

bool is_old(std::int64_t time_ns, Duration age, WallTime wall) {
    return WallTime{time_ns} + age <= wall;
}

bool is_terminal(const schema::Evaluation& evaluation) {
    return evaluation.status() == "complete" || evaluation.status() == "failed" ||
           evaluation.status() == "canceled";
}

bool job_is_over(const schema::Job* job) {
    return job == nullptr || job->stop() || job->status() == "dead";
}

const schema::ReschedulePolicy* reschedule_policy_of(const state::AllocationRow& row) {
    for (const auto& group : row.job->task_groups()) {
        if (group.name() == row.body.task_group() && group.has_reschedule_policy()) {
            return &group.reschedule_policy();
        }
    }
    return nullptr;
}

bool may_be_forgotten(const state::AllocationRow& row, const schema::Job* job, Duration age,
                      WallTime wall) {
    if (!row.terminal() || !is_old(row.body.modify_time(), age, wall)) return false;
    if (row.client_status == state::ClientStatus::running) return false;
    if (job_is_over(job) || row.server_terminal()) return true;
    if (row.client_status != state::ClientStatus::failed) return true;
    if (!row.body.next_allocation().empty()) return true;
    const auto* policy = reschedule_policy_of(row);
    if (policy == nullptr || (!policy->unlimited() && policy->attempts() == 0)) return true;
    const auto tracker = row.body.reschedule_tracker();
    if (policy->unlimited() || tracker.events().empty()) return false;
    return is_old(tracker.events().rbegin()->reschedule_time(), Duration{policy->interval()}, wall);
}

// One look: what it may still read, and what it has found.
class Look {
public:
    Look(const state::StateView& view, const GarbageAges& ages, WallTime wall, std::size_t rows,
         schema::Reaping& reaping)
        : view_{view}, ages_{ages}, wall_{wall}, rows_{rows}, reaping_{reaping} {}

    void go_on(GarbageWalk& walk) {
        while (walk.stage != GarbageWalk::Stage::over && !is_full()) {
            if (!stage(walk)) return;
            walk.stage = static_cast<GarbageWalk::Stage>(static_cast<int>(walk.stage) + 1);
            walk.id = {};
        }
    }

private:
    // True once the stage has no more rows.
    bool stage(GarbageWalk& walk) {
        const state::Tables& tables = view_.tables();
        switch (walk.stage) {
            case GarbageWalk::Stage::jobs:
                return rows(tables.jobs, walk.job, [this](const auto& row) { job(*row); });
            case GarbageWalk::Stage::evaluations:
                return rows(tables.evaluations, walk.id,
                            [this](const auto& row) { evaluation(*row); });
            case GarbageWalk::Stage::deployments:
                return rows(tables.deployments, walk.id,
                            [this](const auto& row) { deployment(*row); });
            case GarbageWalk::Stage::nodes:
                return rows(tables.nodes, walk.id, [this](const auto& row) { node(*row); });
            case GarbageWalk::Stage::over:
                break;
        }
        return true;
    }

    template <class Tree, class Key, class Visit>
    bool rows(const Tree& tree, Key& key, const Visit& visit) {
        const auto range = tree.from(key);
        for (auto at = range.begin(); at != range.end(); ++at) {
            key = at.key();
            if (is_full() || rows_ == 0) return false;
            --rows_;
            visit(*at);
        }
        return true;
    }

    [[nodiscard]] bool is_full() const {
        return reaping_.evaluation_ids_size() + reaping_.allocation_ids_size() +
                   reaping_.deployment_ids_size() + reaping_.node_ids_size() +
                   reaping_.jobs_size() >=
               ids_max;
    }
    void count(std::size_t rows) { rows_ -= std::min(rows, rows_); }

    // Nobody can start it again, or ask what it was: its evaluations and their allocations go
    // later, as those of a job that is no more.
    void job(const schema::Job& job) {
        if (state::effective_level(view_.feature_level()) < 2) return;
        const bool once = job.type() == "batch" || job.type() == "sysbatch";
        const bool is_parent = (job.has_periodic() && job.periodic().enabled()) ||
                               (job.has_parameterized_job() && !job.dispatched());
        if (job.status() != "dead" || (!job.stop() && (!once || is_parent))) return;
        if (!is_old(job.submit_time(), ages_.job, wall_)) return;
        const state::JobKey key = state::key_of(job);
        for (const state::JobPtr& version : view_.job_versions(key)) {
            if (version->has_version_tag()) return;
        }
        for (const state::EvaluationPtr& one : view_.evaluations_of(key)) {
            if (!may_be_forgotten_with_job(*one, job)) return;
        }
        schema::UnusedJob& unused = *reaping_.add_jobs();
        unused.set_namespace_(key.namespace_);
        unused.set_job_id(key.id);
        unused.set_job_modify_index(job.job_modify_index());
    }

    bool may_be_forgotten_with_job(const schema::Evaluation& one, const schema::Job& job) {
        if (!is_terminal(one) || !is_old(one.modify_time(), ages_.evaluation, wall_)) return false;
        const auto rows = view_.allocations_by_evaluation(state::to_uuid(one.id()));
        count(rows.size());
        return std::all_of(rows.begin(), rows.end(), [&](const auto& row) {
            return may_be_forgotten(*row, &job, ages_.evaluation, wall_);
        });
    }

    void evaluation(const schema::Evaluation& evaluation) {
        const state::JobPtr job = view_.job({evaluation.namespace_(), evaluation.job_id()});
        const bool batch = evaluation.type() == "batch" && job;
        const Duration age = batch ? ages_.batch_evaluation : ages_.evaluation;
        if (!is_terminal(evaluation) || !is_old(evaluation.modify_time(), age, wall_)) return;
        // A batch job's results say that it has run: they stay while the job could be looked at
        // again.
        const bool only_older_incarnations = batch && !(job->status() == "dead" && job->stop());
        bool all = true;
        const auto rows = view_.allocations_by_evaluation(state::to_uuid(evaluation.id()));
        count(rows.size());
        for (const auto& row : rows) {
            const bool current =
                only_older_incarnations && row->body.create_index() >= job->job_modify_index();
            if (!current && may_be_forgotten(*row, job.get(), age, wall_)) {
                reaping_.add_allocation_ids(row->id.raw());
            } else {
                all = false;
            }
        }
        if (all) reaping_.add_evaluation_ids(evaluation.id());
    }

    void deployment(const schema::Deployment& deployment) {
        const std::string& status = deployment.status();
        const bool over = status == "failed" || status == "successful" || status == "cancelled";
        if (!over || !is_old(deployment.modify_time(), ages_.deployment, wall_)) return;
        const auto rows = view_.allocations_by_deployment(state::to_uuid(deployment.id()));
        count(rows.size());
        if (all_terminal(rows)) reaping_.add_deployment_ids(deployment.id());
    }

    void node(const schema::Node& node) {
        const std::int64_t since = node.status_updated_at() * 1'000'000'000;
        if (node.status() != "down" || !is_old(since, ages_.node, wall_)) return;
        if (all_terminal(view_.allocations_on(state::to_uuid(node.id())))) {
            reaping_.add_node_ids(node.id());
        }
    }

    template <class Rows>
    static bool all_terminal(const Rows& rows) {
        return std::all_of(rows.begin(), rows.end(),
                           [](const auto& row) { return row->terminal(); });
    }

    const state::StateView& view_;
    const GarbageAges& ages_;
    WallTime wall_;
    std::size_t rows_;
    schema::Reaping& reaping_;
};

}  // namespace

GarbageAges ages_of(const Config& config) {
    return {config.job_garbage_age, config.evaluation_garbage_age,
            config.batch_evaluation_garbage_age, config.deployment_garbage_age,
            config.node_garbage_age};
}

void collect_garbage(const state::StateView& view, const GarbageAges& ages, WallTime wall,
                     std::size_t rows_max, GarbageWalk& walk, schema::Reaping& reaping) {
    Look{view, ages, wall, rows_max, reaping}.go_on(walk);
}

EntryPtr collect_everything(const state::StateView& view, const Mint& mint,
                            std::shared_ptr<schema::Entry> entry) {
    schema::Reaping& reaping = *entry->mutable_reap();
    reaping.set_everything(true);
    GarbageWalk walk;
    collect_garbage(view, {}, mint.wall, ids_max, walk, reaping);
    seal(*entry);
    return entry;
}

GarbageCollector::GarbageCollector(const Config& config, Instant now)
    : interval_{config.garbage_interval}, ages_{ages_of(config)}, next_look_{now + interval_} {}

void GarbageCollector::applied(const schema::Entry& entry, Instant now) {
    if (in_flight_ == state::to_uuid(entry.request_id())) in_flight_.reset();
    if (!entry.reap().everything()) return;
    walk_ = {};
    everything_ = true;
    next_look_ = now;
}

void GarbageCollector::refused(const Uuid& request, Instant now) {
    if (in_flight_ != request) return;
    in_flight_.reset();
    walk_ = {};  // what it would have taken is behind the walk by now
    next_look_ = now + interval_;
}

EntryPtr GarbageCollector::work(const state::StateView& view, Moment moment, Prng& prng) {
    if (in_flight_ || moment.now < next_look_) return nullptr;
    schema::Reaping reaping;
    collect_garbage(view, everything_ ? GarbageAges{} : ages_, moment.wall, rows_in_look, walk_,
                    reaping);
    next_look_ = moment.now + pause;
    if (walk_.stage == GarbageWalk::Stage::over) {
        walk_ = {};
        everything_ = false;
        next_look_ = moment.now + interval_;
    }
    if (reaping.ByteSizeLong() == 0) return nullptr;
    auto entry = new_entry(Mint{moment.wall, prng});
    *entry->mutable_reap() = std::move(reaping);
    seal(*entry);
    in_flight_ = state::to_uuid(entry->request_id());
    return entry;
}

std::optional<Instant> GarbageCollector::next_deadline() const {
    if (in_flight_) return std::nullopt;
    return next_look_;
}

}  // namespace drover::control
