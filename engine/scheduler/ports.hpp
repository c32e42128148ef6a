// Ports of one node: which are taken on which address, and an offer for what a group asks for.
// It never looks at whether the rest of the group fits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/prng.hpp"
#include "engine/base/result.hpp"

namespace drover::schema {
class AllocatedResources;
class NetworkResource;
class Node;
class PortMapping;
}  // namespace drover::schema

namespace drover::scheduler {

// Whether it has any port or address of its own.
[[nodiscard]] bool holds_ports(const schema::AllocatedResources& resources);

// Counted, not only marked: existing allocations may share a port where that was allowed, and one
// of them leaving must not free what the other holds.
class NodePorts {
public:
    explicit NodePorts(const schema::Node& node);

    // False where a port was taken already (and may not be shared): the node is oversubscribed.
    bool add(const schema::AllocatedResources& resources);
    void remove(const schema::AllocatedResources& resources);

    // A mapping for each port that the group's network asks for, static ones first; nothing is
    // taken. The error says which port found no place.
    [[nodiscard]] Result<std::vector<schema::PortMapping>> offer(const schema::NetworkResource& ask,
                                                                 Prng& prng) const;
    // All static ports that it asks for are free.
    [[nodiscard]] Result<void> offers_static(const schema::NetworkResource& ask) const;
    // Some port was added twice.
    [[nodiscard]] bool collides() const { return collisions_ > 0; }
    [[nodiscard]] const std::string& default_ip() const;

private:
    struct Address {
        std::string ip;
        std::string alias;
    };
    using Taken = std::map<std::int32_t, std::int32_t>;  // port -> how many hold it

    template <class Visit>
    void each_port(const schema::AllocatedResources& resources, Visit visit) const;
    void reserve(const std::string& ip, std::string_view list);
    [[nodiscard]] bool is_free(const std::string& ip, std::int32_t port) const;
    [[nodiscard]] std::vector<const Address*> addresses_of(const std::string& host_network) const;
    [[nodiscard]] Result<schema::PortMapping> offer_static(const std::string& label,
                                                           std::int32_t port,
                                                           const std::string& host_network,
                                                           bool shared) const;
    [[nodiscard]] std::int32_t pick_dynamic(const std::string& ip, Prng& prng,
                                            const std::vector<std::int32_t>& offered) const;

    std::vector<Address> addresses_;
    std::map<std::string, Taken> taken_;
    std::int32_t dynamic_min_;
    std::int32_t dynamic_max_;
    std::int64_t collisions_ = 0;
};

// "22,80-90" as ports, ascending; parts that are no port are left out.
[[nodiscard]] std::vector<std::int32_t> parse_port_list(std::string_view list);

}  // namespace drover::scheduler
