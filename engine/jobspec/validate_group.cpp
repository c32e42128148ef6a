// Rules of a group: its policies, its networks and ports, its volumes.
#include <algorithm>

#include "engine/jobspec/canonicalise.hpp"
#include "engine/jobspec/validator.hpp"

namespace drover::jobspec {
namespace {

using namespace time_unit;

void validate_restart(const schema::RestartPolicy& policy, Findings findings) {
    findings.require(is_one_of(policy.mode(), {"fail", "delay"}),
                     "mode " + quoted(policy.mode()) + " is not known: it must be fail or delay");
    findings.require(policy.attempts() >= 0, "attempts must not be negative");
    findings.require(policy.mode() != "delay" || policy.attempts() > 0,
                     "mode delay needs attempts to be more than 0");
    if (policy.interval() == 0) return;
    findings.require(policy.interval() >= 5 * second,
                     "interval " + duration_text(policy.interval()) + " must be at least 5s");
    const bool fits = policy.attempts() == 0 ||
                      policy.delay() <= policy.interval() / std::max(policy.attempts(), 1);
    findings.require(fits, std::to_string(policy.attempts()) + " attempts with a delay of " +
                               duration_text(policy.delay()) + " do not fit in the interval of " +
                               duration_text(policy.interval()));
}

void validate_reschedule(const schema::ReschedulePolicy& policy, Findings findings) {
    findings.require(policy.attempts() >= 0, "attempts must not be negative");
    if (policy.attempts() == 0 && !policy.unlimited()) return;
    findings.require(policy.attempts() == 0 || !policy.unlimited(),
                     "attempts and unlimited exclude each other");
    findings.require(is_one_of(policy.delay_function(), {"constant", "exponential", "fibonacci"}),
                     "delay_function " + quoted(policy.delay_function()) +
                         " is not known: it must be constant, exponential or fibonacci");
    findings.require(policy.delay() >= 5 * second,
                     "delay " + duration_text(policy.delay()) + " must be at least 5s");
    findings.require(policy.attempts() == 0 || policy.interval() >= 15 * second,
                     "interval " + duration_text(policy.interval()) +
                         " must be at least 15s when attempts are limited");
    if (policy.delay_function() == "constant") return;
    findings.require(policy.max_delay() >= 5 * second && policy.max_delay() >= policy.delay(),
                     "max_delay " + duration_text(policy.max_delay()) +
                         " must be at least 5s and at least the delay");
}

void validate_policies(const schema::Job& job, const schema::TaskGroup& group, Findings findings) {
    const bool system = is_one_of(job.type(), {"system", "sysbatch"});
    validate_restart(group.restart_policy(), findings.at("restart"));
    findings.require(!system || !group.has_reschedule_policy(),
                     "system jobs cannot have a reschedule policy");
    findings.require(system || group.has_reschedule_policy(), "reschedule is missing");
    if (!system) validate_reschedule(group.reschedule_policy(), findings.at("reschedule"));
    if (group.has_update()) {
        findings.require(is_one_of(job.type(), {"service", "system"}),
                         "update is for service and system jobs only");
        validate_update(group.update(), findings.at("update"));
        findings.at("update").require(!system || group.update().canary() <= 100,
                                      "canary " + std::to_string(group.update().canary()) +
                                          ": of a system job it is a percentage of the nodes, so "
                                          "it can be 0 to 100");
        // What a system job may replace at a time is a number of nodes.
        if (!system && group.update().max_parallel() > group.count() && group.count() > 0) {
            findings.warning("update.max_parallel " +
                             std::to_string(group.update().max_parallel()) +
                             " is more than the count of " + std::to_string(group.count()));
        }
    }
    findings.require(!group.has_migrate() || job.type() == "service",
                     "migrate is for service jobs only");
    findings.require(!group.has_migrate() || group.migrate().max_parallel() >= 0,
                     "migrate.max_parallel must not be negative");
}

void validate_disconnect(const schema::Job& job, const schema::TaskGroup& group,
                         Findings findings) {
    const schema::DisconnectStrategy& disconnect = group.disconnect();
    findings.require(disconnect.lost_after() >= 0, "lost_after must not be negative");
    findings.require(disconnect.stop_on_client_after() >= 0,
                     "stop_on_client_after must not be negative");
    findings.require(disconnect.lost_after() == 0 || !disconnect.has_stop_on_client_after(),
                     "lost_after and stop_on_client_after exclude each other");
    findings.require(
        !disconnect.has_stop_on_client_after() || is_one_of(job.type(), {"service", "batch"}),
        "stop_on_client_after is for service and batch jobs only");
    findings.require(is_one_of(disconnect.reconcile(), {"", "best_score", "longest_running",
                                                        "keep_original", "keep_replacement"}),
                     "reconcile " + quoted(disconnect.reconcile()) + " is not known");
}

void warn_of_old_ways(const schema::TaskGroup& group, Findings findings) {
    if (group.has_max_client_disconnect()) {
        findings.warning("max_client_disconnect is deprecated: use disconnect.lost_after");
    }
    if (group.has_stop_after_client_disconnect()) {
        findings.warning(
            "stop_after_client_disconnect is deprecated: use disconnect.stop_on_client_after");
    }
    if (group.prevent_reschedule_on_lost()) {
        findings.warning("prevent_reschedule_on_lost is deprecated: use disconnect.replace");
    }
}

void validate_scaling(const schema::TaskGroup& group, Findings findings) {
    const schema::ScalingPolicy& scaling = group.scaling();
    findings.require(scaling.type() == "horizontal",
                     "type " + quoted(scaling.type()) + " must be horizontal for a group");
    findings.require(scaling.has_max() && scaling.max() >= 0, "max is missing or negative");
    findings.require(scaling.min() >= 0, "min must not be negative");
    findings.require(scaling.min() <= scaling.max(), "min " + std::to_string(scaling.min()) +
                                                         " is more than max " +
                                                         std::to_string(scaling.max()));
    findings.require(
        group.count() >= scaling.min() && group.count() <= scaling.max(),
        "the count " + std::to_string(group.count()) + " of the group is not between min and max");
}

void validate_volumes(const schema::Job& job, const schema::TaskGroup& group,
                      const Findings& findings) {
    const bool system = is_one_of(job.type(), {"system", "sysbatch"});
    for (const schema::VolumeRequest& volume : group.volumes()) {
        Findings of_one = findings.at("volume " + quoted(volume.name()));
        of_one.require(is_one_of(volume.type(), {"host", "csi"}),
                       "type " + quoted(volume.type()) + " is not known: it must be host or csi");
        of_one.require(!volume.source().empty(), "source is missing");
        of_one.require(!volume.per_alloc() || group.update().canary() == 0,
                       "per_alloc cannot be combined with canaries");
        of_one.require(!volume.per_alloc() || !system,
                       "per_alloc is not for system and sysbatch jobs");
        if (volume.type() != "csi") continue;
        of_one.require(!volume.access_mode().empty() && !volume.attachment_mode().empty(),
                       "access_mode and attachment_mode are needed for csi");
        const bool single = volume.access_mode() == "single-node-writer" && !volume.read_only();
        of_one.require(!single || volume.per_alloc() || group.count() <= 1,
                       "a volume for a single writer cannot serve a count of " +
                           std::to_string(group.count()));
    }
}

void validate_tasks(const schema::Job& job, const schema::TaskGroup& group, Findings findings) {
    std::set<std::string> names;
    int leaders = 0;
    bool main_task = false;
    for (const schema::Task& task : group.tasks()) {
        Findings of_task = findings.at("task " + quoted(task.name()));
        of_task.require(names.insert(task.name()).second,
                        "another task of the group has the same name: names must be unique");
        leaders += task.leader() ? 1 : 0;
        main_task = main_task || !task.has_lifecycle();
        validate_task(job, group, task, of_task);
    }
    findings.require(leaders <= 1, "only one task can be the leader");
    findings.require(!group.tasks().empty(), "the group has no task");
    findings.require(main_task || group.tasks().empty(),
                     "at least one task must have no lifecycle: it is the main one");
}

}  // namespace

void validate_group(const schema::Job& job, const schema::TaskGroup& group, Findings findings) {
    const bool batch = is_one_of(job.type(), {"batch", "sysbatch"});
    const bool system = is_one_of(job.type(), {"system", "sysbatch"});
    findings.require(!group.name().empty() && group.name().find('\0') == std::string::npos,
                     "name is missing or contains a NUL byte");
    findings.require(group.count() >= 0,
                     "count " + std::to_string(group.count()) + " must not be negative");
    findings.require(!system || group.count() <= 1,
                     "count " + std::to_string(group.count()) +
                         ": a system job runs once on each node, so it can be 0 or 1 only");
    findings.require(group.shutdown_delay() >= 0, "shutdown_delay must not be negative");
    if (group.has_max_run_duration()) {
        findings.require(batch, "max_run_duration is for batch and sysbatch jobs only");
        findings.require(group.max_run_duration() > 0, "max_run_duration must be more than 0");
    }
    findings.require(group.ephemeral_disk().size_mb() >= 10,
                     "ephemeral_disk.size " + std::to_string(group.ephemeral_disk().size_mb()) +
                         " must be at least 10 MB");
    findings.require(!system || (group.affinities().empty() && group.spreads().empty()),
                     "system jobs cannot have affinities or spreads");
    validate_constraints(group.constraints(), Level::group, findings);
    validate_affinities(group.affinities(), findings);
    validate_spreads(group.spreads(), findings);
    validate_policies(job, group, findings);
    if (group.has_disconnect()) validate_disconnect(job, group, findings.at("disconnect"));
    if (group.has_scaling()) validate_scaling(group, findings.at("scaling"));
    warn_of_old_ways(group, findings);
    validate_volumes(job, group, findings);
    validate_networks(group, findings);
    validate_services(group, nullptr, findings);
    validate_tasks(job, group, findings);
}

}  // namespace drover::jobspec
