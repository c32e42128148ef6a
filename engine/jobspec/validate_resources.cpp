// Rules of a task's resources and templates.
#include <algorithm>

#include "engine/jobspec/validator.hpp"

namespace drover::jobspec {
namespace {

// Of a device, nothing else is known: such a constraint would hold on no node.
void validate_device_target(const std::string& target, Findings& findings) {
    const bool known = is_one_of(target, {"${device.vendor}", "${device.type}", "${device.model}",
                                          "${device.ids}"}) ||
                       target.starts_with("${device.attr.");
    if (!target.starts_with("${") || known) return;
    findings.warning(quoted(target) +
                     " is not known of a device: there are ${device.vendor}, ${device.type}, "
                     "${device.model}, ${device.ids} and ${device.attr.<name>}");
}

void validate_device_name(const std::string& name, Findings& findings) {
    const auto vendor_end = name.find('/');
    const auto type_end = name.find('/', vendor_end == name.npos ? name.npos : vendor_end + 1);
    const bool has_empty_part = vendor_end == 0 || name.ends_with('/') ||
                                (type_end != name.npos && type_end == vendor_end + 1);
    findings.require(!name.empty(), "the name is missing");
    findings.require(
        !has_empty_part,
        "the name must be a type, vendor/type or vendor/type/name, without empty parts");
}

void validate_devices(const schema::Resources& resources, const Findings& findings) {
    for (const schema::RequestedDevice& device : resources.devices()) {
        Findings of_one = findings.at("device " + quoted(device.name()));
        validate_device_name(device.name(), of_one);
        of_one.require(device.count() >= 1, "count must be at least 1");
        validate_constraints(device.constraints(), Level::group, of_one);
        validate_affinities(device.affinities(), of_one);
        for (const schema::Constraint& constraint : device.constraints()) {
            of_one.require(!constraint.operand().starts_with("distinct_"),
                           "operator " + quoted(constraint.operand()) + " is not allowed here");
            validate_device_target(constraint.l_target(), of_one);
            validate_device_target(constraint.r_target(), of_one);
        }
        for (const schema::Affinity& affinity : device.affinities()) {
            validate_device_target(affinity.l_target(), of_one);
            validate_device_target(affinity.r_target(), of_one);
        }
    }
    if (!resources.has_numa()) return;
    Findings numa = findings.at("numa");
    numa.require(is_one_of(resources.numa().affinity(), {"none", "prefer", "require"}),
                 "affinity " + quoted(resources.numa().affinity()) +
                     " is not known: it must be none, prefer or require");
    for (const std::string& name : resources.numa().devices()) {
        const bool requested =
            std::any_of(resources.devices().begin(), resources.devices().end(),
                        [&](const auto& device) { return device.name() == name; });
        numa.require(requested, "device " + quoted(name) + " is not requested by a device block");
    }
}

bool is_octal(std::string_view text) {
    return !text.empty() && text.size() <= 5 &&
           text.find_first_not_of("01234567") == std::string_view::npos;
}

void validate_template(const schema::Template& one, Findings findings) {
    findings.require(!one.source_path().empty() != !one.embedded_tmpl().empty(),
                     "give either source or data");
    findings.require(!one.dest_path().empty(), "destination is missing");
    findings.require(!escapes(one.dest_path()), "destination leaves the allocation's directory");
    findings.require(is_one_of(one.change_mode(), {"noop", "restart", "signal", "script"}),
                     "change_mode " + quoted(one.change_mode()) +
                         " is not known: it must be noop, restart, signal or script");
    findings.require(one.change_mode() != "script" || !one.change_script().command().empty(),
                     "change_mode script needs change_script.command");
    findings.require(one.change_mode() != "signal" || !one.envvars(),
                     "change_mode signal cannot be combined with env: a running task does not "
                     "see new variables");
    findings.require(one.splay() >= 0, "splay must not be negative");
    findings.require(is_octal(one.perms()),
                     "perms " + quoted(one.perms()) + " is no octal number such as 0644");
    if (one.vault_grace() != 0) findings.warning("vault_grace is deprecated and has no effect");
    if (!one.has_wait()) return;
    findings.require(one.wait().min() >= 0 && one.wait().min() <= one.wait().max(),
                     "wait.min must not be negative or more than wait.max");
}

}  // namespace

void validate_resources(const schema::Task& task, Findings findings) {
    const schema::Resources& resources = task.resources();
    findings.require(resources.cores() >= 0, "cores must not be negative");
    findings.require(resources.cores() == 0 || resources.cpu() == 0,
                     "cpu and cores exclude each other");
    findings.require(resources.cores() > 0 || resources.cpu() >= 1,
                     "cpu " + std::to_string(resources.cpu()) + " must be at least 1 MHz");
    findings.require(resources.memory_mb() >= 10,
                     "memory " + std::to_string(resources.memory_mb()) + " must be at least 10 MB");
    const std::int32_t memory_max = resources.memory_max_mb();
    findings.require(memory_max == 0 || memory_max == -1 || memory_max >= resources.memory_mb(),
                     "memory_max " + std::to_string(memory_max) + " is less than memory " +
                         std::to_string(resources.memory_mb()));
    findings.require(resources.disk_mb() == 0,
                     "disk is not supported any more: use ephemeral_disk of the group");
    findings.require(resources.secrets_mb() >= 0 && resources.secrets_mb() <= resources.memory_mb(),
                     "secrets " + std::to_string(resources.secrets_mb()) +
                         " must not be negative or more than memory");
    if (resources.iops() != 0) findings.warning("iops is deprecated and has no effect");
    validate_devices(resources, findings);
}

void validate_templates(const schema::Task& task, Findings findings) {
    std::set<std::string> destinations;
    for (const schema::Template& one : task.templates()) {
        Findings of_one = findings.at("template " + quoted(one.dest_path()));
        of_one.require(destinations.insert(one.dest_path()).second,
                       "another template has the same destination");
        validate_template(one, of_one);
    }
}

}  // namespace drover::jobspec
