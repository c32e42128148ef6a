#include "drivers/usage.hpp"

#include <sys/statvfs.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include "drivers/fingerprint.hpp"
#include "drivers/posix.hpp"
#include "drivers/process.hpp"

namespace drover::drivers {
namespace {

constexpr std::size_t proc_file_max = std::size_t{16} << 20;

std::string proc(const std::string& path) {
    return read_file("/proc/" + path, proc_file_max).value_or(std::string{});
}

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    while (!line.empty()) {
        const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
        line.remove_prefix(begin);
        const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
        if (end > 0) words.push_back(line.substr(0, end));
        line.remove_prefix(end);
    }
    return words;
}

template <class Visit>
void each_line(std::string_view text, Visit visit) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        visit(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

std::uint64_t number_of(std::string_view digits) {
    std::uint64_t number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return number;
}

double share(std::uint64_t before, std::uint64_t after, std::uint64_t whole) {
    if (whole == 0 || after < before) return 0;
    return 100.0 * static_cast<double>(after - before) / static_cast<double>(whole);
}

std::vector<CoreUse> cores_between(const std::vector<CoreTicks>& before,
                                   const std::vector<CoreTicks>& after) {
    std::vector<CoreUse> cores;
    for (std::size_t i = 0; i < after.size() && i < before.size(); ++i) {
        const auto sum = [](const CoreTicks& one) { return one.user + one.system + one.idle; };
        const std::uint64_t whole = sum(after[i]) - std::min(sum(before[i]), sum(after[i]));
        cores.push_back({after[i].name, share(before[i].user, after[i].user, whole),
                         share(before[i].system, after[i].system, whole),
                         share(before[i].idle, after[i].idle, whole)});
    }
    return cores;
}

std::vector<DiskUse> disks() {
    std::vector<DiskUse> found;
    std::set<std::string> seen;
    each_line(proc("self/mounts"), [&](std::string_view line) {
        const auto words = words_of(line);
        if (words.size() < 2 || !words[0].starts_with("/dev/")) return;
        DiskUse disk;
        disk.device = words[0];
        disk.mountpoint = words[1];
        struct statvfs info{};
        if (!seen.insert(disk.device).second || ::statvfs(disk.mountpoint.c_str(), &info) != 0)
            return;
        const std::uint64_t taken = info.f_blocks - info.f_bfree;
        disk.size = info.f_blocks * info.f_frsize;
        disk.used = taken * info.f_frsize;
        disk.available = info.f_bavail * info.f_frsize;
        disk.used_percent = share(0, taken, taken + info.f_bavail);
        disk.inodes_percent = share(0, info.f_files - info.f_ffree, info.f_files);
        found.push_back(std::move(disk));
    });
    return found;
}

// Nanoseconds on a processor, of all threads. Finer than the ticks of /proc/<pid>/stat.
std::uint64_t cpu_nanoseconds(pid_t pid) {
    std::uint64_t sum = 0;
    std::error_code error;
    const std::string threads = "/proc/" + std::to_string(pid) + "/task";
    for (const auto& thread : std::filesystem::directory_iterator{threads, error}) {
        const auto line = read_file(thread.path().string() + "/schedstat", 4096);
        if (line) sum += number_of(line->substr(0, line->find(' ')));
    }
    return sum;
}

std::uint64_t resident_bytes(pid_t pid) {
    const auto words = proc(std::to_string(pid) + "/statm");
    const auto fields = words_of(words);
    static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return fields.size() < 2 ? 0 : number_of(fields[1]) * page;
}

// The value of a variable in the environment that a process was started with.
std::string variable_of(const std::string& environment, const std::string& name) {
    const std::string start = name + "=";
    std::size_t at = environment.starts_with(start) ? 0 : environment.find('\0' + start);
    if (at == std::string::npos) return {};
    if (at > 0 || !environment.starts_with(start)) ++at;
    at += start.size();
    return environment.substr(at, environment.find('\0', at) - at);
}

std::map<pid_t, std::string> processes_of(const std::string& alloc_id) {
    std::map<pid_t, std::string> tasks;
    for (const pid_t pid : every_process()) {
        const std::string environment = proc(std::to_string(pid) + "/environ");
        if (variable_of(environment, "NOMAD_ALLOC_ID") != alloc_id) continue;
        const std::string task = variable_of(environment, "NOMAD_TASK_NAME");
        if (!task.empty()) tasks[pid] = task;
    }
    return tasks;
}

}  // namespace

MemoryUse parse_meminfo(std::string_view text) {
    MemoryUse memory;
    std::uint64_t reclaimable = 0;
    each_line(text, [&](std::string_view line) {
        const auto words = words_of(line);
        if (words.size() < 2) return;
        const std::uint64_t bytes = number_of(words[1]) * 1024;
        if (words[0] == "MemTotal:") memory.total = bytes;
        if (words[0] == "MemFree:") memory.free = bytes;
        if (words[0] == "MemAvailable:") memory.available = bytes;
        if (words[0] == "Buffers:" || words[0] == "Cached:" || words[0] == "SReclaimable:")
            reclaimable += bytes;
    });
    memory.used = memory.total - std::min(memory.total, memory.free + reclaimable);
    return memory;
}

std::vector<CoreTicks> parse_core_ticks(std::string_view text) {
    std::vector<CoreTicks> cores;
    each_line(text, [&](std::string_view line) {
        const auto words = words_of(line);
        if (words.size() < 8 || !words[0].starts_with("cpu") || words[0] == "cpu") return;
        // user nice system idle iowait irq softirq, as proc(5) lists them
        cores.push_back({std::string{words[0]}, number_of(words[1]) + number_of(words[2]),
                         number_of(words[3]) + number_of(words[6]) + number_of(words[7]),
                         number_of(words[4]) + number_of(words[5])});
    });
    return cores;
}

HostUse measure_host(Duration moment) {
    const auto before = parse_core_ticks(proc("stat"));
    std::this_thread::sleep_for(moment);
    HostUse use;
    use.cores = cores_between(before, parse_core_ticks(proc("stat")));
    for (const auto& core : use.cores)
        use.mhz += (core.user + core.system) / 100 * static_cast<double>(mhz_of_a_core());
    use.memory = parse_meminfo(proc("meminfo"));
    use.disks = disks();
    use.uptime_seconds = number_of(proc("uptime"));
    return use;
}

std::map<std::string, TaskUse> measure_allocation(const std::string& alloc_id, Duration moment) {
    using Clock = std::chrono::steady_clock;
    const auto tasks = processes_of(alloc_id);
    std::map<pid_t, std::uint64_t> before;
    const auto began = Clock::now();
    for (const auto& [pid, task] : tasks) before[pid] = cpu_nanoseconds(pid);
    std::this_thread::sleep_for(moment);
    const auto passed = static_cast<std::uint64_t>((Clock::now() - began).count());
    std::map<std::string, TaskUse> uses;
    for (const auto& [pid, task] : tasks) {
        ProcessUse use;
        use.resident = resident_bytes(pid);
        use.percent = share(before[pid], cpu_nanoseconds(pid), passed);
        use.mhz = use.percent / 100 * static_cast<double>(mhz_of_a_core());
        TaskUse& sum = uses[task];
        sum.processes[pid] = use;
        sum.sum.resident += use.resident;
        sum.sum.percent += use.percent;
        sum.sum.mhz += use.mhz;
    }
    return uses;
}

}  // namespace drover::drivers
