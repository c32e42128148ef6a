// Rules of networks and ports, over a whole group: its tasks' networks count as well.
#include <algorithm>

#include "engine/jobspec/validator.hpp"

namespace drover::jobspec {
namespace {

bool is_mode(std::string_view mode) {
    return is_one_of(mode, {"host", "bridge", "none"}) || mode.starts_with("cni/");
}

// Labels of a DNS name; templates are left for the node that knows their values.
bool is_hostname(std::string_view name) {
    if (name.find("${") != std::string_view::npos) return true;
    if (name.empty() || name.size() > 253) return false;
    for (std::size_t at = 0; at <= name.size();) {
        const std::size_t end = std::min(name.find('.', at), name.size());
        const std::string_view label = name.substr(at, end - at);
        if (!is_name(label, "-", 63) || label.starts_with('-') || label.ends_with('-')) {
            return false;
        }
        at = end + 1;
    }
    return true;
}

class PortRules {
public:
    void check(const schema::NetworkResource& network, Findings findings) {
        for (const schema::Port& port : network.reserved_ports()) {
            Findings of_one = findings.at("port " + quoted(port.label()));
            check_one(network, port, of_one);
            of_one.require(
                port.value() >= 1 && port.value() <= 65535,
                "static " + std::to_string(port.value()) + " must be between 1 and 65535");
            const bool fresh = statics_.emplace(port.host_network(), port.value()).second;
            of_one.require(
                fresh || port.ignore_collision(),
                "static " + std::to_string(port.value()) + " is used by another port of the group");
        }
        for (const schema::Port& port : network.dynamic_ports()) {
            check_one(network, port, findings.at("port " + quoted(port.label())));
        }
    }

private:
    void check_one(const schema::NetworkResource& network, const schema::Port& port,
                   Findings findings) {
        findings.require(!port.label().empty(), "the label is missing");
        findings.require(labels_.insert(port.label()).second,
                         "another port of the group has the same label");
        findings.require(port.to() >= -1 && port.to() <= 65535,
                         "to " + std::to_string(port.to()) + " must be between -1 and 65535");
        findings.require(!port.ignore_collision() || network.mode() == "host",
                         "ignore_collision is for mode host only");
    }

    std::set<std::string> labels_{};
    std::set<std::pair<std::string, std::int32_t>> statics_{};
};

void check_network(const schema::NetworkResource& network, Findings findings) {
    findings.require(is_mode(network.mode()), "mode " + quoted(network.mode()) +
                                                  " is not known: it must be host, bridge, none "
                                                  "or cni/NAME");
    findings.require(network.hostname().empty() || is_hostname(network.hostname()),
                     "hostname " + quoted(network.hostname()) + " is no DNS name");
    if (network.mbits() != 0) findings.warning("mbits is deprecated and has no effect");
    std::set<std::string> keys;
    for (const schema::StringPair& pair : network.cni().args()) {
        findings.require(keys.insert(pair.key()).second,
                         "cni argument " + quoted(pair.key()) + " is given twice");
        findings.require((pair.key() + pair.value()).find(';') == std::string::npos,
                         "cni argument " + quoted(pair.key()) + " must not contain \";\"");
    }
}

}  // namespace

void validate_networks(const schema::TaskGroup& group, Findings findings) {
    PortRules ports;
    findings.require(group.networks_size() <= 1, "only one network block is allowed");
    for (const schema::NetworkResource& network : group.networks()) {
        Findings of_network = findings.at("network");
        check_network(network, of_network);
        ports.check(network, of_network);
    }
    for (const schema::Task& task : group.tasks()) {
        for (const schema::NetworkResource& network : task.resources().networks()) {
            Findings of_network = findings.at("task " + quoted(task.name())).at("network");
            of_network.warning("networks of tasks are deprecated: put network in the group");
            check_network(network, of_network);
            ports.check(network, of_network);
        }
    }
}

}  // namespace drover::jobspec
