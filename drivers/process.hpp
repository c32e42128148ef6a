// Who a process is. A pid alone names whoever has it now; together with the boot and the clock tick
// of its start it names one process for good, so that no signal ever reaches a stranger.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/posix.hpp"

namespace drover::drivers {

struct ProcessId {
    pid_t pid = 0;
    std::uint64_t start_ticks = 0;  // since boot, as the kernel counts
    std::string boot;

    friend bool operator==(const ProcessId&, const ProcessId&) = default;
};

struct ProcessStat {
    char state = '?';
    pid_t parent = 0;
    pid_t group = 0;
    pid_t session = 0;
    std::uint64_t start_ticks = 0;
};

std::string boot_id();
// From the one line of /proc/<pid>/stat; the command name in it may hold spaces and parentheses.
std::optional<ProcessStat> parse_stat(std::string_view line);
std::optional<ProcessStat> process_stat(pid_t pid);
// The process that has this pid now; none when there is none.
std::optional<ProcessId> identify(pid_t pid);
// Alive and still the same one; a zombie counts as ended.
bool is_alive(const ProcessId& process);
// A descriptor that turns readable when exactly this process ends; not_found when it has ended.
[[nodiscard]] Result<UniqueFd> watch_process(const ProcessId& process);
// Delivered to exactly this process or to nobody.
void signal_process(const ProcessId& process, int signal);

std::vector<pid_t> every_process();
std::vector<pid_t> children_of(pid_t parent);
std::vector<pid_t> members_of_session(pid_t session);
// Whether the environment a process was started with holds "NAME=value".
bool was_started_with(pid_t pid, std::string_view variable);

}  // namespace drover::drivers
