// What a node tells about the machine it runs on: attributes that constraints may name, and the
// resources that the scheduler hands out. Facts that cannot be found are left out, with a warning;
// nothing here stops an agent.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace drover::drivers {

// Values of 0 and empty texts mean: find out.
struct FingerprintOptions {
    std::string data_dir = "/";
    std::string network_interface;
    std::int64_t network_speed_mbits = 0;
    std::int64_t cpu_total_compute_mhz = 0;
    std::int64_t memory_total_mib = 0;
    std::int64_t disk_total_mib = 0;
    std::int64_t disk_free_mib = 0;
};

struct NetworkInterface {
    std::string device;
    std::string mac;
    std::int64_t speed_mbits = 0;
    std::vector<std::string> addresses;  // the one to advertise first
    std::vector<std::string> cidrs;      // of the same addresses, with their prefix lengths
};

struct NodeFacts {
    std::map<std::string, std::string> attributes;
    std::int64_t cpu_cores = 0;
    std::int64_t cpu_total_mhz = 0;
    std::string cores;  // the reservable ones, as a list of ranges: "0-3,6"
    std::int64_t memory_mib = 0;
    std::int64_t disk_total_mib = 0;
    std::int64_t disk_free_mib = 0;
    NetworkInterface network;
    std::vector<std::string> warnings;
};

[[nodiscard]] NodeFacts fingerprint_node(const FingerprintOptions& options);
// The highest frequency; a guess where the machine does not tell.
std::int64_t mhz_of_a_core();

// The parts that only read texts of the kernel's.
struct CpuInfo {
    std::string model;
    double mhz = 0;
};
CpuInfo parse_cpuinfo(std::string_view text);
std::int64_t parse_meminfo_total_bytes(std::string_view text);
// KEY=value lines, with or without quotes.
std::map<std::string, std::string> parse_os_release(std::string_view text);
// The device of the default route with the lowest metric; empty when there is none.
std::string parse_default_route(std::string_view proc_net_route);
// "amd64" for "x86_64": the names that job files use.
std::string architecture_name(std::string_view machine);
// "0-3,6" has 5.
std::int64_t count_of_ranges(std::string_view ranges);

}  // namespace drover::drivers
