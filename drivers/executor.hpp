// The process that stands between the agent and one task: it outlives the agent, keeps the task's
// exit status on disk, writes and rotates its logs, and passes on signals. It decides nothing.
#pragma once

namespace drover::drivers {

// The hidden sub-command: `executor RUN_DIRECTORY`, with a TaskOrder on standard input, which is a
// socket that also takes the StartReport. Returns the process's exit code.
int executor_main(int argc, char** argv);

}  // namespace drover::drivers
