// Evaluations, and the removal of what nobody needs any more.
#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/state/apply.hpp"

namespace drover::state {

namespace {

void set_queued(Context& context, const schema::Evaluation& evaluation) {
    if (evaluation.queued_allocations().empty()) return;
    schema::JobSummary* summary =
        context.edit_summary(JobKey{evaluation.namespace_(), evaluation.job_id()});
    if (summary == nullptr) return;
    for (const schema::IntPair& pair : evaluation.queued_allocations()) {
        for (schema::TaskGroupSummary& group : *summary->mutable_summary()) {
            if (group.group() == pair.key()) {
                group.set_queued(static_cast<std::int32_t>(pair.value()));
            }
        }
    }
}

// A complete evaluation that placed everything leaves nothing to wait for.
void cancel_blocked(Context& context, const schema::Evaluation& complete) {
    JobKey key{complete.namespace_(), complete.job_id()};
    Uuid greatest;
    greatest.bytes.fill(0xff);
    std::vector<EvaluationPtr> blocked;
    for (const EvaluationPtr& row :
         context.tables().derived.evaluations_by_job.between({key, Uuid{}}, {key, greatest})) {
        if (row->status() == "blocked" && row->id() != complete.id()) blocked.push_back(row);
    }
    for (const EvaluationPtr& row : blocked) {
        auto canceled = std::make_shared<schema::Evaluation>(*row);
        canceled->set_status("canceled");
        canceled->set_status_description("evaluation " + to_uuid(complete.id()).text() +
                                         " successful");
        canceled->set_modify_index(context.index());
        canceled->set_modify_time(context.wall_ns);
        context.write.put_evaluation(std::move(canceled));
    }
}

template <class Ids>
std::vector<Uuid> ids_of(const Ids& raw_ids) {
    std::vector<Uuid> ids;
    for (const std::string& raw : raw_ids) ids.push_back(to_uuid(raw));
    return ids;
}

}  // namespace

void upsert_evaluation(Context& context, schema::Evaluation evaluation) {
    Uuid id = to_uuid(evaluation.id());
    const auto* stored = context.tables().evaluations.find(id);
    bool known = stored != nullptr;
    evaluation.set_create_index(known ? (*stored)->create_index() : context.index());
    evaluation.set_modify_index(context.index());
    if (evaluation.create_time() == 0) {
        evaluation.set_create_time(known ? (*stored)->create_time() : context.wall_ns);
    }
    if (evaluation.modify_time() == 0 || known) evaluation.set_modify_time(context.wall_ns);
    set_queued(context, evaluation);
    if (evaluation.status() == "complete" && evaluation.failed_tg_allocs().empty()) {
        cancel_blocked(context, evaluation);
    }
    context.touch_job(JobKey{evaluation.namespace_(), evaluation.job_id()});
    context.write.put_evaluation(std::make_shared<schema::Evaluation>(std::move(evaluation)));
}

Result<void> apply_body(Context& context, const schema::EvaluationUpsert& body) {
    if (auto checked = check_ids("an evaluation", body.evaluations()); !checked) return checked;
    upsert_evaluations(context, body.evaluations());
    return {};
}

Result<void> apply_body(Context& context, const schema::Reaping& body) {
    for (const Uuid& id : ids_of(body.evaluation_ids())) {
        const auto* row = context.tables().evaluations.find(id);
        if (row == nullptr) continue;
        context.reaped_evaluation_of(JobKey{(*row)->namespace_(), (*row)->job_id()});
        context.write.erase_evaluation(id);
    }
    for (const Uuid& id : ids_of(body.allocation_ids())) {
        AllocationPtr row = context.allocation(id);
        if (!row) continue;
        context.touch_job(job_of(*row));
        context.write.erase_allocation(id);
    }
    for (const Uuid& id : ids_of(body.deployment_ids())) {
        const schema::Deployment* row = context.deployment(id);
        if (row == nullptr) continue;
        context.touch_job(JobKey{row->namespace_(), row->job_id()});
        context.write.erase_deployment(id);
    }
    for (const Uuid& id : ids_of(body.node_ids())) context.write.erase_node(id);
    for (const schema::UnusedJob& unused : body.jobs()) {
        const JobKey key{unused.namespace_(), unused.job_id()};
        const JobPtr job = context.job(key);
        const bool same = job && job->job_modify_index() == unused.job_modify_index();
        if (same && job->status() == "dead") purge_job(context, key);
    }
    return {};
}

}  // namespace drover::state
