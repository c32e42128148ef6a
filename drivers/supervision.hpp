// The life of one task as its executor sees it: started, heard, signalled, ended, written down. One
// thread, one poll loop.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "drivers/log_rotator.hpp"
#include "drivers/run_directory.hpp"
#include "drivers/task_order.hpp"
#include "drivers/task_process.hpp"

namespace drover::drivers {

class Supervision {
public:
    explicit Supervision(RunDirectory run);

    [[nodiscard]] Result<StartReport> start(TaskOrder order);
    // Returns once the task and all its descendants have ended and the exit is on disk.
    [[nodiscard]] Result<void> run();
    // Kills what was started and leaves the directory as if nothing had been.
    void undo();

private:
    struct Output {
        UniqueFd pipe;
        LogRotator log;
        bool complained = false;
    };
    struct Connection {
        UniqueFd socket;
        std::string input;
    };
    using Clock = std::chrono::steady_clock;

    [[nodiscard]] Result<void> catch_signals();
    [[nodiscard]] Result<void> open_logs();
    [[nodiscard]] Result<StartReport> launch();

    void wait_for_something();
    [[nodiscard]] int wait_ms() const;
    void on_signal();
    void reap();
    void on_main_ended(int status);
    void kill_descendants();
    // False at the end of the stream or when it has nothing at the moment.
    bool copy_some(Output& output);
    void drain();

    void on_connection();
    void on_command(Connection& connection);
    [[nodiscard]] std::string obey(const std::string& command);
    void stop(int signal, Duration timeout);

    RunDirectory run_;
    UniqueFd lock_;
    TaskOrder order_;
    UniqueFd signals_;
    UniqueFd listener_;
    std::vector<Output> outputs_;
    std::vector<Connection> connections_;
    pid_t main_ = 0;  // 0 before it starts and after it was reaped
    std::optional<TaskExit> exit_;
    bool childless_ = false;
    std::optional<Clock::time_point> kill_at_;
    std::optional<Clock::time_point> give_up_at_;
};

}  // namespace drover::drivers
