#include "drivers/raw_exec.hpp"

#include <dirent.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <csignal>

#include "drivers/alloc_dir.hpp"
#include "drivers/executor_client.hpp"
#include "drivers/signals.hpp"
#include "drivers/task_process.hpp"

namespace drover::drivers {
namespace {

constexpr const char* driver_name = "raw_exec";
constexpr const char* default_signal = "SIGINT";

TaskHandle handle_of(const RunDirectory& run) { return {driver_name, run.path()}; }

Result<RunDirectory> run_of(const TaskHandle& handle) {
    if (handle.driver != driver_name || !handle.opaque.starts_with('/')) {
        return fail(Errc::invalid_argument, "handle \"" + handle.opaque + "\" of driver \"" +
                                                handle.driver + "\" is not one of raw_exec");
    }
    return RunDirectory{handle.opaque};
}

std::uint64_t next_free_attempt(const std::string& runs) {
    std::uint64_t highest = 0;
    DIR* listing = ::opendir(runs.c_str());
    if (listing == nullptr) return 1;
    while (const dirent* entry = ::readdir(listing)) {
        const std::string_view name = entry->d_name;
        std::uint64_t number = 0;
        std::from_chars(name.data(), name.data() + name.size(), number);
        highest = std::max(highest, number);
    }
    ::closedir(listing);
    return highest + 1;
}

Result<RunDirectory> prepare_run(const TaskSpec& spec) {
    const std::string runs = spec.task_dir + "/executor";
    const std::uint64_t attempt = spec.attempt ? *spec.attempt : next_free_attempt(runs);
    // Only the agent's user may look inside: who can reach the socket can signal the task.
    if (auto made = make_directories(runs, 0700); !made) return tl::unexpected{made.error()};
    const std::string path = runs + "/" + std::to_string(attempt);
    if (auto made = make_directories(path, 0700); !made) return tl::unexpected{made.error()};
    return RunDirectory{path};
}

bool is_denied(const std::string& name, const std::vector<std::string>& globs) {
    return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
        return ::fnmatch(glob.c_str(), name.c_str(), 0) == 0;
    });
}

// Whether "0,10-20" holds a number; none when the text is no such list.
std::optional<bool> is_in_ranges(std::string_view ranges, std::uint64_t wanted) {
    bool found = false;
    while (!ranges.empty()) {
        const std::size_t comma = std::min(ranges.find(','), ranges.size());
        const std::string_view range = ranges.substr(0, comma);
        ranges.remove_prefix(std::min(comma + 1, ranges.size()));
        std::uint64_t low = 0;
        const char* end = range.data() + range.size();
        auto parsed = std::from_chars(range.data(), end, low);
        std::uint64_t high = low;
        if (parsed.ec == std::errc{} && parsed.ptr != end && *parsed.ptr == '-') {
            parsed = std::from_chars(parsed.ptr + 1, end, high);
        }
        if (parsed.ec != std::errc{} || parsed.ptr != end || high < low) return std::nullopt;
        found = found || (low <= wanted && wanted <= high);
    }
    return found;
}

Result<void> refuse_id(const std::string& key, const std::string& ranges, std::uint64_t id,
                       const std::string& user) {
    const auto denied = is_in_ranges(ranges, id);
    if (!denied) {
        return fail(Errc::invalid_argument, "plugin raw_exec: " + key + " \"" + ranges +
                                                "\" must be a list like \"0,10-20\"");
    }
    if (*denied) {
        return fail(Errc::permission_denied, "user \"" + user + "\" has id " + std::to_string(id) +
                                                 ", which " + key + " of the agent forbids");
    }
    return {};
}

Result<void> check_spec(const TaskSpec& spec) {
    if (!is_plain_name(spec.task)) {
        return fail(Errc::invalid_argument,
                    "task name \"" + spec.task + "\" cannot be a file name; remove slashes");
    }
    if (!spec.task_dir.starts_with('/') ||
        (!spec.logs.disabled && !spec.log_dir.starts_with('/'))) {
        return fail(Errc::invalid_argument,
                    "task \"" + spec.task + "\": its directories must be absolute paths");
    }
    for (const auto& [name, value] : spec.environment) {
        const bool usable = !name.empty() && name.find('=') == std::string::npos &&
                            name.find('\0') == std::string::npos &&
                            value.find('\0') == std::string::npos;
        if (!usable) {
            return fail(Errc::invalid_argument, "task \"" + spec.task +
                                                    "\": environment variable \"" + name +
                                                    "\" has a name or value no process can take");
        }
    }
    return {};
}

