// Rules of a task.
#include <algorithm>

#include "engine/jobspec/validator.hpp"

namespace drover::jobspec {
namespace {

void validate_identities(const schema::Task& task, Findings findings) {
    std::set<std::string> names;
    for (const schema::WorkloadIdentity& identity : task.identities()) {
        Findings of_one = findings.at("identity " + quoted(identity.name()));
        of_one.require(is_name(identity.name(), "-_", 128),
                       "a name has letters, digits, - and _ only, at most 128 of them");
        of_one.require(identity.name() != "default", "only one default identity is allowed");
        of_one.require(names.insert(identity.name()).second, "names must be unique");
        of_one.require(identity.ttl() >= 0, "ttl must not be negative");
        of_one.require(identity.change_mode() != "signal" || !identity.change_signal().empty(),
                       "change_mode signal needs change_signal");
        of_one.require(identity.filepath().empty() || identity.file(),
                       "filepath needs file = true");
    }
    findings.require(task.identity().ttl() == 0, "the default identity cannot have a ttl");
}

void validate_secrets(const schema::Task& task, const Findings& findings) {
    std::set<std::string> names;
    for (const schema::Secret& secret : task.secrets()) {
        Findings of_one = findings.at("secret " + quoted(secret.name()));
        of_one.require(is_name(secret.name(), "_", 128),
                       "a name has letters, digits and _ only, at most 128 of them");
        of_one.require(names.insert(secret.name()).second, "names must be unique");
        of_one.require(!secret.provider().empty(), "provider is missing");
        of_one.require(!secret.path().empty(), "path is missing");
        of_one.require(secret.provider() != "vault" || task.has_vault(),
                       "provider vault needs a vault block");
    }
}

void validate_vault(const schema::Vault& vault, Findings findings) {
    findings.require(is_one_of(vault.change_mode(), {"noop", "restart", "signal"}),
                     "change_mode " + quoted(vault.change_mode()) +
                         " is not known: it must be noop, restart or signal");
    findings.require(vault.change_mode() != "signal" || !vault.change_signal().empty(),
                     "change_mode signal needs change_signal");
    if (!vault.policies().empty()) {
        findings.warning("policies are deprecated and have no effect: use role");
    }
}

void validate_actions(const schema::Task& task, const Findings& findings) {
    std::set<std::string> names;
    for (const schema::Action& action : task.actions()) {
        Findings of_one = findings.at("action " + quoted(action.name()));
        const bool plain = !action.name().empty() && action.name().size() <= 128 &&
                           action.name().find_first_of(" \t\r\n") == std::string::npos;
        of_one.require(plain, "a name has no blanks and at most 128 characters");
        of_one.require(names.insert(action.name()).second, "names must be unique");
        of_one.require(!action.command().empty(), "command is missing");
    }
}

void validate_paths(const schema::Task& task, const Findings& findings) {
    for (const schema::TaskArtifact& artifact : task.artifacts()) {
        Findings of_one = findings.at("artifact " + quoted(artifact.getter_source()));
        of_one.require(!artifact.getter_source().empty(), "source is missing");
        of_one.require(is_one_of(artifact.getter_mode(), {"any", "file", "dir"}),
                       "mode " + quoted(artifact.getter_mode()) +
                           " is not known: it must be any, file or dir");
        of_one.require(!escapes(artifact.relative_dest()),
                       "destination " + quoted(artifact.relative_dest()) +
                           " leaves the allocation's directory");
    }
    Findings dispatch = findings.at("dispatch_payload");
    if (!task.has_dispatch_payload()) return;
    dispatch.require(!task.dispatch_payload().file().empty(), "file is missing");
    dispatch.require(
        !escapes(task.dispatch_payload().file()),
        "file " + quoted(task.dispatch_payload().file()) + " leaves the task's directory");
}

void validate_mounts(const schema::TaskGroup& group, const schema::Task& task,
                     const Findings& findings) {
    for (const schema::VolumeMount& mount : task.volume_mounts()) {
        Findings of_one = findings.at("volume_mount " + quoted(mount.volume()));
        const bool known =
            std::any_of(group.volumes().begin(), group.volumes().end(),
                        [&](const auto& volume) { return volume.name() == mount.volume(); });
        of_one.require(known, "the group has no volume of this name");
        of_one.require(!mount.destination().empty(), "destination is missing");
        of_one.require(
            is_one_of(mount.propagation_mode(), {"private", "host-to-task", "bidirectional"}),
            "propagation_mode " + quoted(mount.propagation_mode()) +
                " must be private, host-to-task or bidirectional");
        of_one.require(is_one_of(mount.selinux_label(), {"", "z", "Z"}),
                       "selinux_label " + quoted(mount.selinux_label()) + " must be z or Z");
    }
}

void validate_log_config(const schema::TaskGroup& group, const schema::Task& task,
                         Findings findings) {
    const schema::LogConfig& logs = task.log_config();
    if (logs.disabled()) return;
    findings.require(logs.max_files() >= 1, "max_files must be at least 1");
    findings.require(logs.max_file_size_mb() >= 1, "max_file_size must be at least 1 MB");
    const std::int64_t total = std::int64_t{logs.max_files()} * logs.max_file_size_mb();
    findings.require(total < group.ephemeral_disk().size_mb(),
                     std::to_string(total) + " MB of logs do not fit in the ephemeral_disk of " +
                         std::to_string(group.ephemeral_disk().size_mb()) + " MB");
}

void validate_lifecycle(const schema::Task& task, Findings findings) {
    if (!task.has_lifecycle()) return;
    findings.require(is_one_of(task.lifecycle().hook(), {"prestart", "poststart", "poststop"}),
                     "hook " + quoted(task.lifecycle().hook()) +
                         " is not known: it must be prestart, poststart or poststop");
}

void validate_csi_plugin(const schema::Task& task, Findings findings) {
    if (!task.has_csi_plugin_config()) return;
    const schema::TaskCSIPluginConfig& plugin = task.csi_plugin_config();
    findings.require(!plugin.id().empty(), "id is missing");
    findings.require(
        is_one_of(plugin.type(), {"node", "controller", "monolith"}),
        "type " + quoted(plugin.type()) + " is not known: it must be node, controller or monolith");
    const bool inside = plugin.stage_publish_base_dir().starts_with(plugin.mount_dir() + "/");
    findings.require(!inside, "stage_publish_base_dir must not be inside mount_dir");
}

}  // namespace

void validate_task(const schema::Job&, const schema::TaskGroup& group, const schema::Task& task,
                   Findings findings) {
    findings.require(!task.name().empty(), "name is missing");
    findings.require(task.name() != "alloc", "the name alloc is reserved");
    findings.require(
        task.name().find('/') == std::string::npos && task.name().find('\0') == std::string::npos,
        "a name contains neither \"/\" nor NUL bytes");
    findings.require(!task.driver().empty(), "driver is missing");
    findings.require(task.kill_timeout() >= 0, "kill_timeout must not be negative");
    const std::int64_t deadline = group.update().progress_deadline();
    findings.require(!group.has_update() || deadline == 0 || task.kill_timeout() <= deadline,
                     "kill_timeout " + duration_text(task.kill_timeout()) +
                         " must not be more than the progress_deadline of " +
                         duration_text(deadline));
    findings.require(task.shutdown_delay() >= 0, "shutdown_delay must not be negative");
    validate_constraints(task.constraints(), Level::task, findings);
    validate_affinities(task.affinities(), findings);
    validate_resources(task, findings.at("resources"));
    validate_log_config(group, task, findings.at("logs"));
    validate_lifecycle(task, findings.at("lifecycle"));
    validate_templates(task, findings);
    validate_identities(task, findings);
    validate_secrets(task, findings);
    validate_actions(task, findings);
    validate_paths(task, findings);
    validate_mounts(group, task, findings);
    validate_csi_plugin(task, findings.at("csi_plugin"));
    if (task.has_vault()) validate_vault(task.vault(), findings.at("vault"));
    validate_services(group, &task, findings);
    if (task.kind().starts_with("connect-proxy:")) {
        findings.require(task.services().empty() && !task.leader(),
                         "a connect proxy has no services and is not the leader");
    }
}

}  // namespace drover::jobspec
