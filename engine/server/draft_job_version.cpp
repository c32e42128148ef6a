// Requests that make a version of a job out of one that is stored: going back, and changing a
// count; and what operators say of a version's stability. See draft.hpp.
#include <algorithm>
#include <limits>
#include <utility>

#include "engine/schema/deployment.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/server/draft.hpp"

namespace drover::server {
namespace {

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

tl::unexpected<Error> no_such_version(const state::JobKey& key, std::uint64_t version) {
    return fail(Errc::not_found, "job " + quoted(key.id) + " in namespace " +
                                     quoted(key.namespace_) + " has no version " +
                                     std::to_string(version) +
                                     "; its history shows those that are kept");
}

// Registers `admitted` unless somebody registers another in between.
Draft registration(const DraftContext& context, AdmittedJob admitted, const char* trigger,
                   std::uint64_t modify_index) {
    schema::Job& job = admitted.job;
    job.set_stable(false);
    job.clear_version_tag();
    job.set_submit_time(context.mint.wall.value());
    auto entry = entry_for(context);
    auto& body = *entry->mutable_register_job();
    if (!only_a_parent(job)) {
        *body.mutable_evaluation() = control::new_evaluation(context.mint, job, trigger);
    }
    body.set_enforce_index(true);
    body.set_job_modify_index(modify_index);
    *body.mutable_job() = std::move(job);
    note_beginning(context, body);
    return Draft{sealed(std::move(entry)), std::move(admitted.warnings)};
}

Result<void> check_policy(const schema::TaskGroup& group, const schema::ScaleJobRequest& request) {
    if (!group.has_scaling() || request.policy_override()) return {};
    const schema::ScalingPolicy& policy = group.scaling();
    const std::string count = std::to_string(request.count());
    if (policy.has_max() && request.count() > policy.max()) {
        return fail(Errc::invalid_argument,
                    "group count was greater than scaling policy maximum: " + count + " > " +
                        std::to_string(policy.max()));
    }
    if (policy.has_min() && request.count() < policy.min()) {
        return fail(Errc::invalid_argument, "group count was less than scaling policy minimum: " +
                                                count + " < " + std::to_string(policy.min()));
    }
    return {};
}

Result<void> check_count(const schema::Job& job, const schema::ScaleJobRequest& request) {
    if (request.count() < 0 || request.count() > std::numeric_limits<std::int32_t>::max()) {
        return fail(Errc::invalid_argument, "count " + std::to_string(request.count()) +
                                                " cannot be reached; write 0 or more");
    }
    const bool everywhere = job.type() == "system" || job.type() == "sysbatch";
    if (everywhere && request.count() > 1) {
        return fail(Errc::invalid_argument,
                    "count " + std::to_string(request.count()) + " means nothing to a " +
                        job.type() + " job, which runs once on every node; write 0 or 1");
    }
    return {};
}

// A rollout that counts its allocations must not find others wanted under it.
Result<void> check_no_deployment(const DraftContext& context, const schema::Job& job) {
    const state::DeploymentPtr latest = context.view.latest_deployment(state::key_of(job));
    if (!latest || latest->job_create_index() != job.create_index()) return {};
    const std::string& status = latest->status();
    if (status == "failed" || status == "successful" || status == "cancelled") return {};
    return fail(Errc::invalid_argument, "job scaling blocked due to active deployment " +
                                            state::to_uuid(latest->id()).text() + " (" + status +
                                            "); wait for its end, promote it or fail it");
}

}  // namespace

Result<Draft> draft_revert_job(const DraftContext& context) {
    const auto& request = context.request.revert_job();
    const state::JobKey key{namespace_of(context.request), request.job_id()};
    if (auto allowed = check_registration_allowed(context.view); !allowed) {
        return tl::unexpected{allowed.error()};
    }
    const state::JobPtr current = context.view.job(key);
    if (!current) return no_such_job(key);
    if (request.version() == current->version()) {
        return fail(Errc::invalid_argument, "can't revert to version " +
                                                std::to_string(request.version()) +
                                                ": it is the current one");
    }
    if (request.enforce_prior_version() && request.prior_version() != current->version()) {
        return fail(Errc::invalid_argument,
                    "current job has version " + std::to_string(current->version()) +
                        "; enforcing version " + std::to_string(request.prior_version()));
    }
    const state::JobPtr target = context.view.job_version(key, request.version());
    if (!target) return no_such_version(key, request.version());
    auto admitted = admit_job(context.request, *target);
    if (!admitted) return tl::unexpected{admitted.error()};
    return registration(context, std::move(*admitted), "job-register", current->job_modify_index());
}

Result<Draft> draft_set_job_stability(const DraftContext& context) {
    const auto& request = context.request.set_job_stability();
    const state::JobKey key{namespace_of(context.request), request.job_id()};
    if (!context.view.job(key)) return no_such_job(key);
    if (!context.view.job_version(key, request.version())) {
        return no_such_version(key, request.version());
    }
    auto entry = entry_for(context);
    auto& body = *entry->mutable_change_job_stability();
    body.set_namespace_(key.namespace_);
    body.set_job_id(key.id);
    body.set_version(request.version());
    body.set_stable(request.stable());
    return Draft{sealed(std::move(entry))};
}

Result<Draft> draft_scale_job(const DraftContext& context) {
    const auto& request = context.request.scale_job();
    const state::JobKey key{namespace_of(context.request), request.job_id()};
    if (auto allowed = check_registration_allowed(context.view); !allowed) {
        return tl::unexpected{allowed.error()};
    }
    const state::JobPtr current = context.view.job(key);
    if (!current) return no_such_job(key);
    if (request.enforce_index() && request.job_modify_index() != current->job_modify_index()) {
        return fail(Errc::conflict, "Enforcing job modify index " +
                                        std::to_string(request.job_modify_index()) +
                                        ": job exists with conflicting job modify index: " +
                                        std::to_string(current->job_modify_index()));
    }
    schema::Job job = *current;
    auto& groups = *job.mutable_task_groups();
    const auto group = std::ranges::find_if(
        groups, [&](const auto& one) { return one.name() == request.group(); });
    if (group == groups.end()) {
        return fail(Errc::invalid_argument, "task group " + quoted(request.group()) +
                                                " is not one of job " + quoted(key.id) +
                                                "; name one that is, as Target.Group");
    }
    for (const auto& checked : {check_count(job, request), check_policy(*group, request),
                                check_no_deployment(context, job)}) {
        if (!checked) return tl::unexpected{checked.error()};
    }
    group->set_count(static_cast<std::int32_t>(request.count()));
    // It was admitted when it was registered; only its count, which was judged here, is another.
    return registration(context, {std::move(job), {}}, "job-scaling", current->job_modify_index());
}

Result<Draft> draft_tag_job_version(const DraftContext& context) {
    constexpr std::size_t name_max = 255;
    constexpr std::size_t description_max = 1000;
    const auto& request = context.request.tag_job_version();
    const state::JobKey key{namespace_of(context.request), request.job_id()};
    const state::JobPtr current = context.view.job(key);
    if (!current) return no_such_job(key);
    if (request.name().empty() || request.name().size() > name_max) {
        return fail(Errc::invalid_argument, "a tag needs a name of 1 to 255 bytes; it has " +
                                                std::to_string(request.name().size()));
    }
    if (request.description().size() > description_max) {
        return fail(Errc::invalid_argument, "the description has " +
                                                std::to_string(request.description().size()) +
                                                " bytes; 1000 are allowed");
    }
    auto entry = entry_for(context);
    auto& body = *entry->mutable_tag_job_version();
    body.set_namespace_(key.namespace_);
    body.set_job_id(key.id);
    if (request.remove()) {
        body.set_remove(request.name());
        return Draft{sealed(std::move(entry))};
    }
    body.set_version(request.has_version() ? request.version() : current->version());
    body.mutable_tag()->set_name(request.name());
    body.mutable_tag()->set_description(request.description());
    body.mutable_tag()->set_tagged_time(context.mint.wall.value());
    return Draft{sealed(std::move(entry))};
}

}  // namespace drover::server
