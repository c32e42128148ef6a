#include "agent/config.hpp"

#include <algorithm>
#include <filesystem>

#include "agent/config_block.hpp"
#include "io/durable_file.hpp"

namespace drover::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t file_size_max = 4 << 20;
constexpr std::int64_t large = 1'000'000'000;

void read_ports(ConfigBlock& block, Ports& ports) {
    block.read_number("http", ports.http, 0, 65535);
    block.read_number("rpc", ports.rpc, 0, 65535);
    block.read_number("serf", ports.serf, 0, 65535);
    block.finish();
}

void read_addresses(ConfigBlock& block, Addresses& addresses) {
    block.read("http", addresses.http);
    block.read("rpc", addresses.rpc);
    block.read("serf", addresses.serf);
    block.finish();
}

// server_join and the older spellings of the same.
void read_join(ConfigBlock& block, std::vector<std::string>& join, Duration& interval,
               std::vector<std::string>& idle) {
    block.read("start_join", join);
    block.read("retry_join", join);
    block.read("retry_interval", interval);
    block.accept({"retry_max"}, idle);
    if (auto server_join = block.block("server_join")) {
        server_join->read("start_join", join);
        server_join->read("retry_join", join);
        server_join->read("retry_interval", interval);
        server_join->accept({"retry_max"}, idle);
        server_join->finish();
    }
}

void read_server(ConfigBlock& block, ServerBlock& server, std::vector<std::string>& idle) {
    block.read("enabled", server.enabled);
    block.read_number("bootstrap_expect", server.bootstrap_expect, 0, 9);
    block.read_number("raft_protocol", server.raft_protocol, 2, 3);
    block.read_number("raft_multiplier", server.raft_multiplier, 0, 10);
    if (server.raft_multiplier == 0) server.raft_multiplier = 1;
    block.read_number("raft_snapshot_threshold", server.raft_snapshot_threshold, 1, large);
    block.read_number("raft_trailing_logs", server.raft_trailing_logs, 0, large);
    block.read_number("supported_feature_level", server.supported_feature_level, 0, 99);
    block.read("finalize_upgrades", server.finalize_upgrades);
    block.read_number("num_schedulers", server.num_schedulers, 0, 1024);
    block.read("heartbeat_grace", server.heartbeat_grace);
    block.read("job_gc_interval", server.job_gc_interval);
    block.read("job_gc_threshold", server.job_gc_threshold);
    block.read("eval_gc_threshold", server.eval_gc_threshold);
    block.read("batch_eval_gc_threshold", server.batch_eval_gc_threshold);
    block.read("deployment_gc_threshold", server.deployment_gc_threshold);
    block.read("node_gc_threshold", server.node_gc_threshold);
    block.read("min_heartbeat_ttl", server.min_heartbeat_ttl);
    block.read("failover_heartbeat_ttl", server.failover_heartbeat_ttl);
    block.read("max_heartbeats_per_second", server.max_heartbeats_per_second);
    read_join(block, server.join, server.retry_interval, idle);
    block.accept({"authoritative_region",
                  "data_dir",
                  "protocol_version",
                  "raft_snapshot_interval",
                  "raft_boltdb",
                  "raft_logstore",
                  "enabled_schedulers",
                  "csi_volume_claim_gc_interval",
                  "csi_volume_claim_gc_threshold",
                  "csi_plugin_gc_threshold",
                  "acl_token_gc_threshold",
                  "root_key_gc_interval",
                  "root_key_gc_threshold",
                  "root_key_rotation_threshold",
                  "rejoin_after_leave",
                  "non_voting_server",
                  "redundancy_zone",
                  "upgrade_version",
                  "encrypt",
                  "default_scheduler_config",
                  "plan_rejection_tracker",
                  "plan_apply_pipeline",
                  "enable_event_broker",
                  "event_buffer_size",
                  "search",
                  "deploy_query_rate_limit",
                  "job_default_priority",
                  "job_max_priority",
                  "job_max_count",
                  "job_max_source_size",
                  "job_tracked_versions",
                  "oidc_issuer",
                  "start_timeout",
                  "client_introduction",
                  "license_path",
                  "license_env",
                  "log_file",
                  "non_production"},
                 idle);
    block.finish();
}

