// What one entry has touched, and the status of jobs, which follows from everything else.
#include "engine/schema/deployment.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/state/apply.hpp"
#include "engine/state/view.hpp"

namespace drover::state {

namespace {

template <class Pointer, class Tree, class Key>
Pointer row_or_null(const Tree& tree, const Key& key) {
    const auto* row = tree.find(key);
    return row != nullptr ? Pointer{*row} : nullptr;
}

template <class Tree>
auto of_job(const Tree& tree, const JobKey& key) {
    Uuid greatest;
    greatest.bytes.fill(0xff);
    return tree.between({key, Uuid{}}, {key, greatest});
}

bool is_launcher(const schema::Job& job) {
    bool is_child = !job.parent_id().empty();
    return job.type() == "system" || (job.has_periodic() && (!is_child || job.dispatched())) ||
           (job.has_parameterized_job() && !job.dispatched());
}

std::string status_of(const Tables& tables, const schema::Job& job, bool reaped) {
    if (is_launcher(job)) return job.stop() ? "dead" : "running";
    JobKey key = key_of(job);
    const JobInUse* in_use = tables.derived.jobs_in_use.find(key);
    if (in_use != nullptr && in_use->live > 0) return "running";
    for (const DeploymentPtr& row : of_job(tables.derived.deployments_by_job, key)) {
        if (!deployment_terminal(*row)) return "running";
    }
    bool any = false;
    for (const EvaluationPtr& row : of_job(tables.derived.evaluations_by_job, key)) {
        if (row->status() == "pending" || row->status() == "blocked") return "pending";
        any = true;
    }
    return any || reaped || job.stop() ? "dead" : "pending";
}

void count_child(schema::JobChildrenSummary& children, const std::string& status, std::int64_t by) {
    auto moved = [by](std::int64_t value) { return value + by < 0 ? 0 : value + by; };
    if (status == "pending") children.set_pending(moved(children.pending()));
    if (status == "running") children.set_running(moved(children.running()));
    if (status == "dead") children.set_dead(moved(children.dead()));
}

}  // namespace

Result<void> check_id(const char* what, const std::string& raw) {
    if (Uuid::from_raw(raw)) return {};
    return fail(Errc::invalid_argument, std::string{what} + " needs an ID of 16 bytes; it has " +
                                            std::to_string(raw.size()));
}

JobPtr Context::job(const JobKey& key) const { return row_or_null<JobPtr>(tables().jobs, key); }
NodePtr Context::node(const Uuid& id) const { return row_or_null<NodePtr>(tables().nodes, id); }
AllocationPtr Context::allocation(const Uuid& id) const {
    return row_or_null<AllocationPtr>(tables().allocations, id);
}

const schema::Deployment* Context::deployment(const Uuid& id) const {
    auto edited = deployments_.find(id);
    if (edited != deployments_.end()) return &edited->second;
    const auto* stored = tables().deployments.find(id);
    return stored != nullptr ? stored->row.get() : nullptr;
}

schema::Deployment* Context::edit_deployment(const Uuid& id) {
    const schema::Deployment* row = deployment(id);
    if (row == nullptr) return nullptr;
    return &deployments_.try_emplace(id, *row).first->second;
}

void Context::new_deployment(schema::Deployment row) {
    Uuid id = to_uuid(row.id());
    deployments_[id] = std::move(row);
}

schema::JobSummary* Context::edit_summary(const JobKey& key) {
    auto edited = summaries_.find(key);
    if (edited != summaries_.end()) return &edited->second;
    const auto* stored = tables().job_summaries.find(key);
    if (stored == nullptr) return nullptr;
    return &summaries_.emplace(key, **stored).first->second;
}

void Context::finish() {
    for (auto& [id, row] : deployments_) {
        touched_.insert(JobKey{row.namespace_(), row.job_id()});
        write.put_deployment(std::make_shared<schema::Deployment>(std::move(row)));
    }
    deployments_.clear();
    for (const JobKey& key : touched_) update_job_status(key);
    for (auto& [key, row] : summaries_) {
        if (!tables().jobs.contains(key)) continue;  // purged by this entry
        row.set_modify_index(index());
        write.put_job_summary(std::make_shared<schema::JobSummary>(std::move(row)));
    }
    summaries_.clear();
}

void Context::update_job_status(const JobKey& key) {
    JobPtr stored = job(key);
    if (!stored) return;
    std::string status = status_of(tables(), *stored, reaped_.contains(key));
    if (status == stored->status()) return;
    auto row = std::make_shared<schema::Job>(*stored);
    row->set_status(status);
    row->set_modify_index(index());
    move_in_parent(*row, stored->status());
    write.put_job_version(row);
    write.put_job(std::move(row));
}

void Context::leave_parent(const schema::Job& child) {
    if (child.parent_id().empty()) return;
    schema::JobSummary* parent = edit_summary(JobKey{child.namespace_(), child.parent_id()});
    if (parent != nullptr) count_child(*parent->mutable_children(), child.status(), -1);
}

void Context::move_in_parent(const schema::Job& child, const std::string& before) {
    if (child.parent_id().empty()) return;
    schema::JobSummary* parent = edit_summary(JobKey{child.namespace_(), child.parent_id()});
    if (parent == nullptr) return;
    if (!before.empty()) count_child(*parent->mutable_children(), before, -1);
    count_child(*parent->mutable_children(), child.status(), 1);
}

}  // namespace drover::state
