// The parts of the table of commands, and flags that many commands take.
#pragma once

#include <vector>

#include "agent/cli/command.hpp"

namespace drover::agent::cli {

inline constexpr FlagSpec json_flag{"json", false, "print the API's JSON"};
inline constexpr FlagSpec verbose_flag{"verbose", false, "whole ids and more details"};
inline constexpr FlagSpec detach_flag{"detach", false,
                                      "do not wait: print the evaluation's id and return"};

// What is done to jobs that are registered already, and deployments.
[[nodiscard]] std::vector<Command> make_job_change_commands();
[[nodiscard]] std::vector<Command> make_job_version_commands();
// Dispatches, launches, tags; and what operators do for the whole system.
[[nodiscard]] std::vector<Command> make_launch_commands();
[[nodiscard]] std::vector<Command> make_tag_and_system_commands();
[[nodiscard]] std::vector<Command> make_deployment_commands();
[[nodiscard]] std::vector<Command> make_deployment_pause_commands();

}  // namespace drover::agent::cli
