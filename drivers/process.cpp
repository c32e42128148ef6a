#include "drivers/process.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>

namespace drover::drivers {
namespace {

// By number: the C library's own header for it does not link from C++ on Debian 12.
int open_process(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

template <class Number>
Number number_of(std::string_view digits) {
    Number number{};
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return number;
}

template <class Matches>
std::vector<pid_t> processes_where(Matches matches) {
    std::vector<pid_t> found;
    DIR* listing = ::opendir("/proc");
    if (listing == nullptr) return found;
    while (const dirent* entry = ::readdir(listing)) {
        const auto pid = number_of<pid_t>(entry->d_name);
        if (pid <= 0) continue;
        const auto stat = process_stat(pid);
        if (stat && matches(*stat)) found.push_back(pid);
    }
    ::closedir(listing);
    return found;
}

}  // namespace

std::string boot_id() {
    auto id = read_file("/proc/sys/kernel/random/boot_id", 4096);
    if (!id) return {};
    while (!id->empty() && id->back() == '\n') id->pop_back();
    return *id;
}

std::optional<ProcessStat> parse_stat(std::string_view line) {
    const std::size_t name_end = line.rfind(") ");
    if (name_end == std::string_view::npos) return std::nullopt;
    line.remove_prefix(name_end + 2);
    // proc(5) numbers the fields from 1; the state, field 3, is the first one after the name.
    std::vector<std::string_view> fields;
    while (!line.empty() && fields.size() < 20) {
        const std::size_t space = std::min(line.find(' '), line.size());
        fields.push_back(line.substr(0, space));
        line.remove_prefix(std::min(space + 1, line.size()));
    }
    if (fields.size() < 20 || fields[0].size() != 1) return std::nullopt;
    return ProcessStat{fields[0][0], number_of<pid_t>(fields[1]), number_of<pid_t>(fields[2]),
                       number_of<pid_t>(fields[3]), number_of<std::uint64_t>(fields[19])};
}

std::optional<ProcessStat> process_stat(pid_t pid) {
    const auto line = read_file("/proc/" + std::to_string(pid) + "/stat", 65536);
    return line ? parse_stat(*line) : std::nullopt;
}

std::optional<ProcessId> identify(pid_t pid) {
    const auto stat = process_stat(pid);
    if (!stat) return std::nullopt;
    return ProcessId{pid, stat->start_ticks, boot_id()};
}

bool is_alive(const ProcessId& process) {
    if (process.pid <= 0 || process.boot != boot_id()) return false;
    const auto stat = process_stat(process.pid);
    return stat && stat->start_ticks == process.start_ticks && stat->state != 'Z' &&
           stat->state != 'X';
}

Result<UniqueFd> watch_process(const ProcessId& process) {
    const std::string name = std::to_string(process.pid);
    if (process.pid <= 0) return fail(Errc::not_found, "process " + name + " has ended");
    UniqueFd watch{open_process(process.pid)};
    if (!watch.valid() && errno != ESRCH) return fail_errno("cannot watch process", name, errno);
    // Looked at after opening: from here on the descriptor cannot change whom it means.
    if (!watch.valid() || !is_alive(process)) {
        return fail(Errc::not_found, "process " + name + " has ended");
    }
    return watch;
}

void signal_process(const ProcessId& process, int signal) {
    const auto watch = watch_process(process);
    if (watch) ::syscall(SYS_pidfd_send_signal, watch->get(), signal, nullptr, 0);
}

std::vector<pid_t> every_process() {
    return processes_where([](const ProcessStat& stat) { return stat.state != 'Z'; });
}

std::vector<pid_t> children_of(pid_t parent) {
    return processes_where([parent](const ProcessStat& stat) { return stat.parent == parent; });
}

std::vector<pid_t> members_of_session(pid_t session) {
    return processes_where([session](const ProcessStat& stat) {
        return stat.session == session && stat.state != 'Z';
    });
}

bool was_started_with(pid_t pid, std::string_view variable) {
    const auto environment = read_file("/proc/" + std::to_string(pid) + "/environ", 16U << 20U);
    if (!environment) return false;
    std::string wanted{variable};
    wanted += '\0';
    return environment->starts_with(wanted) ||
           environment->find('\0' + wanted) != std::string::npos;
}

}  // namespace drover::drivers
