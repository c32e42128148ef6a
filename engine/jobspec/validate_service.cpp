// Rules of services and their checks.
#include <algorithm>

#include "engine/jobspec/canonicalise.hpp"
#include "engine/jobspec/validator.hpp"

namespace drover::jobspec {
namespace {

using time_unit::second;

// RFC 1123: letters, digits and dashes, at most 63, no dash at either end. What is interpolated on
// the node counts as one letter.
bool is_service_name(std::string_view name) {
    std::string plain;
    for (std::size_t at = 0; at < name.size(); ++at) {
        if (name.substr(at).starts_with("${")) {
            at = std::min(name.find('}', at), name.size() - 1);
            plain += 'x';
        } else {
            plain += name[at];
        }
    }
    return is_name(plain, "-", 63) && !plain.starts_with('-') && !plain.ends_with('-');
}

void validate_check_restart(const schema::ServiceCheck& check, Findings findings) {
    findings.require(check.check_restart().limit() >= 0, "limit must not be negative");
    findings.require(check.check_restart().grace() >= 0, "grace must not be negative");
    const bool ignored = check.on_update() == "ignore";
    findings.require(!ignored || !check.has_check_restart(),
                     "check_restart has no effect with on_update = \"ignore\"");
    findings.require(check.on_update() != "ignore_warnings" || !check.has_check_restart() ||
                         check.check_restart().ignore_warnings(),
                     "on_update = \"ignore_warnings\" needs check_restart.ignore_warnings = true");
}

void validate_check(const schema::Service& service, const schema::ServiceCheck& check,
                    bool of_group, Findings findings) {
    const std::string& type = check.type();
    const bool native = service.provider() == "nomad";
    findings.require(
        is_one_of(type, {"tcp", "http", "grpc", "script"}),
        "type " + quoted(type) + " is not known: it must be tcp, http, grpc or script");
    findings.require(!native || is_one_of(type, {"tcp", "http"}),
                     "provider nomad checks by tcp and http only, not by " + type);
    findings.require(check.interval() >= second,
                     "interval " + duration_text(check.interval()) + " must be at least 1s");
    findings.require(check.timeout() >= second,
                     "timeout " + duration_text(check.timeout()) + " must be at least 1s");
    findings.require(type != "http" || !check.path().empty(), "a check by http needs a path");
    const bool has_port = !check.port_label().empty() || !service.port_label().empty();
    findings.require(type == "script" || has_port || check.expose(),
                     "a check by " + type + " needs a port, here or in the service");
    findings.require(type != "script" || !check.command().empty(),
                     "a check by script needs a command");
    const bool has_task = !check.task_name().empty() || !service.task_name().empty();
    findings.require(type != "script" || !of_group || has_task,
                     "a check by script in a group needs the task to run it in");
    findings.require(is_one_of(check.initial_status(), {"", "passing", "warning", "critical"}),
                     "initial_status " + quoted(check.initial_status()) +
                         " is not known: it must be passing, warning or critical");
    findings.require(
        is_one_of(check.on_update(), {"", "require_healthy", "ignore_warnings", "ignore"}),
        "on_update " + quoted(check.on_update()) +
            " is not known: it must be require_healthy, ignore_warnings or ignore");
    findings.require(!check.expose() || (of_group && is_one_of(type, {"http", "grpc"})),
                     "expose is for http and grpc checks of services of the group only");
    validate_check_restart(check, findings.at("check_restart"));
}

void validate_service(const schema::Service& service, bool of_group, Findings findings) {
    findings.require(is_service_name(service.name()),
                     "a name has letters, digits and dashes, at most 63, and no dash at its ends");
    findings.require(
        is_one_of(service.provider(), {"consul", "nomad"}),
        "provider " + quoted(service.provider()) + " is not known: it must be consul or nomad");
    findings.require(
        is_one_of(service.address_mode(), {"auto", "host", "driver", "alloc", "alloc_ipv6"}),
        "address_mode " + quoted(service.address_mode()) + " is not known");
    findings.require(service.provider() != "nomad" || !service.has_connect(),
                     "provider nomad does not support connect");
    for (const schema::ServiceCheck& check : service.checks()) {
        validate_check(service, check, of_group, findings.at("check " + quoted(check.name())));
    }
}

bool has_port(const schema::TaskGroup& group, const schema::Task* task, const std::string& label) {
    const auto holds = [&](const schema::NetworkResource& network) {
        const auto same = [&](const schema::Port& port) { return port.label() == label; };
        return std::any_of(network.reserved_ports().begin(), network.reserved_ports().end(),
                           same) ||
               std::any_of(network.dynamic_ports().begin(), network.dynamic_ports().end(), same);
    };
    const auto any = [&](const auto& networks) {
        return std::any_of(networks.begin(), networks.end(), holds);
    };
    return any(group.networks()) || (task != nullptr && any(task->resources().networks()));
}

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

void validate_services(const schema::TaskGroup& group, const schema::Task* task,
                       Findings findings) {
    std::set<std::pair<std::string, std::string>> seen;
    for (const schema::Service& service : task == nullptr ? group.services() : task->services()) {
        Findings of_one = findings.at("service " + quoted(service.name()));
        of_one.require(seen.emplace(service.name(), service.port_label()).second,
                       "another service has the same name and port");
        validate_service(service, task == nullptr, of_one);
        const std::string& label = service.port_label();
        const bool by_driver = service.address_mode() == "driver" || is_number(label) ||
                               label.find("${") != std::string::npos || service.has_connect();
        of_one.require(label.empty() || by_driver || has_port(group, task, label),
                       "port " + quoted(label) + " is no port of the group's network");
    }
}

}  // namespace drover::jobspec
