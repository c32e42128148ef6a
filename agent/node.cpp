#include "agent/node.hpp"

#include <filesystem>
#include <map>

#include "agent/log.hpp"
#include "agent/release.hpp"
#include "drivers/fingerprint.hpp"
#include "drivers/registry.hpp"
#include "engine/base/uuid.hpp"
#include "engine/schema/node.pb.h"
#include "io/clock.hpp"
#include "io/durable_file.hpp"

namespace drover::agent {
namespace {

namespace fs = std::filesystem;

// One UUID a file, minted when it is missing.
Result<Uuid> identity(const fs::path& file) {
    if (const auto text = io::read_file(file, 0, 64)) {
        const auto id = Uuid::from_text(text->substr(0, 36));
        if (id) return *id;
        return fail(
            Errc::corrupt,
            file.string() + ": not a UUID; restore it, or remove it to register a new node");
    } else if (text.error().code != Errc::not_found) {
        return tl::unexpected{text.error()};
    }
    const auto seed = io::entropy_seed();
    if (!seed) return tl::unexpected{seed.error()};
    Prng prng{*seed};
    const Uuid id = Uuid::mint(io::wall_now(), prng);
    if (auto written = io::write_file_durably(file, id.text() + "\n"); !written) {
        return tl::unexpected{written.error()};
    }
    return id;
}

drivers::FingerprintOptions options_of(const Config& config) {
    drivers::FingerprintOptions options;
    options.data_dir = config.alloc_dir();
    options.network_interface = config.client.network_interface;
    options.cpu_total_compute_mhz = config.client.cpu_total_compute;
    options.memory_total_mib = config.client.memory_total_mb;
    options.disk_total_mib = config.client.disk_total_mb;
    return options;
}

void fill_resources(schema::Node& node, const Config& config, const drivers::NodeFacts& facts) {
    auto& resources = *node.mutable_node_resources();
    resources.mutable_cpu()->set_cpu_shares(facts.cpu_total_mhz);
    resources.mutable_cpu()->set_total_cpu_cores(static_cast<std::uint32_t>(facts.cpu_cores));
    for (std::int64_t core = 0; core < facts.cpu_cores; ++core) {
        resources.mutable_cpu()->add_reservable_cpu_cores(static_cast<std::uint32_t>(core));
    }
    resources.mutable_memory()->set_memory_mb(facts.memory_mib);
    resources.mutable_disk()->set_disk_mb(facts.disk_free_mib);
    resources.set_min_dynamic_port(config.client.min_dynamic_port);
    resources.set_max_dynamic_port(config.client.max_dynamic_port);
    auto& reserved = *node.mutable_reserved_resources();
    reserved.mutable_cpu()->set_cpu_shares(static_cast<std::uint64_t>(config.client.reserved_cpu));
    reserved.mutable_memory()->set_memory_mb(
        static_cast<std::uint64_t>(config.client.reserved_memory));
    reserved.mutable_disk()->set_disk_mb(static_cast<std::uint64_t>(config.client.reserved_disk));
    reserved.mutable_networks()->set_reserved_host_ports(config.client.reserved_ports);
}

void fill_network(schema::Node& node, const drivers::NetworkInterface& network) {
    if (network.addresses.empty()) return;
    auto& listed = *node.mutable_node_resources()->add_networks();
    listed.set_mode("host");
    listed.set_device(network.device);
    listed.set_ip(network.addresses.front());
    listed.set_cidr(network.cidrs.empty() ? "" : network.cidrs.front());
    listed.set_mbits(static_cast<std::int32_t>(network.speed_mbits));
    auto& detailed = *node.mutable_node_resources()->add_node_networks();
    detailed.set_mode("host");
    detailed.set_device(network.device);
    detailed.set_mac_address(network.mac);
    detailed.set_speed(static_cast<std::int32_t>(network.speed_mbits));
    for (const auto& address : network.addresses) {
        auto& one = *detailed.add_addresses();
        one.set_family(address.find(':') == std::string::npos ? "ipv4" : "ipv6");
        one.set_alias("default");
        one.set_address(address);
    }
}

void fill_drivers(schema::Node& node, drivers::DriverRegistry& registry,
                  std::map<std::string, std::string>& attributes) {
    for (const auto& name : registry.names()) {
        const drivers::DriverFingerprint found = registry.find(name)->fingerprint();
        auto& info = *node.add_drivers();
        info.set_name(name);
        info.set_detected(found.health != drivers::DriverFingerprint::Health::undetected);
        info.set_healthy(found.health == drivers::DriverFingerprint::Health::healthy);
        info.set_health_description(found.description);
        info.set_update_time(io::wall_now().value());
        for (const auto& [key, value] : found.attributes) {
            attributes[key] = value;
            auto& pair = *info.add_attributes();
            pair.set_key(key);
            pair.set_value(value);
        }
    }
}

}  // namespace

Result<Uuid> load_node_identity(const Config& config) {
    std::error_code error;
    fs::create_directories(config.client_dir(), error);
    if (error)
        return fail(Errc::internal,
                    config.client_dir() + ": cannot be created: " + error.message());
    return identity(fs::path{config.client_dir()} / "client-id");
}

Result<std::shared_ptr<schema::Node>> describe_node(const Config& config,
                                                    const std::string& http_address,
                                                    drivers::DriverRegistry& registry) {
    const auto id = load_node_identity(config);
    const auto secret = identity(fs::path{config.client_dir()} / "secret-id");
    if (!id) return tl::unexpected{id.error()};
    if (!secret) return tl::unexpected{secret.error()};
    drivers::NodeFacts facts = drivers::fingerprint_node(options_of(config));
    for (const auto& warning : facts.warnings) log(LogLevel::warn, "client.fingerprint", warning);

    auto node = std::make_shared<schema::Node>();
    node->set_id(id->raw());
    node->set_secret_id(secret->text());
    node->set_name(config.name);
    node->set_datacenter(config.datacenter);
    node->set_node_class(config.client.node_class);
    node->set_node_pool(config.client.node_pool);
    node->set_http_addr(http_address);
    node->set_status("initializing");
    node->set_scheduling_eligibility("eligible");
    fill_resources(*node, config, facts);
    fill_network(*node, facts.network);
    fill_drivers(*node, registry, facts.attributes);
    facts.attributes["nomad.version"] = std::string{claimed_version};
    facts.attributes["drover.version"] = std::string{release};
    facts.attributes["nomad.service_discovery"] = "false";
    for (const auto& [key, value] : facts.attributes) {
        auto& pair = *node->add_attributes();
        pair.set_key(key);
        pair.set_value(value);
    }
    for (const auto& [key, value] : config.client.meta) {
        auto& pair = *node->add_meta();
        pair.set_key(key);
        pair.set_value(value);
    }
    return node;
}

}  // namespace drover::agent
