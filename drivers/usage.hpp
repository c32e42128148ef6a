// What the machine and the tasks on it use right now: memory, processors, disks. Rates are measured
// over a moment that the caller waits through. A fact that cannot be found is 0.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.hpp"

namespace drover::drivers {

struct MemoryUse {
    std::uint64_t total = 0, available = 0, used = 0, free = 0;  // bytes
};
struct CoreUse {
    std::string name;                       // "cpu0"
    double user = 0, system = 0, idle = 0;  // percent
};
struct DiskUse {
    std::string device, mountpoint;
    std::uint64_t size = 0, used = 0, available = 0;  // bytes
    double used_percent = 0, inodes_percent = 0;
};
struct HostUse {
    MemoryUse memory;
    std::vector<CoreUse> cores;
    std::vector<DiskUse> disks;  // one mount point for each device
    std::uint64_t uptime_seconds = 0;
    double mhz = 0;  // of all cores together
};

struct ProcessUse {
    std::uint64_t resident = 0;  // bytes
    double percent = 0;          // of one core
    double mhz = 0;
};
struct TaskUse {
    ProcessUse sum;
    std::map<std::int64_t, ProcessUse> processes;  // by pid
};

[[nodiscard]] HostUse measure_host(Duration moment);
// By task; a task without a process is not there.
[[nodiscard]] std::map<std::string, TaskUse> measure_allocation(const std::string& alloc_id,
                                                                Duration moment);

// The parts that only read texts of the kernel's.
MemoryUse parse_meminfo(std::string_view text);
struct CoreTicks {
    std::string name;
    std::uint64_t user = 0, system = 0, idle = 0;
};
// Every "cpuN" line of /proc/stat, not their sum.
std::vector<CoreTicks> parse_core_ticks(std::string_view text);

}  // namespace drover::drivers
