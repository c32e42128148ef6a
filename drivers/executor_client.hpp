// The agent's side of an executor: start one, ask something of it, and make sure that nothing of a
// run is left. All calls block, with a limit.
#pragma once

#include <string>
#include <vector>

#include "drivers/run_directory.hpp"
#include "drivers/task_order.hpp"

namespace drover::drivers {

// The run directory must exist. On failure nothing of the task runs.
[[nodiscard]] Result<StartReport> launch_executor(const std::vector<std::string>& command,
                                                  const RunDirectory& run, const TaskOrder& order,
                                                  Duration timeout);

// not_found when the task has ended.
[[nodiscard]] Result<void> ask_to_signal(const RunDirectory& run, int signal);
[[nodiscard]] Result<void> ask_to_stop(const RunDirectory& run, int signal, Duration timeout);

// Kills task and executor and returns when both are gone. Returns at once when they already are.
[[nodiscard]] Result<void> end_run(const RunDirectory& run);

// Ends every run that a task directory knows of, except one. For an allocation that is destroyed,
// and before another attempt starts: a task directory holds at most one running task.
[[nodiscard]] Result<void> end_runs(const std::string& task_dir, const std::string& except = {});

}  // namespace drover::drivers
