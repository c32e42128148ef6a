// Defaults of a task and of what its blocks hold.
#include <algorithm>

#include "engine/jobspec/canonicalise.hpp"

namespace drover::jobspec {
namespace {

using namespace time_unit;

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return text;
}

schema::TaskArtifact default_artifact() {
    schema::TaskArtifact artifact;
    artifact.set_getter_source("");
    artifact.set_getter_mode("any");
    artifact.set_getter_insecure(false);
    return artifact;
}

// A single file goes under its own name, everything else into the directory.
void canonicalise_artifact(schema::TaskArtifact& artifact) {
    fill_in(artifact, default_artifact());
    if (!artifact.relative_dest().empty()) return;
    const std::string source =
        artifact.getter_source().substr(0, artifact.getter_source().find('?'));
    const bool file = artifact.getter_mode() == "file";
    artifact.set_relative_dest("local/" + (file ? source.substr(source.rfind('/') + 1) : ""));
}

schema::Template default_template() {
    schema::Template result;
    result.set_source_path("");
    result.set_dest_path("");
    result.set_embedded_tmpl("");
    result.set_change_mode("restart");
    result.set_change_signal("");
    result.set_once(false);
    result.set_splay(5 * second);
    result.set_perms("0644");
    result.set_left_delim("{{");
    result.set_right_delim("}}");
    result.set_envvars(false);
    result.set_vault_grace(0);
    result.set_err_missing_key(false);
    return result;
}

void canonicalise_template(schema::Template& given) {
    fill_in(given, default_template());
    given.set_change_signal(upper(given.change_signal()));
    if (given.change_mode() == "signal" && given.change_signal().empty()) {
        given.set_change_signal("SIGHUP");
    }
    if (!given.has_change_script()) return;
    schema::ChangeScript script;
    script.set_command("");
    script.set_timeout(5 * second);
    script.set_fail_on_error(false);
    script.set_run_on_first_render(false);
    fill_in(*given.mutable_change_script(), script);
}

void canonicalise_vault(schema::Vault& vault) {
    schema::Vault defaults;
    defaults.set_namespace_("");
    defaults.set_cluster("default");
    defaults.set_env(true);
    defaults.set_disable_file(false);
    defaults.set_change_mode("restart");
    defaults.set_change_signal("");
    defaults.set_allow_token_expiration(false);
    fill_in(vault, defaults);
    vault.set_change_signal(upper(vault.change_signal()));
    if (vault.change_mode() == "signal" && vault.change_signal().empty()) {
        vault.set_change_signal("SIGHUP");
    }
}

void canonicalise_mount(schema::VolumeMount& mount) {
    schema::VolumeMount defaults;
    defaults.set_volume("");
    defaults.set_destination("");
    defaults.set_read_only(false);
    defaults.set_propagation_mode("private");
    defaults.set_selinux_label("");
    fill_in(mount, defaults);
}

void canonicalise_scaling(const schema::Job& job, const schema::TaskGroup& group,
                          const schema::Task& task, schema::ScalingPolicy& scaling) {
    if (!scaling.has_enabled()) scaling.set_enabled(true);
    if (!scaling.has_min()) scaling.set_min(0);
    scaling.clear_target();
    for (const auto& [key, value] : {std::pair<std::string, std::string>{"Group", group.name()},
                                     {"Job", job.id()},
                                     {"Namespace", job.namespace_()},
                                     {"Task", task.name()}}) {
        schema::StringPair* pair = scaling.add_target();
        pair->set_key(key);
        pair->set_value(value);
    }
}

void canonicalise_csi_plugin(schema::TaskCSIPluginConfig& plugin) {
    schema::TaskCSIPluginConfig defaults;
    defaults.set_mount_dir("/csi");
    defaults.set_stage_publish_base_dir("/local/csi");
    defaults.set_health_timeout(30 * second);
    fill_in(plugin, defaults);
}

// Every task has an identity of its own, whether it asks for it or not.
void canonicalise_identity(schema::Task& task) {
    schema::WorkloadIdentity& identity = *task.mutable_identity();
    identity.set_name("default");
    if (identity.audience().empty()) identity.add_audience("nomadproject.io");
}

}  // namespace

void canonicalise_log_config(schema::LogConfig& logs) {
    const bool off = logs.has_enabled() && !logs.enabled();
    schema::LogConfig defaults;
    defaults.set_max_files(10);
    defaults.set_max_file_size_mb(10);
    defaults.set_disabled(off);
    fill_in(logs, defaults);
    logs.clear_enabled();
}

void canonicalise_resources(schema::Resources& resources) {
    schema::Resources defaults;
    const bool cores = resources.has_cores() && resources.cores() != 0;
    defaults.set_cpu(cores ? 0 : 100);
    defaults.set_cores(0);
    defaults.set_memory_mb(300);
    defaults.set_memory_max_mb(0);
    defaults.set_disk_mb(0);
    defaults.set_secrets_mb(0);
    defaults.set_iops(0);
    fill_in(resources, defaults);
    for (schema::NetworkResource& network : *resources.mutable_networks()) {
        canonicalise_network(network);
    }
    for (schema::RequestedDevice& device : *resources.mutable_devices()) {
        if (!device.has_count()) device.set_count(1);
        canonicalise_placement(*device.mutable_constraints(), *device.mutable_affinities());
    }
    if (resources.has_numa() && resources.numa().affinity().empty()) {
        resources.mutable_numa()->set_affinity("none");
    }
}

void canonicalise_task(const schema::Job& job, const schema::TaskGroup& group, schema::Task& task) {
    canonicalise_resources(*task.mutable_resources());
    fill_in(*task.mutable_restart_policy(), group.restart_policy());
    canonicalise_log_config(*task.mutable_log_config());
    if (!task.has_kill_timeout()) task.set_kill_timeout(5 * second);
    canonicalise_placement(*task.mutable_constraints(), *task.mutable_affinities());
    for (schema::TaskArtifact& artifact : *task.mutable_artifacts()) {
        canonicalise_artifact(artifact);
    }
    for (schema::Template& one : *task.mutable_templates()) canonicalise_template(one);
    for (schema::VolumeMount& mount : *task.mutable_volume_mounts()) canonicalise_mount(mount);
    for (schema::ScalingPolicy& scaling : *task.mutable_scaling_policies()) {
        canonicalise_scaling(job, group, task, scaling);
    }
    if (task.has_vault()) canonicalise_vault(*task.mutable_vault());
    if (task.has_consul() && task.consul().cluster().empty()) {
        task.mutable_consul()->set_cluster("default");
    }
    if (task.has_csi_plugin_config()) canonicalise_csi_plugin(*task.mutable_csi_plugin_config());
    canonicalise_identity(task);
    for (schema::Service& service : *task.mutable_services()) {
        canonicalise_service(job, group, &task, service);
    }
}

}  // namespace drover::jobspec