void read_reserved(ConfigBlock& block, ClientBlock& client, std::vector<std::string>& idle) {
    block.read_number("cpu", client.reserved_cpu, 0, large);
    block.read_number("memory", client.reserved_memory, 0, large);
    block.read_number("disk", client.reserved_disk, 0, large);
    block.read("reserved_ports", client.reserved_ports);
    block.accept({"cores"}, idle);
    block.finish();
}

void read_client(ConfigBlock& block, ClientBlock& client, std::vector<std::string>& idle) {
    block.read("enabled", client.enabled);
    block.read("state_dir", client.state_dir);
    block.read("alloc_dir", client.alloc_dir);
    block.read("servers", client.servers);
    block.read("node_class", client.node_class);
    block.read("node_pool", client.node_pool);
    block.read("meta", client.meta);
    block.read("options", client.options);
    block.read("network_interface", client.network_interface);
    block.read("max_kill_timeout", client.max_kill_timeout);
    block.read_number("cpu_total_compute", client.cpu_total_compute, 0, large);
    block.read_number("memory_total_mb", client.memory_total_mb, 0, large);
    block.read_number("disk_total_mb", client.disk_total_mb, 0, large);
    block.read_number("min_dynamic_port", client.min_dynamic_port, 1, 65535);
    block.read_number("max_dynamic_port", client.max_dynamic_port, 1, 65535);
    if (auto reserved = block.block("reserved")) read_reserved(*reserved, client, idle);
    Duration interval{};
    read_join(block, client.servers, interval, idle);
    const auto option = client.options.find("driver.raw_exec.enable");
    if (option != client.options.end() && (option->second == "1" || option->second == "true")) {
        client.raw_exec_enabled = true;
    }
    block.accept({"alloc_mounts_dir",
                  "host_volumes_dir",
                  "host_volume_plugin_dir",
                  "common_plugin_dir",
                  "chroot_env",
                  "preferred_address_family",
                  "network_speed",
                  "cpu_disable_dmidecode",
                  "disk_free_mb",
                  "reservable_cores",
                  "client_min_port",
                  "client_max_port",
                  "gc_interval",
                  "gc_parallel_destroys",
                  "gc_disk_usage_threshold",
                  "gc_inode_usage_threshold",
                  "gc_max_allocs",
                  "gc_volumes_on_node_gc",
                  "no_host_uuid",
                  "disable_remote_exec",
                  "template",
                  "host_volume",
                  "host_network",
                  "bind_wildcard_default_host_network",
                  "cni_path",
                  "cni_config_dir",
                  "bridge_network_name",
                  "bridge_network_subnet",
                  "bridge_network_subnet_ipv6",
                  "bridge_network_hairpin_mode",
                  "cgroup_parent",
                  "nomad_service_discovery",
                  "artifact",
                  "drain_on_shutdown",
                  "users",
                  "node_max_allocs",
                  "fingerprint",
                  "default_ineligible",
                  "intro_token",
                  "log_file"},
                 idle);
    block.finish();
}

void read_plugins(ConfigBlock& root, ClientBlock& client, std::vector<std::string>& idle) {
    for (auto& [name, plugin] : root.labelled("plugin")) {
        auto settings = plugin.block("config");
        plugin.accept({"args"}, idle);
        plugin.finish();
        if (name != "raw_exec") {
            idle.push_back("plugin \"" + name + "\"");
        } else if (settings) {
            settings->read("enabled", client.raw_exec_enabled);
            settings->accept(
                {"no_cgroups", "denied_host_uids", "denied_host_gids", "denied_envvars"}, idle);
            settings->finish();
        }
    }
}

void read_root(ConfigBlock& root, Config& config) {
    std::vector<std::string> idle;
    root.read("region", config.region);
    root.read("datacenter", config.datacenter);
    root.read("name", config.name);
    root.read("data_dir", config.data_dir);
    root.read("log_level", config.log_level);
    root.read("log_json", config.log_json);
    root.read("bind_addr", config.bind_addr);
    root.read("enable_debug", config.enable_debug);
    root.read("leave_on_interrupt", config.leave_on_interrupt);
    root.read("leave_on_terminate", config.leave_on_terminate);
    root.read("http_api_response_headers", config.http_api_response_headers);
    if (auto ports = root.block("ports")) read_ports(*ports, config.ports);
    if (auto addresses = root.block("addresses")) read_addresses(*addresses, config.addresses);
    if (auto advertise = root.block("advertise")) read_addresses(*advertise, config.advertise);
    if (auto server = root.block("server")) read_server(*server, config.server, idle);
    if (auto client = root.block("client")) read_client(*client, config.client, idle);
    read_plugins(root, config.client, idle);
    root.accept({"plugin_dir",
                 "log_include_location",
                 "log_file",
                 "log_rotate_duration",
                 "log_rotate_bytes",
                 "log_rotate_max_files",
                 "enable_syslog",
                 "syslog_facility",
                 "disable_update_check",
                 "disable_anonymous_signature",
                 "eventlog",
                 "limits",
                 "rpc",
                 "keyring",
                 "audit",
                 "reporting",
                 "sentinel",
                 "acl",
                 "consul",
                 "vault",
                 "tls",
                 "autopilot",
                 "ui",
                 "telemetry"},
                idle);
    root.finish();
    for (const auto& key : idle) {
        config.warnings.push_back("configuration key " + key +
                                  " is accepted but has no effect in this release");
    }
}

