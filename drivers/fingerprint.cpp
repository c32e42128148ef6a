#include "drivers/fingerprint.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <charconv>
#include <cmath>

#include "drivers/posix.hpp"
#include "drivers/signals.hpp"

namespace drover::drivers {
namespace {

constexpr std::int64_t bytes_per_mib = 1024 * 1024;
constexpr std::int64_t fallback_mhz = 1000;
constexpr std::int64_t fallback_speed_mbits = 1000;

// The first line of a file that the kernel keeps; empty when there is none.
std::string line_of(const std::string& path) {
    const auto text = read_file(path, 1U << 20U);
    return text ? text->substr(0, text->find('\n')) : std::string{};
}

std::int64_t number_in(const std::string& path) {
    const std::string line = line_of(path);
    std::int64_t number = 0;
    std::from_chars(line.data(), line.data() + line.size(), number);
    return number;
}

void find_kernel(NodeFacts& facts) {
    utsname names{};
    if (::uname(&names) != 0) return;
    facts.attributes["kernel.name"] = "linux";
    facts.attributes["kernel.version"] = names.release;
    facts.attributes["kernel.arch"] = names.machine;
    facts.attributes["arch"] = architecture_name(names.machine);
    facts.attributes["cpu.arch"] = facts.attributes["arch"];
    facts.attributes["unique.hostname"] = names.nodename;
}

void find_system(NodeFacts& facts) {
    auto release = read_file("/etc/os-release", 65536);
    if (!release) release = read_file("/usr/lib/os-release", 65536);
    auto values = parse_os_release(release.value_or(std::string{}));
    if (!values["ID"].empty()) facts.attributes["os.name"] = values["ID"];
    std::string version = values["VERSION_ID"];
    // Debian names its point releases only here.
    const std::string debian = line_of("/etc/debian_version");
    if (values["ID"] == "debian" && debian.starts_with(version)) version = debian;
    if (!version.empty()) facts.attributes["os.version"] = version;
    facts.attributes["os.signals"] = signal_list();
    if (::access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0) {
        facts.attributes["os.cgroups.version"] = "2";
    } else if (::access("/sys/fs/cgroup/memory", F_OK) == 0) {
        facts.attributes["os.cgroups.version"] = "1";
    }
    std::string id = line_of("/etc/machine-id");
    if (id.size() == 32) {
        for (const std::size_t at : {8U, 13U, 18U, 23U}) id.insert(at, "-");
        facts.attributes["unique.host_id"] = id;
    }
}

std::int64_t core_mhz(const CpuInfo& info) {
    const std::int64_t max_khz = number_in("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq");
    if (max_khz >= 1000) return max_khz / 1000;
    return info.mhz >= 1 && info.mhz < 1e6 ? std::llround(info.mhz) : 0;
}

void find_cpu(const FingerprintOptions& options, NodeFacts& facts) {
    const auto info = parse_cpuinfo(read_file("/proc/cpuinfo", 16U << 20U).value_or(""));
    facts.cores = line_of("/sys/devices/system/cpu/online");
    facts.cpu_cores = count_of_ranges(facts.cores);
    if (facts.cpu_cores == 0) {
        facts.cpu_cores = std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L);
        facts.cores = "0-" + std::to_string(facts.cpu_cores - 1);
    }
    std::int64_t mhz = core_mhz(info);
    if (mhz == 0) {
        mhz = fallback_mhz;
        facts.warnings.push_back("the processor's frequency is unknown; taking " +
                                 std::to_string(mhz) +
                                 " MHz per core (set client.cpu_total_compute to correct it)");
    }
    facts.cpu_total_mhz =
        options.cpu_total_compute_mhz > 0 ? options.cpu_total_compute_mhz : mhz * facts.cpu_cores;
    auto& attributes = facts.attributes;
    if (!info.model.empty()) attributes["cpu.modelname"] = info.model;
    attributes["cpu.numcores"] = std::to_string(facts.cpu_cores);
    attributes["cpu.reservablecores"] = std::to_string(facts.cpu_cores);
    attributes["cpu.frequency"] = std::to_string(mhz);
    attributes["cpu.totalcompute"] = std::to_string(facts.cpu_total_mhz);
    attributes["cpu.usablecompute"] = std::to_string(facts.cpu_total_mhz);
}

void find_numa(NodeFacts& facts) {
    const std::string nodes = "/sys/devices/system/node/";
    const std::int64_t count =
        std::max<std::int64_t>(count_of_ranges(line_of(nodes + "online")), 1);
    facts.attributes["numa.node.count"] = std::to_string(count);
    constexpr std::int64_t nodes_max = 64;
    for (std::int64_t node = 0; node < std::min(count, nodes_max); ++node) {
        const std::string name = "node" + std::to_string(node);
        const std::string cores = line_of(nodes + name + "/cpulist");
        if (!cores.empty()) facts.attributes["numa." + name + ".cores"] = cores;
    }
}

void find_memory(const FingerprintOptions& options, NodeFacts& facts) {
    std::int64_t bytes = parse_meminfo_total_bytes(read_file("/proc/meminfo", 65536).value_or(""));
    if (options.memory_total_mib > 0) bytes = options.memory_total_mib * bytes_per_mib;
    if (bytes == 0) {
        facts.warnings.push_back("the size of memory is unknown; set client.memory_total_mb");
        return;
    }
    facts.memory_mib = bytes / bytes_per_mib;
    facts.attributes["memory.totalbytes"] = std::to_string(bytes);
}

// The device or remote share that holds a path: the longest mount point above it.
std::string volume_of(const std::string& path) {
    const auto mounts = read_file("/proc/self/mounts", 16U << 20U).value_or("");
    std::string volume;
    std::size_t longest = 0;
    for (std::size_t at = 0; at < mounts.size();) {
        const std::size_t end = std::min(mounts.find('\n', at), mounts.size());
        const std::size_t first = mounts.find(' ', at);
        const std::size_t second = first < end ? mounts.find(' ', first + 1) : std::string::npos;
        if (second < end) {
            const std::string mount = mounts.substr(first + 1, second - first - 1);
            const bool above = mount == "/" || path == mount || path.starts_with(mount + "/");
            if (above && mount.size() >= longest) {
                longest = mount.size();
                volume = mounts.substr(at, first - at);
            }
        }
        at = end + 1;
    }
    return volume;
}

void find_storage(const FingerprintOptions& options, NodeFacts& facts) {
    struct statvfs info{};
    std::int64_t total = 0;
    std::int64_t free = 0;
    if (::statvfs(options.data_dir.c_str(), &info) == 0) {
        total = static_cast<std::int64_t>(info.f_blocks * info.f_frsize);
        free = static_cast<std::int64_t>(info.f_bavail * info.f_frsize);
    } else {
        facts.warnings.push_back("cannot examine the disk of " + options.data_dir + ": " +
                                 errno_text(errno) + "; set client.disk_total_mb");
    }
    if (options.disk_total_mib > 0) total = options.disk_total_mib * bytes_per_mib;
    if (options.disk_free_mib > 0) free = options.disk_free_mib * bytes_per_mib;
    facts.disk_total_mib = total / bytes_per_mib;
    facts.disk_free_mib = free / bytes_per_mib;
    facts.attributes["unique.storage.volume"] = volume_of(options.data_dir);
    facts.attributes["unique.storage.bytestotal"] = std::to_string(total);
    facts.attributes["unique.storage.bytesfree"] = std::to_string(free);
}

struct Address {
    std::string text;
    std::string cidr;
    int rank = 0;  // the lowest is advertised: IPv4, then IPv6, then what reaches only one link
};
constexpr int rank_max = 2;

template <class Mask>
int prefix_length(const Mask& mask) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(&mask);
    int length = 0;
    for (std::size_t i = 0; i < sizeof mask; ++i) length += std::popcount(bytes[i]);
    return length;
}

