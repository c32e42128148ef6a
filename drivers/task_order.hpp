// What a driver orders an executor to run. It travels through a socket, never through a file, so
// that secrets in an environment do not rest on disk.
#pragma once

#include <string>
#include <vector>

#include "drivers/driver.hpp"

namespace drover::drivers {

struct TaskOrder {
    std::string alloc_id;
    std::string task;
    std::string task_dir;  // where a relative command is looked for first
    std::string command;
    std::vector<std::string> arguments;    // without the command itself
    std::vector<std::string> environment;  // "NAME=value", complete
    std::string directory;                 // absolute; becomes the working directory
    std::string user;                      // name or number; empty keeps the executor's own
    std::string log_dir;
    LogLimits logs;
    int stop_signal = 0;  // what the executor itself sends when it is told to terminate
    std::optional<std::int64_t> oom_score_adjustment;

    [[nodiscard]] std::string encode() const;
    [[nodiscard]] static Result<TaskOrder> parse(std::string_view bytes);
};

// The executor's answer to an order.
struct StartReport {
    std::int64_t pid = 0;
    WallTime started_at{};

    [[nodiscard]] static std::string encode(const Result<StartReport>& outcome);
    [[nodiscard]] static Result<StartReport> parse(std::string_view bytes);
};

}  // namespace drover::drivers
