// Turning an order into a process: the command is looked up and the user resolved first, then a
// child is forked that waits to be released. Between the two its identity is recorded, so that no
// program runs without a trace.
#pragma once

#include <sys/types.h>

#include "drivers/posix.hpp"
#include "drivers/task_order.hpp"

namespace drover::drivers {

struct TaskProcess {
    pid_t pid = 0;
    UniqueFd release;  // a byte lets the child run its program; end of file makes it give up
    UniqueFd failure;  // what went wrong before the program ran; end of file when it runs
    UniqueFd out;      // the reading ends; invalid when logs are disabled
    UniqueFd err;
};

// Looks beside the task first (<task dir>/local, <task dir>), then in the task's own PATH.
[[nodiscard]] Result<std::string> find_command(const TaskOrder& order);

struct UserIds {
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> groups;
};
// Of a user name or number in the host's user database.
[[nodiscard]] Result<UserIds> resolve_user(const std::string& user);

// Only for a process of one thread: the child allocates memory.
[[nodiscard]] Result<TaskProcess> fork_task(const TaskOrder& order);
// Returns once the program runs, or with the reason why it cannot.
[[nodiscard]] Result<void> release_task(TaskProcess& task, const TaskOrder& order);

}  // namespace drover::drivers