std::optional<Address> address_of(const ifaddrs& entry) {
    if (entry.ifa_addr == nullptr || entry.ifa_netmask == nullptr) return std::nullopt;
    std::array<char, INET6_ADDRSTRLEN> text{};
    Address address;
    int length = 0;
    if (entry.ifa_addr->sa_family == AF_INET) {
        const auto* ip = reinterpret_cast<const sockaddr_in*>(entry.ifa_addr);
        ::inet_ntop(AF_INET, &ip->sin_addr, text.data(), text.size());
        length = prefix_length(reinterpret_cast<const sockaddr_in*>(entry.ifa_netmask)->sin_addr);
    } else if (entry.ifa_addr->sa_family == AF_INET6) {
        const auto* ip = reinterpret_cast<const sockaddr_in6*>(entry.ifa_addr);
        ::inet_ntop(AF_INET6, &ip->sin6_addr, text.data(), text.size());
        length = prefix_length(reinterpret_cast<const sockaddr_in6*>(entry.ifa_netmask)->sin6_addr);
        address.rank = IN6_IS_ADDR_LINKLOCAL(&ip->sin6_addr) ? rank_max : 1;
    } else {
        return std::nullopt;
    }
    address.text = text.data();
    address.cidr = address.text + "/" + std::to_string(length);
    return address;
}

