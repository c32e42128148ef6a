// A child process of the test, and what it takes to leave none behind: it is killed with its owner,
// and with the test program itself.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace drover::agent::cluster {

using Clock = std::chrono::steady_clock;

// Generous: only a failing test ever waits this long.
constexpr auto patience = std::chrono::seconds{60};

// Asks every few milliseconds until the answer is yes or patience has run out.
template <class Condition>
bool eventually(Condition condition);

class Process {
public:
    // Output goes to the end of `log`. Spawned from the main thread only: the kernel ties the
    // child's life to the thread that made it.
    Process(const std::vector<std::string>& command, const std::filesystem::path& log);
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }
    // False once it has ended.
    [[nodiscard]] bool runs();
    void signal(int number) const;
    // The exit code, or 128 plus the signal that ended it; none while it still runs.
    [[nodiscard]] std::optional<int> exit_code();

private:
    pid_t pid_{-1};
    std::optional<int> exit_code_;
};

// Runs a command to its end; what it printed is added to `output`.
[[nodiscard]] int run(const std::vector<std::string>& command, const std::filesystem::path& scratch,
                      std::string& output);

// Kills whatever was started with this text in its command line or environment: executors and tasks
// outlive their agent by design, and must not outlive the test.
void kill_all_that_mention(const std::string& text);

[[nodiscard]] std::string content_of(const std::filesystem::path& file);

void pause_for(std::chrono::milliseconds time);

template <class Condition>
bool eventually(Condition condition) {
    const auto deadline = Clock::now() + patience;
    while (!condition()) {
        if (Clock::now() > deadline) return false;
        pause_for(std::chrono::milliseconds{10});
    }
    return true;
}

}  // namespace drover::agent::cluster
