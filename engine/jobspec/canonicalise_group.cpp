// Defaults of a group, which depend on the type of its job.
#include <algorithm>
#include <limits>

#include "engine/jobspec/canonicalise.hpp"

namespace drover::jobspec {
namespace {

using namespace time_unit;

schema::ReschedulePolicy default_reschedule(const std::string& job_type) {
    const bool batch = job_type == "batch";
    schema::ReschedulePolicy policy;
    policy.set_attempts(batch ? 1 : 0);
    policy.set_interval(batch ? 24 * hour : 0);
    policy.set_delay(batch ? 5 * second : 30 * second);
    policy.set_delay_function(batch ? "constant" : "exponential");
    policy.set_max_delay(batch ? 0 : hour);
    policy.set_unlimited(!batch);
    return policy;
}

schema::MigrateStrategy default_migrate() {
    schema::MigrateStrategy migrate;
    migrate.set_max_parallel(1);
    migrate.set_health_check("checks");
    migrate.set_min_healthy_time(10 * second);
    migrate.set_healthy_deadline(5 * minute);
    return migrate;
}

schema::EphemeralDisk default_disk() {
    schema::EphemeralDisk disk;
    disk.set_sticky(false);
    disk.set_migrate(false);
    disk.set_size_mb(300);
    return disk;
}

schema::DisconnectStrategy default_disconnect() {
    schema::DisconnectStrategy disconnect;
    disconnect.set_lost_after(0);
    disconnect.set_reconcile("best_score");
    return disconnect;
}

void canonicalise_scaling(const schema::Job& job, schema::TaskGroup& group) {
    schema::ScalingPolicy& scaling = *group.mutable_scaling();
    if (scaling.type().empty()) scaling.set_type("horizontal");
    if (!scaling.has_enabled()) scaling.set_enabled(true);
    if (!scaling.has_min()) scaling.set_min(group.count());
    scaling.clear_target();
    for (const auto& [key, value] : {std::pair<std::string, std::string>{"Group", group.name()},
                                     {"Job", job.id()},
                                     {"Namespace", job.namespace_()}}) {
        schema::StringPair* pair = scaling.add_target();
        pair->set_key(key);
        pair->set_value(value);
    }
}

}  // namespace

schema::RestartPolicy default_restart(const std::string& job_type) {
    const bool batch = job_type == "batch" || job_type == "sysbatch";
    schema::RestartPolicy policy;
    policy.set_interval(batch ? 24 * hour : 30 * minute);
    policy.set_attempts(batch ? 3 : 2);
    policy.set_delay(15 * second);
    policy.set_mode("fail");
    policy.set_render_templates(false);
    return policy;
}

void canonicalise_placement(google::protobuf::RepeatedPtrField<schema::Constraint>& constraints,
                            google::protobuf::RepeatedPtrField<schema::Affinity>& affinities) {
    for (schema::Constraint& constraint : constraints) {
        if (constraint.operand().empty()) constraint.set_operand("=");
    }
    for (schema::Affinity& affinity : affinities) {
        if (affinity.operand().empty()) affinity.set_operand("=");
        if (!affinity.has_weight()) affinity.set_weight(50);
    }
}

void canonicalise_network(schema::NetworkResource& network) {
    if (network.mode().empty()) network.set_mode("host");
    if (!network.has_mbits()) network.set_mbits(0);
    for (auto* ports : {network.mutable_reserved_ports(), network.mutable_dynamic_ports()}) {
        for (schema::Port& port : *ports) {
            if (port.host_network().empty()) port.set_host_network("default");
        }
    }
}

void canonicalise_group(const schema::Job& job, schema::TaskGroup& group) {
    if (!group.has_count()) {
        const bool scaled = group.has_scaling() && group.scaling().has_min();
        constexpr std::int64_t count_max = std::numeric_limits<std::int32_t>::max();
        const std::int64_t count = scaled ? std::min(group.scaling().min(), count_max) : 1;
        group.set_count(static_cast<std::int32_t>(std::max<std::int64_t>(count, 0)));
    }
    if (group.has_scaling()) canonicalise_scaling(job, group);
    const bool service = job.type() == "service";
    fill_in(*group.mutable_restart_policy(), default_restart(job.type()));
    if (group.has_reschedule_policy() || service || job.type() == "batch") {
        fill_in(*group.mutable_reschedule_policy(), default_reschedule(job.type()));
    }
    if (group.has_migrate() || service) fill_in(*group.mutable_migrate(), default_migrate());
    if (group.has_disconnect()) fill_in(*group.mutable_disconnect(), default_disconnect());
    fill_in(*group.mutable_ephemeral_disk(), default_disk());
    if (!group.has_prevent_reschedule_on_lost()) group.set_prevent_reschedule_on_lost(false);
    canonicalise_placement(*group.mutable_constraints(), *group.mutable_affinities());
    for (schema::Spread& spread : *group.mutable_spreads()) {
        if (!spread.has_weight()) spread.set_weight(50);
    }
    for (schema::VolumeRequest& volume : *group.mutable_volumes()) {
        if (volume.type().empty()) volume.set_type("host");
    }
    for (schema::NetworkResource& network : *group.mutable_networks()) {
        canonicalise_network(network);
    }
    if (group.has_consul() && group.consul().cluster().empty()) {
        group.mutable_consul()->set_cluster("default");
    }
    for (schema::Service& service_of_group : *group.mutable_services()) {
        canonicalise_service(job, group, nullptr, service_of_group);
    }
    for (schema::Task& task : *group.mutable_tasks()) canonicalise_task(job, group, task);
}

}  // namespace drover::jobspec
