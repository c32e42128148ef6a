// What one start of a task leaves on disk, shared by the executor, which writes it, and by the
// driver, which finds the task again through it after the agent has restarted:
//
//   <task dir>/executor/<attempt>/     mode 0700
//     executor       who the executor is; locked by it for as long as it lives
//     task           who the task's main process is
//     exit           how it ended; written once, synced, after the last byte of its logs
//     control        the executor's socket
//     executor.log   what went wrong inside the executor
//
// The lock, not a pid, tells whether an executor lives: the kernel drops it with its owner.
#pragma once

#include <optional>
#include <string>

#include "drivers/driver.hpp"
#include "drivers/process.hpp"

namespace drover::drivers {

// Written before the task's program is run, so that no program runs without a trace.
struct TaskRecord {
    ProcessId process;
    WallTime started_at{};
    std::string alloc_id;
};

class RunDirectory {
public:
    explicit RunDirectory(std::string path) : path_{std::move(path)} {}

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] bool exists() const;

    // The executor's side.
    [[nodiscard]] Result<UniqueFd> lock();  // conflict when an executor lives
    [[nodiscard]] Result<void> store_executor(int lock_fd) const;
    [[nodiscard]] Result<void> store_task(const TaskRecord& task) const;
    [[nodiscard]] Result<void> store_exit(const TaskExit& exit) const;
    [[nodiscard]] Result<UniqueFd> listen() const;

    // The driver's side; none when the record is not there (or not readable as one).
    [[nodiscard]] bool executor_lives() const;
    [[nodiscard]] std::optional<ProcessId> executor() const;
    [[nodiscard]] std::optional<TaskRecord> task() const;
    [[nodiscard]] std::optional<TaskExit> exit() const;
    [[nodiscard]] Result<UniqueFd> connect() const;

private:
    [[nodiscard]] std::string file(const char* name) const { return path_ + "/" + name; }

    std::string path_;
};

}  // namespace drover::drivers
