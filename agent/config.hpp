// The agent's configuration: defaults, then files in the order given (HCL or JSON; a folder's files
// in alphabetic order), then command-line flags. Later ones override, lists of addresses add up.
// Every key that Nomad knows is accepted; one that does nothing yet is told in a warning. Durations
// are strings in files and nanoseconds here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/base/time.hpp"

namespace drover::agent {

struct Ports {
    std::uint16_t http{4646};
    std::uint16_t rpc{4647};
    std::uint16_t serf{4648};
};
struct Addresses {
    std::string http, rpc, serf;  // empty: bind_addr
};

struct ServerBlock {
    bool enabled{};
    std::uint32_t bootstrap_expect{};
    std::uint32_t raft_protocol{3};
    std::uint32_t raft_multiplier{1};
    std::uint64_t raft_snapshot_threshold{8192};
    std::uint64_t raft_trailing_logs{10240};
    // The feature level to work at, for rehearsals of the next release; 0: this release's own.
    std::uint32_t supported_feature_level{};
    bool finalize_upgrades{};  // by itself, once every server supports a higher level
    std::uint32_t num_schedulers{1};
    std::vector<std::string> join;  // start_join, retry_join and server_join together
    Duration retry_interval{std::chrono::seconds{30}};
    Duration heartbeat_grace{std::chrono::seconds{10}};
    // How long something must have been over before it is forgotten, and how often that is asked.
    Duration job_gc_interval{std::chrono::minutes{5}};
    Duration job_gc_threshold{std::chrono::hours{4}};
    Duration eval_gc_threshold{std::chrono::hours{1}};
    Duration batch_eval_gc_threshold{std::chrono::hours{24}};
    Duration deployment_gc_threshold{std::chrono::hours{1}};
    Duration node_gc_threshold{std::chrono::hours{24}};
    Duration min_heartbeat_ttl{std::chrono::seconds{10}};
    Duration failover_heartbeat_ttl{std::chrono::seconds{300}};
    double max_heartbeats_per_second{50};
};

struct ClientBlock {
    bool enabled{};
    std::string state_dir, alloc_dir;  // empty: below data_dir
    std::vector<std::string> servers;  // RPC addresses; port 4647 where none is given
    std::string node_class;
    std::string node_pool{"default"};
    std::map<std::string, std::string> meta;
    std::map<std::string, std::string> options;
    std::string network_interface;
    Duration max_kill_timeout{std::chrono::seconds{30}};
    std::int64_t cpu_total_compute{}, memory_total_mb{}, disk_total_mb{};  // 0: detected
    std::int64_t reserved_cpu{}, reserved_memory{}, reserved_disk{};
    std::string reserved_ports;
    std::uint16_t min_dynamic_port{20000}, max_dynamic_port{32000};
    bool raw_exec_enabled{};  // plugin "raw_exec", or the option driver.raw_exec.enable; on in dev
                              // mode
};

struct Config {
    std::string region{"global"};
    std::string datacenter{"dc1"};
    std::string name;      // empty: the host's name
    std::string data_dir;  // empty in dev mode: a temporary one, removed at the end
    std::string log_level{"INFO"};
    bool log_json{};
    std::string bind_addr{"0.0.0.0"};
    Ports ports;
    Addresses addresses;
    Addresses advertise;
    bool enable_debug{};
    bool leave_on_interrupt{}, leave_on_terminate{};
    std::map<std::string, std::string> http_api_response_headers;
    bool dev_mode{};
    ServerBlock server;
    ClientBlock client;
    std::vector<std::string> files;  // that were read
    std::vector<std::string>
        warnings;  // accepted keys without effect, and what else is worth a word

    [[nodiscard]] std::string server_dir() const { return data_dir + "/server"; }
    [[nodiscard]] std::string client_dir() const {
        return client.state_dir.empty() ? data_dir + "/client" : client.state_dir;
    }
    [[nodiscard]] std::string alloc_dir() const {
        return client.alloc_dir.empty() ? data_dir + "/alloc" : client.alloc_dir;
    }
};

[[nodiscard]] Config dev_config();

// Merges one file or every .hcl and .json file of a folder. Errors: file:line,column and the line.
[[nodiscard]] Result<void> merge_path(Config& config, const std::string& path);
// The same for text; `name` tells by its ending whether it is JSON.
[[nodiscard]] Result<void> merge_text(Config& config, const std::string& name,
                                      std::string_view text);
// What cannot work is refused here: field, value, remedy.
[[nodiscard]] Result<void> check(const Config& config);

}  // namespace drover::agent
