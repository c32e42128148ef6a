// Requests about jobs. See draft.hpp.
#include <algorithm>
#include <utility>

#include "engine/cron/schedule.hpp"
#include "engine/jobspec/jobspec.hpp"
#include "engine/schema/job.pb.h"
#include "engine/server/draft.hpp"
#include "engine/state/features.hpp"

namespace drover::server {
namespace {

constexpr std::int32_t default_priority = 50;

schema::Evaluation job_evaluation(const DraftContext& context, const schema::Job& job,
                                  const char* trigger, std::int32_t priority) {
    schema::Evaluation evaluation = control::new_evaluation(context.mint, job, trigger);
    if (priority > 0) evaluation.set_priority(priority);
    return evaluation;
}

// What the servers say of a job that they made from another is theirs to say: a user's job has none
// of it, and one of their own that is registered again keeps it.
void keep_origin(const DraftContext& context, schema::Job& job) {
    const state::JobPtr stored = context.view.job(state::key_of(job));
    const schema::Job& origin = stored ? *stored : schema::Job::default_instance();
    job.set_parent_id(origin.parent_id());
    job.set_dispatched(origin.dispatched());
    job.set_dispatch_idempotency_token(origin.dispatch_idempotency_token());
    job.set_payload(origin.payload());
}

// A job that keeps its times keeps its rhythm: what is due already is not put off.
bool begins_to_be_launched(const state::StateView& view, const schema::Job& job) {
    if (!cron::is_launched_by_time(job)) return false;
    const state::JobKey key = state::key_of(job);
    const state::JobPtr before = view.job(key);
    if (!before || !cron::is_launched_by_time(*before) || !view.periodic_launch(key)) return true;
    return job.periodic().SerializeAsString() != before->periodic().SerializeAsString();
}

}  // namespace

bool only_a_parent(const schema::Job& job) {
    return job.has_periodic() || (job.has_parameterized_job() && !job.dispatched());
}

tl::unexpected<Error> no_such_job(const state::JobKey& key) {
    return fail(Errc::not_found,
                "job not found: \"" + key.id + "\" in namespace \"" + key.namespace_ + "\"");
}

Result<std::optional<WallTime>> next_launch(const schema::Job& job, const TimeZones* zones,
                                            WallTime now) {
    if (!cron::is_launched_by_time(job)) return std::nullopt;
    const auto schedule =
        cron::Schedule::of(job.periodic(), zones != nullptr ? *zones : TimeZones{});
    if (!schedule) return tl::unexpected{schedule.error()};
    return schedule->next(now);
}

void note_beginning(const DraftContext& context, schema::JobRegistration& body) {
    // Below the second level nobody could apply it.
    if (state::effective_level(context.view.feature_level()) < 2) return;
    if (!begins_to_be_launched(context.view, body.job())) return;
    body.set_periodic_launch_ns(context.mint.wall.value());
}

Result<AdmittedJob> admit_job(const schema::Request& request, const schema::Job& job) {
    AdmittedJob admitted{job, {}};
    if (!job.has_id() || job.id().empty()) {
        return fail(Errc::invalid_argument, "job.id is missing; give the job an id");
    }
    jobspec::CanonicaliseDefaults defaults;
    defaults.namespace_ = namespace_of(request);
    if (!request.region().empty()) defaults.region = request.region();
    jobspec::canonicalise(admitted.job, defaults);
    const jobspec::Validation validation = jobspec::validate(admitted.job);
    if (!validation.errors.empty()) {
        return fail(Errc::invalid_argument, jobspec::error_text(validation.errors));
    }
    admitted.warnings = jobspec::warning_text(validation.warnings);
    return admitted;
}

Result<Draft> draft_register_job(const DraftContext& context) {
    const auto& request = context.request.register_job();
    if (!request.has_job()) return fail(Errc::invalid_argument, "job is missing");
    if (!request.job().payload().empty()) {
        return fail(
            Errc::invalid_argument,
            "job can't be submitted with a payload, only dispatched; leave job.payload out");
    }
    if (auto allowed = check_registration_allowed(context.view); !allowed) {
        return tl::unexpected{allowed.error()};
    }
    auto admitted = admit_job(context.request, request.job());
    if (!admitted) return tl::unexpected{admitted.error()};
    schema::Job& job = admitted->job;
    keep_origin(context, job);
    if (auto due = next_launch(job, context.zones, context.mint.wall); !due) {
        return tl::unexpected{due.error()};
    }
    job.set_submit_time(context.mint.wall.value());
    auto entry = entry_for(context);
    auto& body = *entry->mutable_register_job();
    if (!only_a_parent(job)) {
        *body.mutable_evaluation() =
            job_evaluation(context, job, "job-register", request.evaluation_priority());
    }
    body.set_enforce_index(request.enforce_index());
    body.set_job_modify_index(request.job_modify_index());
    body.set_preserve_counts(request.preserve_counts());
    *body.mutable_job() = std::move(job);
    note_beginning(context, body);
    return Draft{sealed(std::move(entry)), admitted->warnings};
}

Result<Draft> draft_deregister_job(const DraftContext& context) {
    const auto& request = context.request.deregister_job();
    const state::JobKey key{namespace_of(context.request), request.job_id()};
    if (key.id.empty()) return fail(Errc::invalid_argument, "job_id is empty; name the job");
    const state::JobPtr stored = context.view.job(key);
    auto entry = entry_for(context);
    auto& body = *entry->mutable_deregister_job();
    body.set_namespace_(key.namespace_);
    body.set_job_id(key.id);
    body.set_purge(request.purge());
    body.set_submit_time_ns(context.mint.wall.value());
    if (!stored) {
        // Somebody may have purged it already: what is left of it is stopped all the same.
        *body.mutable_evaluation() = control::new_evaluation(
            context.mint, {key, default_priority, "service", "job-deregister"});
    } else if (!only_a_parent(*stored)) {
        *body.mutable_evaluation() =
            job_evaluation(context, *stored, "job-deregister", request.evaluation_priority());
    }
    return Draft{sealed(std::move(entry))};
}

Result<Draft> draft_evaluate_job(const DraftContext& context) {
    const auto& request = context.request.evaluate_job();
    const state::JobKey key{namespace_of(context.request), request.job_id()};
    const state::JobPtr stored = context.view.job(key);
    if (!stored) return no_such_job(key);
    if (only_a_parent(*stored)) {
        return fail(Errc::invalid_argument,
                    "job \"" + key.id +
                        "\" is periodic or parameterized: it has nothing to "
                        "evaluate; evaluate one of its children");
    }
    auto entry = entry_for(context);
    schema::Evaluation evaluation = job_evaluation(context, *stored, "job-register", 0);
    if (!request.force_reschedule()) {
        *entry->mutable_upsert_evaluations()->add_evaluations() = std::move(evaluation);
        return Draft{sealed(std::move(entry))};
    }
    auto& body = *entry->mutable_transition_allocations();
    for (const state::AllocationPtr& row : context.view.allocations_of(key)) {
        if (row->client_status != state::ClientStatus::failed || row->server_terminal()) continue;
        auto& one = *body.add_transitions();
        one.set_allocation_id(row->id.raw());
        one.mutable_transition()->set_force_reschedule(true);
    }
    *body.add_evaluations() = std::move(evaluation);
    return Draft{sealed(std::move(entry))};
}

}  // namespace drover::server
