// Defaults of the job itself. Groups and tasks are in files of their own.
#include "engine/jobspec/canonicalise.hpp"

namespace drover::jobspec {
namespace {

using namespace time_unit;

schema::UpdateStrategy default_update() {
    schema::UpdateStrategy update;
    update.set_stagger(30 * second);
    update.set_max_parallel(1);
    update.set_health_check("checks");
    update.set_min_healthy_time(10 * second);
    update.set_healthy_deadline(5 * minute);
    update.set_progress_deadline(10 * minute);
    update.set_canary(0);
    update.set_auto_revert(false);
    update.set_auto_promote(false);
    return update;
}

schema::PeriodicConfig default_periodic() {
    schema::PeriodicConfig periodic;
    periodic.set_enabled(true);
    periodic.set_spec("");
    periodic.set_spec_type("cron");
    periodic.set_prohibit_overlap(false);
    periodic.set_time_zone("UTC");
    return periodic;
}

void canonicalise_multiregion(schema::Multiregion& multiregion) {
    schema::MultiregionStrategy strategy;
    strategy.set_max_parallel(0);
    strategy.set_on_failure("");
    fill_in(*multiregion.mutable_strategy(), strategy);
    for (schema::MultiregionRegion& region : *multiregion.mutable_regions()) {
        if (!region.has_count()) region.set_count(1);
    }
}

// What is given for the whole job goes into every group, below what the group says itself.
void spread_to_groups(schema::Job& job) {
    for (schema::TaskGroup& group : *job.mutable_task_groups()) {
        if (job.has_update()) fill_in(*group.mutable_update(), job.update());
        if (job.has_reschedule()) fill_in(*group.mutable_reschedule_policy(), job.reschedule());
        if (job.has_migrate()) fill_in(*group.mutable_migrate(), job.migrate());
        if (group.has_update()) fill_in(*group.mutable_update(), default_update());
    }
    job.clear_reschedule();
    job.clear_migrate();
}

}  // namespace

void canonicalise(schema::Job& job, const CanonicaliseDefaults& defaults) {
    if (job.region().empty()) job.set_region(defaults.region);
    if (job.namespace_().empty()) job.set_namespace_(defaults.namespace_);
    if (job.name().empty()) job.set_name(job.id());
    if (job.type().empty()) job.set_type("service");
    if (!job.has_priority() || job.priority() == 0) job.set_priority(defaults.priority);
    if (!job.has_all_at_once()) job.set_all_at_once(false);
    if (job.datacenters().empty()) job.add_datacenters("*");
    if (job.node_pool().empty()) job.set_node_pool(defaults.node_pool);
    const bool deploys = job.type() == "service" || job.type() == "system";
    if (job.has_update() || deploys) fill_in(*job.mutable_update(), default_update());
    if (job.has_periodic()) fill_in(*job.mutable_periodic(), default_periodic());
    if (job.has_multiregion()) canonicalise_multiregion(*job.mutable_multiregion());
    if (job.has_parameterized_job() && job.parameterized_job().payload().empty()) {
        job.mutable_parameterized_job()->set_payload("optional");
    }
    canonicalise_placement(*job.mutable_constraints(), *job.mutable_affinities());
    for (schema::Spread& spread : *job.mutable_spreads()) {
        if (!spread.has_weight()) spread.set_weight(50);
    }
    spread_to_groups(job);
    for (schema::TaskGroup& group : *job.mutable_task_groups()) canonicalise_group(job, group);
}

}  // namespace drover::jobspec