std::string lost_reason(const std::optional<TaskRecord>& task) {
    if (!task) return "the executor ended before the task started";
    if (task->process.boot != boot_id()) {
        return "the host was restarted while the task ran; how it ended is unknown";
    }
    return "the executor was killed while the task ran; how it ended is unknown";
}

// How a task ended whose executor has ended. Nothing of it runs once this returns.
TaskExit final_exit(const RunDirectory& run) {
    if (auto exit = run.exit()) return *exit;
    const auto task = run.task();
    TaskExit lost;
    lost.error = lost_reason(task);
    if (auto ended = end_run(run); !ended) lost.error += "; " + ended.error().message;
    lost.finished_at = wall_now();
    return lost;
}

}  // namespace

RawExec::RawExec(RawExecOptions options) : options_{std::move(options)} {}

Result<TaskOrder> RawExec::order_of(const TaskSpec& spec) const {
    if (auto checked = check_spec(spec); !checked) return tl::unexpected{checked.error()};
    ConfigReader reader{"task \"" + spec.task + "\": raw_exec config", spec.config};
    TaskOrder order;
    order.alloc_id = spec.alloc_id;
    order.task = spec.task;
    order.task_dir = spec.task_dir;
    order.command = reader.text("command").value_or("");
    order.arguments = reader.texts("args");
    order.directory = reader.text("work_dir").value_or(spec.task_dir);
    order.oom_score_adjustment = reader.number("oom_score_adj");
    auto denied = reader.texts("denied_envvars");
    for (const char* key : {"cgroup_v2_override", "cgroup_v1_override"}) {
        reader.accept(key);
        if (reader.has(key)) reader.refuse(key, "is not offered by this release; remove it");
    }
    if (order.command.empty()) reader.refuse("command", "is required: the program to run");
    if (!order.directory.starts_with('/')) reader.refuse("work_dir", "must be an absolute path");
    const auto score = order.oom_score_adjustment.value_or(0);
    if (score < 0 || score > 1000) reader.refuse("oom_score_adj", "must be from 0 to 1000");
    if (auto finished = reader.finish(); !finished) return tl::unexpected{finished.error()};

    denied.insert(denied.end(), options_.denied_envvars.begin(), options_.denied_envvars.end());
    for (const auto& [name, value] : spec.environment) {
        if (!is_denied(name, denied)) order.environment.push_back(name + "=" + value);
    }
    order.user = spec.user;
    order.log_dir = spec.log_dir;
    order.logs = spec.logs;
    order.stop_signal = SIGINT;
    return order;
}

Result<void> RawExec::validate(const TaskSpec& spec) const {
    return order_of(spec).map([](const TaskOrder&) {});
}

Result<void> RawExec::check_user(const TaskOrder& order) const {
    if (options_.denied_host_uids.empty() && options_.denied_host_gids.empty()) return {};
    UserIds ids{::geteuid(), ::getegid(), {}};
    if (!order.user.empty()) {
        auto resolved = resolve_user(order.user);
        if (!resolved) return tl::unexpected{resolved.error()};
        ids = std::move(*resolved);
    }
    const auto refuse = [&](const std::string& key, const std::string& ranges, std::uint64_t id) {
        return refuse_id(key, ranges, id, order.user);
    };
    if (auto uid = refuse("denied_host_uids", options_.denied_host_uids, ids.user); !uid) {
        return uid;
    }
    ids.groups.push_back(ids.group);
    for (const gid_t group : ids.groups) {
        if (auto gid = refuse("denied_host_gids", options_.denied_host_gids, group); !gid) {
            return gid;
        }
    }
    return {};
}

Result<void> RawExec::watch(const RunDirectory& run, ExitCallback on_exit) {
    return watcher_.watch(run.path(), run.executor().value_or(ProcessId{}),
                          [run, on_exit = std::move(on_exit)] { on_exit(final_exit(run)); });
}

// This attempt was begun before: by an agent that ended before it could store the handle.
Result<StartedTask> RawExec::attach(const RunDirectory& run, ExitCallback on_exit) {
    const auto task = run.task();
    if (!task) return fail(Errc::overloaded, run.path() + " is being started by somebody else");
    if (auto watched = watch(run, std::move(on_exit)); !watched) {
        return tl::unexpected{watched.error()};
    }
    return StartedTask{handle_of(run), task->process.pid, task->started_at};
}

