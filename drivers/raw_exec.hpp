// Tasks as plain processes of the host, without isolation: each under an executor that outlives the
// agent. The config block: command, args, work_dir, oom_score_adj, denied_envvars.
#pragma once

#include <memory>
#include <string>

#include "drivers/driver.hpp"
#include "drivers/exit_watcher.hpp"
#include "drivers/registry.hpp"
#include "drivers/run_directory.hpp"
#include "drivers/task_order.hpp"

namespace drover::drivers {

class RawExec : public Driver {
public:
    explicit RawExec(RawExecOptions options);

    Result<StartedTask> start(const TaskSpec& spec, ExitCallback on_exit) override;
    Result<Recovered> recover(const TaskHandle& handle, ExitCallback on_exit) override;
    Result<void> stop(const TaskHandle& handle, const std::string& signal,
                      Duration kill_timeout) override;
    Result<void> signal(const TaskHandle& handle, const std::string& name) override;
    Result<void> destroy(const TaskHandle& handle) override;
    Result<TaskStatus> inspect(const TaskHandle& handle) override;
    DriverFingerprint fingerprint() override;
    DriverCapabilities capabilities() const override;
    Result<void> validate(const TaskSpec& spec) const override;

private:
    [[nodiscard]] Result<TaskOrder> order_of(const TaskSpec& spec) const;
    [[nodiscard]] Result<void> check_user(const TaskOrder& order) const;
    [[nodiscard]] Result<StartedTask> attach(const RunDirectory& run, ExitCallback on_exit);
    [[nodiscard]] Result<void> watch(const RunDirectory& run, ExitCallback on_exit);

    RawExecOptions options_;
    ExitWatcher watcher_;
};

}  // namespace drover::drivers
