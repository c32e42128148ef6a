// The drivers of one agent, by name. Filled once at start, read from any thread afterwards.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/driver.hpp"

namespace drover::drivers {

struct RawExecOptions {
    bool enabled = false;
    std::vector<std::string> denied_envvars;  // globs: "AWS_*"
    std::string denied_host_uids;             // ranges: "0,10-20"
    std::string denied_host_gids;
    // How to start an executor; the run directory is appended. The agent's own hidden sub-command
    // unless told otherwise; the path stays valid when the binary is replaced on disk.
    std::vector<std::string> executor_command{"/proc/self/exe", "executor"};
    Duration start_timeout = std::chrono::seconds{20};
};

class DriverRegistry {
public:
    // raw_exec, and mock_driver with its alias mock.
    static DriverRegistry with_builtin(const RawExecOptions& raw_exec);

    void add(std::string name, std::unique_ptr<Driver> driver);
    void add_alias(std::string alias, std::string name);

    // Null for an unknown name.
    [[nodiscard]] Driver* find(std::string_view name) const;
    // Without aliases, in order.
    [[nodiscard]] std::vector<std::string> names() const;

private:
    std::map<std::string, std::unique_ptr<Driver>, std::less<>> drivers_;
    std::map<std::string, std::string, std::less<>> aliases_;
};

}  // namespace drover::drivers