Result<StartedTask> RawExec::start(const TaskSpec& spec, ExitCallback on_exit) {
    if (!options_.enabled) {
        return fail(Errc::unsupported,
                    "driver raw_exec is disabled; enable it in the agent's plugin \"raw_exec\"");
    }
    auto order = order_of(spec);
    if (!order) return tl::unexpected{order.error()};
    if (auto allowed = check_user(*order); !allowed) return tl::unexpected{allowed.error()};
    auto run = prepare_run(spec);
    if (!run) return tl::unexpected{run.error()};
    if (run->executor_lives() || run->task()) return attach(*run, std::move(on_exit));
    if (auto ended = end_runs(spec.task_dir); !ended) return tl::unexpected{ended.error()};
    if (auto given = give_secrets(spec.task_dir, spec.user); !given) {
        return tl::unexpected{given.error()};
    }
    const auto started =
        launch_executor(options_.executor_command, *run, *order, options_.start_timeout);
    if (!started) {
        (void)remove_tree(run->path());
        return tl::unexpected{started.error()};
    }
    if (auto watched = watch(*run, std::move(on_exit)); !watched) {
        (void)end_run(*run);
        return tl::unexpected{watched.error()};
    }
    return StartedTask{handle_of(*run), started->pid, started->started_at};
}

Result<Recovered> RawExec::recover(const TaskHandle& handle, ExitCallback on_exit) {
    const auto run = run_of(handle);
    if (!run) return tl::unexpected{run.error()};
    Recovered found;
    const auto task = run->task();
    if (task) {
        found.pid = task->process.pid;
        found.started_at = task->started_at;
    }
    const bool lives = run->executor_lives();
    // Asked after the lock: an executor that lets go of it has written the exit before.
    if (const auto exit = run->exit()) {
        found.state = Recovered::State::exited;
        found.exit = *exit;
    } else if (lives) {
        found.state = Recovered::State::running;
        if (auto watched = watch(*run, std::move(on_exit)); !watched) {
            return tl::unexpected{watched.error()};
        }
    } else {
        found.state = Recovered::State::gone;
        found.reason =
            run->exists() ? final_exit(*run).error : run->path() + " does not exist any more";
    }
    return found;
}

Result<void> RawExec::stop(const TaskHandle& handle, const std::string& signal,
                           Duration kill_timeout) {
    const auto run = run_of(handle);
    if (!run) return tl::unexpected{run.error()};
    const auto number = parse_signal(signal.empty() ? default_signal : signal);
    if (!number) return tl::unexpected{number.error()};
    return ask_to_stop(*run, *number, kill_timeout);
}

Result<void> RawExec::signal(const TaskHandle& handle, const std::string& name) {
    const auto run = run_of(handle);
    if (!run) return tl::unexpected{run.error()};
    const auto number = parse_signal(name);
    if (!number) return tl::unexpected{number.error()};
    return ask_to_signal(*run, *number);
}

Result<void> RawExec::destroy(const TaskHandle& handle) {
    const auto run = run_of(handle);
    if (!run) return tl::unexpected{run.error()};
    watcher_.forget(run->path());
    if (auto ended = end_run(*run); !ended) return ended;
    return remove_tree(run->path());
}

Result<TaskStatus> RawExec::inspect(const TaskHandle& handle) {
    const auto run = run_of(handle);
    if (!run) return tl::unexpected{run.error()};
    TaskStatus status;
    status.state = run->executor_lives() ? TaskStatus::State::running : TaskStatus::State::unknown;
    if (const auto task = run->task()) {
        status.pid = task->process.pid;
        status.started_at = task->started_at;
    }
    if (const auto exit = run->exit()) {
        status.state = TaskStatus::State::exited;
        status.exit = *exit;
    }
    return status;
}

DriverFingerprint RawExec::fingerprint() {
    using Health = DriverFingerprint::Health;
    if (!options_.enabled) return {Health::undetected, "disabled", {}};
    return {Health::healthy, "Healthy", {{"driver.raw_exec", "1"}}};
}

DriverCapabilities RawExec::capabilities() const { return {true, false, "none"}; }

}  // namespace drover::drivers
