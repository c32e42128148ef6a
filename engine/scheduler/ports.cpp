#include "engine/scheduler/ports.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "engine/scheduler/text.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/network.pb.h"
#include "engine/schema/node.pb.h"

namespace drover::scheduler {
namespace {

constexpr std::int32_t port_max = 65536;
constexpr std::int32_t dynamic_default_min = 20000;
constexpr std::int32_t dynamic_default_max = 32000;
constexpr int draws_max = 20;

std::optional<std::int32_t> to_port(std::string_view text) {
    text = trim(text);
    std::int32_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return port >= 0 && port < port_max ? std::optional{port} : std::nullopt;
}

bool is_default(const std::string& host_network) {
    return host_network.empty() || host_network == "default";
}

schema::PortMapping mapping(const std::string& label, std::int32_t value, std::int32_t to,
                            const std::string& ip, bool shared) {
    schema::PortMapping port;
    port.set_label(label);
    port.set_value(value);
    port.set_to(to == -1 ? value : to);
    port.set_host_ip(ip);
    port.set_ignore_collision(shared);
    return port;
}

bool contains(const std::vector<std::int32_t>& ports, std::int32_t port) {
    return std::find(ports.begin(), ports.end(), port) != ports.end();
}

}  // namespace

std::vector<std::int32_t> parse_port_list(std::string_view list) {
    // A set: a long list of wide ranges must not take more room than there are ports.
    std::set<std::int32_t> ports;
    for (const auto part : split(list, ',')) {
        const auto dash = part.find('-');
        const auto first = to_port(part.substr(0, dash));
        const auto last = dash == part.npos ? first : to_port(part.substr(dash + 1));
        if (!first || !last) continue;
        for (std::int32_t port = *first; port <= *last; ++port) ports.insert(port);
    }
    return {ports.begin(), ports.end()};
}

bool holds_ports(const schema::AllocatedResources& resources) {
    return !resources.shared().ports().empty() || !resources.shared().networks().empty() ||
           std::any_of(resources.tasks().begin(), resources.tasks().end(),
                       [](const auto& task) { return !task.networks().empty(); });
}

NodePorts::NodePorts(const schema::Node& node) {
    const auto& resources = node.node_resources();
    for (const auto& network : resources.node_networks()) {
        for (const auto& address : network.addresses()) {
            addresses_.push_back({address.address(), address.alias()});
        }
    }
    if (addresses_.empty()) {
        for (const auto& network : resources.networks()) {
            if (!network.ip().empty()) addresses_.push_back({network.ip(), "default"});
        }
    }
    // A node that reports no network still has one host, and ports on it cannot be shared.
    if (addresses_.empty()) addresses_.push_back({"", "default"});

    for (const auto& address : addresses_) {
        reserve(address.ip, node.reserved_resources().networks().reserved_host_ports());
    }
    for (const auto& network : resources.node_networks()) {
        for (const auto& address : network.addresses()) {
            reserve(address.address(), address.reserved_ports());
        }
    }
    const auto or_default = [](std::int32_t value, std::int32_t otherwise) {
        return value > 0 && value < port_max ? value : otherwise;
    };
    dynamic_min_ = or_default(resources.min_dynamic_port(), dynamic_default_min);
    dynamic_max_ = or_default(resources.max_dynamic_port(), dynamic_default_max);
}

const std::string& NodePorts::default_ip() const {
    for (const auto& address : addresses_) {
        if (is_default(address.alias)) return address.ip;
    }
    return addresses_.front().ip;
}

void NodePorts::reserve(const std::string& ip, std::string_view list) {
    for (const std::int32_t port : parse_port_list(list)) taken_[ip].insert({port, 1});
}

bool NodePorts::is_free(const std::string& ip, std::int32_t port) const {
    const auto of_ip = taken_.find(ip);
    return of_ip == taken_.end() || !of_ip->second.contains(port);
}

template <class Visit>
void NodePorts::each_port(const schema::AllocatedResources& resources, Visit visit) const {
    for (const auto& port : resources.shared().ports()) {
        visit(port.host_ip(), port.value(), port.ignore_collision());
    }
    const auto visit_network = [&](const schema::NetworkResource& network) {
        const std::string& ip = network.ip().empty() ? default_ip() : network.ip();
        for (const auto& port : network.reserved_ports()) {
            visit(ip, port.value(), port.ignore_collision());
        }
        for (const auto& port : network.dynamic_ports()) visit(ip, port.value(), false);
    };
    // The group's networks repeat the shared ports; only allocations of old lack the latter.
    if (resources.shared().ports().empty()) {
        for (const auto& network : resources.shared().networks()) visit_network(network);
    }
    for (const auto& task : resources.tasks()) {
        for (const auto& network : task.networks()) visit_network(network);
    }
}

bool NodePorts::add(const schema::AllocatedResources& resources) {
    bool free = true;
    each_port(resources, [&](const std::string& ip, std::int32_t port, bool shared) {
        if (port <= 0) return;
        auto& holders = taken_[ip][port];
        if (holders > 0 && !shared) {
            free = false;
            ++collisions_;
        }
        ++holders;
    });
    return free;
}

void NodePorts::remove(const schema::AllocatedResources& resources) {
    each_port(resources, [&](const std::string& ip, std::int32_t port, bool shared) {
        const auto of_ip = taken_.find(ip);
        if (of_ip == taken_.end()) return;
        const auto held = of_ip->second.find(port);
        if (held == of_ip->second.end()) return;
        if (held->second > 1 && !shared && collisions_ > 0) --collisions_;
        if (--held->second == 0) of_ip->second.erase(held);
    });
}

std::vector<const NodePorts::Address*> NodePorts::addresses_of(
    const std::string& host_network) const {
    std::vector<const Address*> found;
    for (const auto& address : addresses_) {
        const bool same =
            is_default(host_network) ? is_default(address.alias) : address.alias == host_network;
        if (same) found.push_back(&address);
    }
    // Nodes that name none of their networks offer all of them as the default one.
    if (found.empty() && is_default(host_network)) found.push_back(&addresses_.front());
    return found;
}

Result<schema::PortMapping> NodePorts::offer_static(const std::string& label, std::int32_t port,
                                                    const std::string& host_network,
                                                    bool shared) const {
    for (const Address* address : addresses_of(host_network)) {
        if (shared || is_free(address->ip, port)) {
            return mapping(label, port, 0, address->ip, shared);
        }
    }
    return fail(Errc::conflict,
                "network: reserved port collision " + label + "=" + std::to_string(port));
}

Result<void> NodePorts::offers_static(const schema::NetworkResource& ask) const {
    if (collides()) return fail(Errc::conflict, "network: port collision");
    for (const auto& port : ask.reserved_ports()) {
        auto offered =
            offer_static(port.label(), port.value(), port.host_network(), port.ignore_collision());
        if (!offered) return tl::unexpected<Error>{std::move(offered.error())};
    }
    return {};
}

std::int32_t NodePorts::pick_dynamic(const std::string& ip, Prng& prng,
                                     const std::vector<std::int32_t>& offered) const {
    if (dynamic_max_ <= dynamic_min_) return 0;
    const auto width = static_cast<std::uint64_t>(dynamic_max_ - dynamic_min_);
    const auto usable = [&](std::int32_t port) {
        return is_free(ip, port) && !contains(offered, port);
    };
    for (int draw = 0; draw < draws_max; ++draw) {
        const auto port = dynamic_min_ + static_cast<std::int32_t>(prng.below(width));
        if (usable(port)) return port;
    }
    std::vector<std::int32_t> free;
    for (std::int32_t port = dynamic_min_; port < dynamic_max_; ++port) {
        if (usable(port)) free.push_back(port);
    }
    return free.empty() ? 0 : free[prng.below(free.size())];
}

Result<std::vector<schema::PortMapping>> NodePorts::offer(const schema::NetworkResource& ask,
                                                          Prng& prng) const {
    if (collides()) return fail(Errc::conflict, "network: port collision");
    std::vector<schema::PortMapping> offer;
    std::vector<std::int32_t> offered;
    for (const auto& port : ask.reserved_ports()) {
        auto taken =
            offer_static(port.label(), port.value(), port.host_network(), port.ignore_collision());
        if (!taken) return tl::unexpected<Error>{std::move(taken.error())};
        taken->set_to(port.to() == -1 ? port.value() : port.to());
        offered.push_back(port.value());
        offer.push_back(std::move(*taken));
    }
    for (const auto& port : ask.dynamic_ports()) {
        std::int32_t value = 0;
        for (const Address* address : addresses_of(port.host_network())) {
            value = pick_dynamic(address->ip, prng, offered);
            if (value == 0) continue;
            offer.push_back(mapping(port.label(), value, port.to(), address->ip, false));
            break;
        }
        if (value == 0) return fail(Errc::conflict, "network: dynamic port selection failed");
        offered.push_back(value);
    }
    return offer;
}

}  // namespace drover::scheduler
