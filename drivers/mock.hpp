// A driver without processes, for rehearsing what a client does: a task runs for as long as its
// config says, prints what it says and ends as it says. One thread keeps all their times.
//
// Config: run_for, exit_code, exit_signal, exit_err_msg, kill_after, start_error,
// start_error_recoverable, start_block_for, signal_error, stdout_string, stdout_repeat,
// stdout_repeat_duration, and the same three for stderr.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "drivers/driver.hpp"

namespace drover::drivers {

class MockDriver : public Driver {
public:
    MockDriver();
    ~MockDriver() override;

    Result<StartedTask> start(const TaskSpec& spec, ExitCallback on_exit) override;
    // After an agent restart the task goes on as if it had never been interrupted: it has ended if
    // its time was up meanwhile.
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
    struct Task;
    using Clock = std::chrono::steady_clock;
    // What is to be done, on the driver's thread and without its lock.
    using Action = std::function<void()>;

    void run();
    void at(Clock::time_point when, const std::shared_ptr<Task>& task, Action action);
    void schedule_output(const std::shared_ptr<Task>& task);
    void schedule_end(const std::shared_ptr<Task>& task, Duration from_now, TaskExit exit);
    void end(const std::shared_ptr<Task>& task, TaskExit exit);
    [[nodiscard]] std::optional<StartedTask> attach(const TaskSpec& spec,
                                                    const ExitCallback& on_exit);
    [[nodiscard]] std::shared_ptr<Task> find(const TaskHandle& handle);
    // False when the driver went away meanwhile.
    bool sleep(Duration duration);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, std::shared_ptr<Task>> tasks_;  // by handle
    std::map<std::string, TaskHandle> attempts_;          // of those whose attempt has a name
    std::multimap<Clock::time_point, Action> agenda_;
    bool stopping_ = false;
    std::uint64_t started_ = 0;
    std::thread thread_;
};

}  // namespace drover::drivers
