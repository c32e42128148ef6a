#include "engine/scheduler/changes.hpp"

#include <map>
#include <utility>

#include "engine/schema/job.pb.h"

namespace drover::scheduler {
namespace {

using Networks = google::protobuf::RepeatedPtrField<schema::NetworkResource>;

const schema::TaskGroup* find_group(const schema::Job& job, const std::string& name) {
    for (const auto& group : job.task_groups()) {
        if (group.name() == name) return &group;
    }
    return nullptr;
}

// The reductions below keep what must not change under a running task, so that comparing their
// bytes is the whole decision. A field that a reduction does not name can be changed in place.

Networks reduced(const Networks& networks) {
    Networks kept;
    for (const auto& network : networks) {
        auto& one = *kept.Add();
        one = network;
        one.clear_device();
        one.clear_cidr();
        one.clear_ip();
        for (auto& port : *one.mutable_dynamic_ports()) port.clear_value();
    }
    return kept;
}

schema::Resources reduced(const schema::Resources& resources) {
    schema::Resources kept = resources;
    *kept.mutable_networks() = reduced(resources.networks());
    kept.clear_disk_mb();
    kept.clear_iops();
    return kept;
}

void merge_meta(const google::protobuf::RepeatedPtrField<schema::StringPair>& pairs,
                std::map<std::string, std::string>& meta) {
    for (const auto& pair : pairs) meta[pair.key()] = pair.value();
}

schema::Task reduced(const schema::Job& job, const schema::TaskGroup& group,
                     const schema::Task& task) {
    schema::Task kept;
    kept.set_name(task.name());
    kept.set_driver(task.driver());
    kept.set_user(task.user());
    *kept.mutable_config() = task.config();
    *kept.mutable_env() = task.env();
    *kept.mutable_artifacts() = task.artifacts();
    if (task.has_vault()) *kept.mutable_vault() = task.vault();
    *kept.mutable_secrets() = task.secrets();
    if (task.has_consul()) *kept.mutable_consul() = task.consul();
    *kept.mutable_templates() = task.templates();
    if (task.has_csi_plugin_config()) {
        *kept.mutable_csi_plugin_config() = task.csi_plugin_config();
    }
    *kept.mutable_volume_mounts() = task.volume_mounts();
    *kept.mutable_resources() = reduced(task.resources());
    if (task.has_identity()) *kept.mutable_identity() = task.identity();
    *kept.mutable_identities() = task.identities();
    kept.mutable_log_config()->set_disabled(task.log_config().disabled());
    kept.mutable_restart_policy()->set_render_templates(task.restart_policy().render_templates());

    std::map<std::string, std::string> meta;
    merge_meta(job.meta(), meta);
    merge_meta(group.meta(), meta);
    merge_meta(task.meta(), meta);
    for (const auto& [key, value] : meta) {
        auto& pair = *kept.add_meta();
        pair.set_key(key);
        pair.set_value(value);
    }
    return kept;
}

schema::Service reduced(const schema::Service& service) {
    schema::Service kept;
    kept.set_name(service.name());
    if (!service.has_connect()) return kept;
    *kept.mutable_connect() = service.connect();
    kept.set_port_label(service.port_label());
    kept.set_cluster(service.cluster());
    if (!kept.connect().has_sidecar_service()) return kept;
    auto& sidecar = *kept.mutable_connect()->mutable_sidecar_service();
    sidecar.clear_tags();
    sidecar.clear_proxy();
    sidecar.clear_meta();
    return kept;
}

// Services with Connect change what runs beside the tasks; a service that came or went does not.
bool same_services(const schema::TaskGroup& old_group, const schema::TaskGroup& new_group) {
    for (const auto& before : old_group.services()) {
        for (const auto& after : new_group.services()) {
            if (before.name() != after.name()) continue;
            if (reduced(before).SerializeAsString() != reduced(after).SerializeAsString()) {
                return false;
            }
        }
    }
    return true;
}

// Everything of the group but its tasks.
schema::TaskGroup reduced(const schema::TaskGroup& group) {
    schema::TaskGroup kept;
    if (group.has_ephemeral_disk()) *kept.mutable_ephemeral_disk() = group.ephemeral_disk();
    *kept.mutable_networks() = reduced(group.networks());
    if (group.has_consul()) *kept.mutable_consul() = group.consul();
    *kept.mutable_volumes() = group.volumes();
    kept.mutable_restart_policy()->set_render_templates(group.restart_policy().render_templates());
    return kept;
}

const schema::Task* find_task(const schema::TaskGroup& group, const std::string& name) {
    for (const auto& task : group.tasks()) {
        if (task.name() == name) return &task;
    }
    return nullptr;
}

}  // namespace

bool needs_replacement(const schema::Job& old_job, const schema::Job& new_job,
                       const std::string& group) {
    const auto* before = find_group(old_job, group);
    const auto* after = find_group(new_job, group);
    if (before == nullptr || after == nullptr) return true;
    if (before->tasks_size() != after->tasks_size()) return true;
    if (reduced(*before).SerializeAsString() != reduced(*after).SerializeAsString()) return true;
    if (!same_services(*before, *after)) return true;
    for (const auto& task : before->tasks()) {
        const auto* same = find_task(*after, task.name());
        if (same == nullptr) return true;
        if (reduced(old_job, *before, task).SerializeAsString() !=
            reduced(new_job, *after, *same).SerializeAsString()) {
            return true;
        }
    }
    return false;
}

}  // namespace drover::scheduler
