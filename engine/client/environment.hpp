// What a task sees of itself and of its surroundings: its environment variables, complete and ready
// for a driver. Pure: the same allocation on the same node gives the same environment.
#pragma once

#include <map>
#include <string>

#include "engine/client/client.hpp"
#include "engine/client/interpolation.hpp"

namespace drover::client {

class Assignment;

struct TaskEnvironment {
    std::map<std::string, std::string> variables;
    Interpolation interpolation;  // knows the variables too
};

// `task` is the name of one of the assignment's tasks.
[[nodiscard]] TaskEnvironment task_environment(const Config& config, const Assignment& assignment,
                                               const std::string& task);

}  // namespace drover::client
