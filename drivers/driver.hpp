// How a task runs: the interface between the agent, which connects it to the client engine's
// effects and inputs, and the kinds of tasks. No driver decides whether to restart, when to stop or
// what the environment is: that is the client engine's, and reaches a driver as a finished
// TaskSpec.
//
// Threads. Every call may come from any thread and may block for the time of a process start and a
// disk sync (milliseconds), so it belongs on a worker, never on the engine's thread. Exits are
// reported on a thread of the driver, with no lock held: the receiver should enqueue and return,
// and may call back into the driver. An exit is reported at most once per start() or recover(),
// possibly before that call has returned; none is reported once the driver is destroyed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "drivers/config.hpp"
#include "engine/base/result.hpp"
#include "engine/base/time.hpp"

namespace drover::drivers {

// A limit below 1 means the default.
struct LogLimits {
    std::int64_t files_max = 10;
    std::int64_t file_size_bytes_max = 10 * 1024 * 1024;
    bool disabled = false;  // output is discarded and no file is created
};

struct TaskLimits {
    std::int64_t cpu_mhz = 0;
    std::int64_t memory_mib = 0;
    std::int64_t memory_max_mib = 0;
};

struct TaskSpec {
    std::string namespace_id, job_id, group, alloc_id, alloc_name, task;
    // Which start of this task it is, minted and stored by the caller before start(): starting the
    // same attempt twice attaches to the first, so that a crash between the start and the storing
    // of its handle never leaves a task running unseen. Without one the driver takes the next free
    // number.
    std::optional<std::uint64_t> attempt;
    Config config;
    std::string task_dir;   // <alloc>/<task>
    std::string alloc_dir;  // <alloc>/alloc, shared by the tasks of the allocation
    std::string log_dir;    // <alloc>/alloc/logs
    std::vector<std::pair<std::string, std::string>> environment;  // complete: nothing is added
    std::string user;                                              // empty: the agent's own
    LogLimits logs;
    TaskLimits limits;
};

// Enough to find a task again after the agent has restarted; stored by the client.
struct TaskHandle {
    std::string driver;
    std::string opaque;

    friend bool operator==(const TaskHandle&, const TaskHandle&) = default;
};

struct StartedTask {
    TaskHandle handle;
    std::int64_t pid = 0;  // 0 where the driver has no process of its own
    WallTime started_at{};
};

struct TaskExit {
    int exit_code = 0;  // 128 + signal when a signal ended it
    int signal = 0;
    bool oom_killed = false;
    std::string error;  // set when the driver itself failed: the status is then unknown
    WallTime finished_at{};

    [[nodiscard]] bool succeeded() const {
        return exit_code == 0 && signal == 0 && !oom_killed && error.empty();
    }
    friend bool operator==(const TaskExit&, const TaskExit&) = default;
};

struct Recovered {
    enum class State : std::uint8_t {
        running,  // it is watched again; its exit will be reported
        exited,   // it ended while nobody watched; `exit` says how, and nothing will be reported
        gone,     // nothing of it is left and nobody knows how it ended; `reason` says why
    };
    State state{};
    std::int64_t pid = 0;
    WallTime started_at{};
    TaskExit exit;
    std::string reason;
};

struct TaskStatus {
    enum class State : std::uint8_t { running, exited, unknown };
    State state{};
    std::int64_t pid = 0;
    WallTime started_at{};
    TaskExit exit;
};

struct DriverFingerprint {
    enum class Health : std::uint8_t { undetected, unhealthy, healthy };
    Health health{};
    std::string description;
    std::map<std::string, std::string> attributes;  // "driver.<name>" = "1" and its details
};

struct DriverCapabilities {
    bool signals = false;
    bool exec = false;
    std::string isolation = "none";
};

using ExitCallback = std::function<void(TaskExit)>;

class Driver {
public:
    Driver() = default;
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;
    // Lets go of every task without stopping it; joins the driver's threads.
    virtual ~Driver() = default;

    // The returned task runs. A failure says what to change; is_recoverable(error) says whether
    // trying the same again may help.
    [[nodiscard]] virtual Result<StartedTask> start(const TaskSpec& spec, ExitCallback on_exit) = 0;
    [[nodiscard]] virtual Result<Recovered> recover(const TaskHandle& handle,
                                                    ExitCallback on_exit) = 0;
    // Asks the task to end: `signal` now (empty: the driver's default), SIGKILL after the timeout.
    // Returns when the request is taken; the exit is reported as always. Stopping a task that has
    // ended is a success.
    [[nodiscard]] virtual Result<void> stop(const TaskHandle& handle, const std::string& signal,
                                            Duration kill_timeout) = 0;
    // Delivers one signal to the main process; not_found once it has ended.
    [[nodiscard]] virtual Result<void> signal(const TaskHandle& handle,
                                              const std::string& name) = 0;
    // Forgets the task and what it left behind for re-attaching, killing it first if it still runs;
    // its exit is then no longer reported. Log files stay: they belong to the allocation's
    // directory.
    [[nodiscard]] virtual Result<void> destroy(const TaskHandle& handle) = 0;
    [[nodiscard]] virtual Result<TaskStatus> inspect(const TaskHandle& handle) = 0;
    [[nodiscard]] virtual DriverFingerprint fingerprint() = 0;
    [[nodiscard]] virtual DriverCapabilities capabilities() const = 0;
    // Refuses a config block that could never start, without touching the host.
    [[nodiscard]] virtual Result<void> validate(const TaskSpec& spec) const = 0;
};

// Whether a failed start may succeed when tried again (and so counts against the restart policy
// instead of failing the task at once).
inline bool is_recoverable(const Error& error) {
    return error.code == Errc::overloaded || error.code == Errc::timed_out;
}

}  // namespace drover::drivers