Result<void> merge_values(Config& config, const ConfigSource& source, const hcl::Value& values) {
    const auto object = hcl::as_one_object(values);
    if (!object)
        return fail(Errc::invalid_argument, source.name + ": the file must hold keys and blocks");
    try {
        ConfigBlock root{source, {}, *object};
        read_root(root, config);
    } catch (const ConfigError& error) {
        return fail(Errc::invalid_argument, error.message);
    }
    config.files.push_back(source.name);
    return {};
}

Result<void> merge_file(Config& config, const std::string& path) {
    const auto text = io::read_file(path, 0, file_size_max);
    if (!text) return tl::unexpected{text.error()};
    return merge_text(config, path, *text);
}

}  // namespace

Config dev_config() {
    Config config;
    config.dev_mode = true;
    config.bind_addr = "127.0.0.1";
    config.log_level = "DEBUG";
    config.enable_debug = true;
    config.server.enabled = true;
    config.server.bootstrap_expect = 1;
    config.client.enabled = true;
    config.client.raw_exec_enabled = true;
    return config;
}

Result<void> merge_text(Config& config, const std::string& name, std::string_view text) {
    if (name.ends_with(".json")) {
        const auto values = hcl::parse_json(text, name);
        if (!values) return fail(Errc::invalid_argument, hcl::to_text(values.error()));
        return merge_values(config, {name, nullptr}, *values);
    }
    const auto file = hcl::parse(text, name, hcl::Dialect::config);
    if (!file) return fail(Errc::invalid_argument, hcl::to_text(file.error()));
    const auto values = hcl::to_value(*file);
    if (!values) return fail(Errc::invalid_argument, hcl::to_text(values.error()));
    return merge_values(config, {name, &*file}, *values);
}

Result<void> merge_path(Config& config, const std::string& path) {
    std::error_code error;
    if (!fs::is_directory(path, error)) return merge_file(config, path);
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator{path, error}) {
        const std::string ending = entry.path().extension().string();
        if (ending == ".hcl" || ending == ".json") files.push_back(entry.path().string());
    }
    if (error) return fail(Errc::invalid_argument, path + ": cannot be listed: " + error.message());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        if (auto merged = merge_file(config, file); !merged) return merged;
    }
    return {};
}

Result<void> check(const Config& config) {
    const auto refuse = [](const std::string& message) {
        return fail(Errc::invalid_argument, message);
    };
    if (!config.server.enabled && !config.client.enabled) {
        return refuse("Must specify either server, client or dev mode for the agent.");
    }
    if (!config.dev_mode && config.data_dir.empty())
        return refuse("Must specify \"data_dir\" for the agent.");
    if (!config.data_dir.empty() && config.data_dir.front() != '/') {
        return refuse("data_dir \"" + config.data_dir + "\": must be an absolute path");
    }
    if (config.region.empty() || config.region.find('*') != std::string::npos) {
        return refuse("region \"" + config.region + "\": must be a name without *");
    }
    const ServerBlock& server = config.server;
    if (server.raft_protocol != 2 && server.raft_protocol != 3) {
        return refuse("server.raft_protocol " + std::to_string(server.raft_protocol) +
                      ": 2 and 3 are supported");
    }
    if (config.client.enabled && !server.enabled && config.client.servers.empty()) {
        return refuse(
            "client.servers is empty: name at least one server, such as \"10.0.0.1:4647\"");
    }
    if (config.client.min_dynamic_port > config.client.max_dynamic_port) {
        return refuse("client.min_dynamic_port is above client.max_dynamic_port");
    }
    return {};
}

}  // namespace drover::agent
