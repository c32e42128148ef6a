// Jobs: registration with check-and-set, versions, stopping, purging, stability.
#include "engine/schema/canonical.hpp"
#include "engine/schema/job.pb.h"
#include "engine/schema/periodic_launch.pb.h"
#include "engine/state/apply.hpp"
#include "engine/state/children.hpp"
#include "engine/state/features.hpp"

namespace drover::state {

namespace {

// The words are Nomad's: its tools look for the first four.
Result<void> check_index(const schema::JobRegistration& body, const JobPtr& stored) {
    if (!body.enforce_index()) return {};
    std::uint64_t wanted = body.job_modify_index();
    std::string prefix = "Enforcing job modify index " + std::to_string(wanted) + ": ";
    if (wanted == 0) {
        if (!stored) return {};
        return fail(Errc::conflict, prefix + "job already exists");
    }
    if (!stored) return fail(Errc::conflict, prefix + "job does not exist");
    if (stored->job_modify_index() == wanted) return {};
    return fail(Errc::conflict, prefix + "job exists with conflicting job modify index: " +
                                    std::to_string(stored->job_modify_index()));
}

template <class Body>
Result<void> check_evaluation(const Body& body) {
    if (!body.has_evaluation()) return {};
    return check_id("an evaluation", body.evaluation().id());
}

void preserve_counts(schema::Job& job, const schema::Job& stored) {
    for (schema::TaskGroup& group : *job.mutable_task_groups()) {
        for (const schema::TaskGroup& before : stored.task_groups()) {
            if (before.name() == group.name()) group.set_count(before.count());
        }
    }
}

schema::Job without_server_fields(const schema::Job& job) {
    schema::Job out = job;
    out.clear_status();
    out.clear_status_description();
    out.clear_stable();
    out.clear_version();
    out.clear_submit_time();
    out.clear_create_index();
    out.clear_modify_index();
    out.clear_job_modify_index();
    out.clear_version_tag();
    out.clear_nomad_token_id();
    return out;
}

void ensure_summary(Context& context, const schema::Job& job) {
    JobKey key = key_of(job);
    schema::JobSummary* summary = context.edit_summary(key);
    if (summary == nullptr) {
        auto fresh = std::make_shared<schema::JobSummary>();
        fresh->set_job_id(key.id);
        fresh->set_namespace_(key.namespace_);
        fresh->set_create_index(context.index());
        context.write.put_job_summary(std::move(fresh));
        summary = context.edit_summary(key);
    }
    if (job.has_periodic() || job.has_parameterized_job()) summary->mutable_children();
    for (const schema::TaskGroup& group : job.task_groups()) {
        auto& rows = *summary->mutable_summary();
        auto at = rows.begin();
        while (at != rows.end() && at->group() < group.name()) ++at;
        if (at != rows.end() && at->group() == group.name()) continue;
        auto where = static_cast<int>(at - rows.begin());
        rows.Add()->set_group(group.name());
        for (int slot = rows.size() - 1; slot > where; --slot) rows.SwapElements(slot, slot - 1);
    }
}

// Keeps the newest versions. Tagged ones do not count and stay; the last stable one stays too, so
// that there is something to go back to.
void prune_versions(Context& context, const JobKey& key) {
    std::vector<JobPtr> counted;
    std::size_t stable = 0;
    auto range = context.tables().job_versions.between({key, 0}, {key, ~std::uint64_t{0}});
    for (const JobPtr& row : range) {
        if (row->has_version_tag()) continue;
        counted.push_back(row);
        if (row->stable()) ++stable;
    }
    std::size_t keep = context.config.tracked_job_versions;
    std::vector<std::uint64_t> drop;
    for (const JobPtr& row : counted) {
        if (counted.size() - drop.size() <= keep) break;
        if (row->stable() && stable == 1) continue;
        if (row->stable()) --stable;
        drop.push_back(row->version());
    }
    for (std::uint64_t version : drop) context.write.erase_job_version({key, version});
}

}  // namespace

bool same_specification(const schema::Job& a, const schema::Job& b) {
    return schema::canonical_bytes(without_server_fields(a)) ==
           schema::canonical_bytes(without_server_fields(b));
}

void upsert_job(Context& context, schema::Job job) {
    JobKey key = key_of(job);
    JobPtr stored = context.job(key);
    job.set_create_index(stored ? stored->create_index() : context.index());
    job.set_version(stored ? stored->version() + 1 : 0);
    job.set_modify_index(context.index());
    job.set_job_modify_index(context.index());
    job.set_stable(false);
    job.set_status(stored ? stored->status() : "");
    job.clear_version_tag();
    if (job.submit_time() == 0) job.set_submit_time(context.wall_ns);
    ensure_summary(context, job);
    auto row = std::make_shared<schema::Job>(std::move(job));
    context.write.put_job_version(row);
    context.write.put_job(std::move(row));
    prune_versions(context, key);
    context.touch_job(key);
}

void purge_job(Context& context, const JobKey& key) {
    // Below the second level nobody has children, and nobody counts them.
    const bool counted = effective_level(context.tables().feature_level) >= 2;
    if (const JobPtr job = context.job(key); job && counted) context.leave_parent(*job);
    std::vector<std::uint64_t> versions;
    for (const JobPtr& row :
         context.tables().job_versions.between({key, 0}, {key, ~std::uint64_t{0}})) {
        versions.push_back(row->version());
    }
    for (std::uint64_t version : versions) context.write.erase_job_version({key, version});
    Uuid greatest;
    greatest.bytes.fill(0xff);
    std::vector<Uuid> deployments;
    const DeploymentsByJob& tree = context.tables().derived.deployments_by_job;
    auto range = tree.between({key, Uuid{}}, {key, greatest});
    for (auto at = range.begin(); at != range.end(); ++at) deployments.push_back(at.key().id);
    for (const Uuid& id : deployments) context.write.erase_deployment(id);
    context.write.erase_job_summary(key);
    context.write.erase_periodic_launch(key);
    context.write.erase_job(key);
}

void set_job_stability(Context& context, const JobVersionKey& key, bool stable) {
    const auto* stored = context.tables().job_versions.find(key);
    if (stored == nullptr || (*stored)->stable() == stable) return;
    auto row = std::make_shared<schema::Job>(**stored);
    row->set_stable(stable);
    row->set_modify_index(context.index());
    JobPtr current = context.job(key.job);
    context.write.put_job_version(row);
    if (current && current->version() == key.version) context.write.put_job(std::move(row));
}

namespace {

void set_version_tag(Context& context, const JobVersionKey& key, const schema::JobVersionTag* tag) {
    auto row = std::make_shared<schema::Job>(**context.tables().job_versions.find(key));
    row->clear_version_tag();
    if (tag != nullptr) *row->mutable_version_tag() = *tag;
    row->set_modify_index(context.index());
    const JobPtr current = context.job(key.job);
    context.write.put_job_version(row);
    if (current && current->version() == key.version) context.write.put_job(std::move(row));
}

// Of the periodic job: the parent of a launch, or else the one registered. Launches move forward
// only.
void record_launch(Context& context, const schema::JobRegistration& body) {
    const std::string& parent = body.job().parent_id();
    const bool is_launch = !parent.empty() && !body.job().has_periodic();
    const JobKey key{body.job().namespace_(), is_launch ? parent : body.job().id()};
    const auto* stored = context.tables().periodic_launches.find(key);
    if (stored != nullptr && (*stored)->launch() >= body.periodic_launch_ns()) return;
    auto row = std::make_shared<schema::PeriodicLaunch>();
    row->set_namespace_(key.namespace_);
    row->set_job_id(key.id);
    row->set_launch(body.periodic_launch_ns());
    row->set_create_index(stored != nullptr ? (*stored)->create_index() : context.index());
    row->set_modify_index(context.index());
    context.write.put_periodic_launch(std::move(row));
}

}  // namespace

Result<void> apply_body(Context& context, const schema::JobRegistration& body) {
    JobKey key = key_of(body.job());
    if (key.id.empty() || key.namespace_.empty()) {
        return fail(Errc::invalid_argument,
                    "a job needs both an ID and a Namespace: canonicalise it before proposing it");
    }
    JobPtr stored = context.job(key);
    if (auto checked = check_index(body, stored); !checked) return checked;
    if (auto checked = check_evaluation(body); !checked) return checked;
    // The same dispatch again: whoever asked is told of the child that there is.
    if (dispatched_with_token(context.tables(), body.job())) return {};
    schema::Job job = body.job();
    if (stored && body.preserve_counts()) preserve_counts(job, *stored);
    if (!stored || !same_specification(*stored, job)) upsert_job(context, std::move(job));
    if (body.periodic_launch_ns() != 0) record_launch(context, body);
    if (body.has_evaluation()) {
        schema::Evaluation evaluation = body.evaluation();
        evaluation.set_job_modify_index(context.job(key)->job_modify_index());
        upsert_evaluation(context, std::move(evaluation));
    }
    return {};
}

Result<void> apply_body(Context& context, const schema::JobDeregistration& body) {
    if (auto checked = check_evaluation(body); !checked) return checked;
    JobKey key{body.namespace_(), body.job_id()};
    JobPtr stored = context.job(key);
    if (stored && body.purge()) {
        purge_job(context, key);
    } else if (stored && !stored->stop()) {
        schema::Job job = *stored;
        job.set_stop(true);
        job.set_submit_time(body.submit_time_ns());
        upsert_job(context, std::move(job));
    }
    // Also where somebody else removed the job first: its allocations must still be stopped.
    if (body.has_evaluation()) {
        schema::Evaluation evaluation = body.evaluation();
        evaluation.set_job_modify_index(context.index());
        upsert_evaluation(context, std::move(evaluation));
    }
    return {};
}

Result<void> apply_body(Context& context, const schema::JobStabilityChange& body) {
    JobVersionKey key{JobKey{body.namespace_(), body.job_id()}, body.version()};
    if (!context.tables().job_versions.contains(key)) {
        return fail(Errc::not_found, "job \"" + body.job_id() + "\" in namespace \"" +
                                         body.namespace_() + "\" at version " +
                                         std::to_string(body.version()) + " not found");
    }
    set_job_stability(context, key, body.stable());
    return {};
}

Result<void> apply_body(Context& context, const schema::JobVersionTagging& body) {
    const JobKey key{body.namespace_(), body.job_id()};
    const std::string& name = body.has_tag() ? body.tag().name() : body.remove();
    JobPtr tagged;
    for (const JobPtr& row :
         context.tables().job_versions.between({key, 0}, {key, ~std::uint64_t{0}})) {
        if (row->version_tag().name() == name && row->has_version_tag()) tagged = row;
    }
    if (!body.has_tag()) {
        if (!tagged) {
            return fail(Errc::not_found, "no version of job \"" + key.id + "\" in namespace \"" +
                                             key.namespace_ + "\" is tagged \"" + name + "\"");
        }
        set_version_tag(context, {key, tagged->version()}, nullptr);
        return {};
    }
    if (tagged && tagged->version() != body.version()) {
        return fail(Errc::invalid_argument,
                    "tag \"" + name + "\" already exists on version " +
                        std::to_string(tagged->version()) + " of job \"" + key.id +
                        "\"; take it away there first, or choose another name");
    }
    if (!context.tables().job_versions.contains({key, body.version()})) {
        return fail(Errc::not_found, "job \"" + key.id + "\" in namespace \"" + key.namespace_ +
                                         "\" has no version " + std::to_string(body.version()));
    }
    set_version_tag(context, {key, body.version()}, &body.tag());
    return {};
}

}  // namespace drover::state
