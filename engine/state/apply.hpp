// What the appliers of the single entry types share. Internal to engine/state.
//
// An applier first checks, then writes: a refused entry has changed nothing. Rows that one entry
// touches many times (summaries, deployments) and job statuses are worked out once, at its end.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "engine/base/result.hpp"
#include "engine/base/uuid.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/state/state.hpp"
#include "engine/state/writer.hpp"

namespace drover::state {

class Context {
public:
    Context(TableWriter& write, const schema::Entry& entry, const StateConfig& config)
        : write{write}, wall_ns{entry.wall_ns()}, config{config} {}

    TableWriter& write;
    const std::int64_t wall_ns;
    const StateConfig& config;

    [[nodiscard]] const Tables& tables() const { return write.tables(); }
    [[nodiscard]] std::uint64_t index() const { return write.index(); }
    [[nodiscard]] JobPtr job(const JobKey& key) const;
    [[nodiscard]] NodePtr node(const Uuid& id) const;
    [[nodiscard]] AllocationPtr allocation(const Uuid& id) const;

    // The row as this entry has made it so far; null where there is none. A change is stored when
    // the entry ends.
    schema::Deployment* edit_deployment(const Uuid& id);
    [[nodiscard]] const schema::Deployment* deployment(const Uuid& id) const;
    void new_deployment(schema::Deployment row);
    schema::JobSummary* edit_summary(const JobKey& key);

    // The job's status is computed anew when the entry ends.
    void touch_job(const JobKey& key) { touched_.insert(key); }
    void reaped_evaluation_of(const JobKey& key) {
        touched_.insert(key);
        reaped_.insert(key);
    }

    // The summary of its parent counts it no longer.
    void leave_parent(const schema::Job& child);

    void finish();

private:
    void update_job_status(const JobKey& key);
    void move_in_parent(const schema::Job& job, const std::string& before);

    std::map<Uuid, schema::Deployment> deployments_;
    std::map<JobKey, schema::JobSummary> summaries_;
    std::set<JobKey> touched_;
    std::set<JobKey> reaped_;  // an evaluation of these was removed
};

// ---- parts that several entry types use

// Stores the job as a new version of itself (or as the first).
void upsert_job(Context& context, schema::Job job);
// The same request again, apart from what servers note about a job.
[[nodiscard]] bool same_specification(const schema::Job& a, const schema::Job& b);
// With its versions, its deployments, its summary and its launch; evaluations and allocations stay.
void purge_job(Context& context, const JobKey& key);
void set_job_stability(Context& context, const JobVersionKey& key, bool stable);

// An id that is not 16 bytes could be stored, but never found or restored again.
[[nodiscard]] Result<void> check_id(const char* what, const std::string& raw);
template <class Rows>
[[nodiscard]] Result<void> check_ids(const char* what, const Rows& rows) {
    for (const auto& row : rows) {
        if (auto checked = check_id(what, row.id()); !checked) return checked;
    }
    return {};
}

void upsert_evaluation(Context& context, schema::Evaluation evaluation);
template <class Evaluations>
void upsert_evaluations(Context& context, const Evaluations& evaluations) {
    for (const schema::Evaluation& one : evaluations) upsert_evaluation(context, one);
}

// Stores the allocation and moves the counters of its job's summary and of its deployment.
void store_allocation(Context& context, const AllocationPtr& row, const AllocationPtr& before);
// A stored allocation with this change.
void change_allocation(Context& context, const AllocationPtr& before,
                       const AllocationChange& change);

[[nodiscard]] Result<void> check_deployment_status(const Context& context,
                                                   const schema::DeploymentStatusUpdate& update);
void apply_deployment_status(Context& context, const schema::DeploymentStatusUpdate& update);
void upsert_deployment(Context& context, schema::Deployment row);
// Moves the counters by what this allocation has become. True where its health has changed, which
// its deployment status is to note.
bool count_in_deployment(Context& context, const AllocationRow& now, const AllocationRow* before);
[[nodiscard]] bool deployment_terminal(const schema::Deployment& row);

// The servers that registered without this level, for a sentence; empty where all support it.
[[nodiscard]] std::string servers_without(const Tables& tables, std::uint32_t level);

// ---- one per entry type

[[nodiscard]] Result<void> apply_body(Context& context, const schema::JobRegistration& body);
[[nodiscard]] Result<void> apply_body(Context& context, const schema::JobDeregistration& body);
[[nodiscard]] Result<void> apply_body(Context& context, const schema::JobStabilityChange& body);
[[nodiscard]] Result<void> apply_body(Context& context, const schema::JobVersionTagging& body);
[[nodiscard]] Result<void> apply_body(Context& context, const schema::SummaryReconciliation& body);
[[nodiscard]] Result<void> apply_body(Context& context, const schema::NodeRegistration& body);
[[nodiscard]] Result<void> apply_body(Context& context, const schema::NodeStatusChange& body);
[[nodiscard]] Result<void> apply_body(Context& context, const schema::NodeEligibilityChange& body);
[[nodiscard]] Result<void> apply_body(Context& context, const schema::NodeDrainChange& body);
[[nodiscard]] Result<void> apply_body(Context& context,
                                      const schema::SchedulerConfigurationChange& body);
[[nodiscard]] Result<void> apply_body(Context& context, const schema::EvaluationUpsert& body);
[[nodiscard]] Result<void> apply_body(Context& context, const schema::PlanResult& body);
[[nodiscard]] Result<void> apply_body(Context& context, const schema::AllocationClientUpdate& body);
[[nodiscard]] Result<void> apply_body(Context& context, const schema::AllocationTransition& body);
[[nodiscard]] Result<void> apply_body(Context& context, const schema::DeploymentChange& body);
[[nodiscard]] Result<void> apply_body(Context& context, const schema::Reaping& body);
[[nodiscard]] Result<void> apply_body(Context& context, const schema::ServerRegistration& body);
[[nodiscard]] Result<void> apply_body(Context& context, const schema::FeatureLevelChange& body);
[[nodiscard]] Result<void> apply_body(Context& context, const schema::Rehearsal& body);

}  // namespace drover::state