// The first interface that is up, has an address and is no loopback; for hosts without a default
// route. The loopback serves when there is nothing else.
std::string any_device(const ifaddrs* entries) {
    std::string loopback;
    for (const ifaddrs* entry = entries; entry != nullptr; entry = entry->ifa_next) {
        const auto address = address_of(*entry);
        if (!address || address->rank == rank_max || (entry->ifa_flags & IFF_UP) == 0) continue;
        if ((entry->ifa_flags & IFF_LOOPBACK) == 0) return entry->ifa_name;
        loopback = entry->ifa_name;
    }
    return loopback;
}

void find_network(const FingerprintOptions& options, NodeFacts& facts) {
    ifaddrs* entries = nullptr;
    if (::getifaddrs(&entries) != 0) {
        facts.warnings.push_back("cannot list network interfaces: " + errno_text(errno));
        return;
    }
    auto& network = facts.network;
    network.device = options.network_interface;
    if (network.device.empty()) {
        network.device = parse_default_route(read_file("/proc/net/route", 1U << 20U).value_or(""));
    }
    if (network.device.empty()) network.device = any_device(entries);
    std::vector<Address> addresses;
    for (const ifaddrs* entry = entries; entry != nullptr; entry = entry->ifa_next) {
        auto address = entry->ifa_name == network.device ? address_of(*entry) : std::nullopt;
        if (address) addresses.push_back(std::move(*address));
    }
    ::freeifaddrs(entries);
    for (int rank = 0; rank <= rank_max; ++rank) {
        for (const auto& address : addresses) {
            if (address.rank != rank) continue;
            network.addresses.push_back(address.text);
            network.cidrs.push_back(address.cidr);
        }
    }
    const std::string device = "/sys/class/net/" + network.device;
    network.mac = line_of(device + "/address");
    const std::int64_t speed = number_in(device + "/speed");
    network.speed_mbits = options.network_speed_mbits > 0 ? options.network_speed_mbits
                          : speed > 0                     ? speed
                                                          : fallback_speed_mbits;
    if (network.addresses.empty()) {
        facts.warnings.push_back("network interface \"" + network.device +
                                 "\" has no address; set client.network_interface");
        return;
    }
    facts.attributes["unique.network.ip-address"] = network.addresses.front();
}

}  // namespace

std::int64_t mhz_of_a_core() {
    static const std::int64_t mhz =
        core_mhz(parse_cpuinfo(read_file("/proc/cpuinfo", 16U << 20U).value_or("")));
    return mhz == 0 ? fallback_mhz : mhz;
}

NodeFacts fingerprint_node(const FingerprintOptions& options) {
    NodeFacts facts;
    find_kernel(facts);
    find_system(facts);
    find_cpu(options, facts);
    find_numa(facts);
    find_memory(options, facts);
    find_storage(options, facts);
    find_network(options, facts);
    return facts;
}

}  // namespace drover::drivers
