// What tests with real processes share: a directory that goes away, waiting on conditions instead
// of on the clock, and the exit of a task as something one can wait for.
#pragma once

#include <dirent.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "drivers/alloc_dir.hpp"
#include "drivers/posix.hpp"
#include "drivers/process.hpp"
#include "drivers/raw_exec.hpp"

namespace drover::drivers {

// Generous: only a failing test ever waits this long.
constexpr auto patience = std::chrono::seconds{60};

template <class Condition>
bool eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        ::poll(nullptr, 0, 2);
    }
    return true;
}

class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::string made = testing::TempDir() + "drover-drivers-" + std::string(6, 'X');
        path_ = ::mkdtemp(made.data());
        ::chmod(path_.c_str(), 0755);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() { EXPECT_TRUE(remove_tree(path_).has_value()) << path_; }

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

// Outlives the test's stack frame if the driver does: callbacks share it.
class ExitCatcher {
public:
    [[nodiscard]] ExitCallback callback() const {
        return [state = state_](TaskExit exit) {
            const std::lock_guard guard{state->mutex};
            state->exits.push_back(std::move(exit));
            state->changed.notify_all();
        };
    }
    // The first exit; fails the test when none comes.
    [[nodiscard]] TaskExit wait() const {
        std::unique_lock guard{state_->mutex};
        const bool came =
            state_->changed.wait_for(guard, patience, [&] { return !state_->exits.empty(); });
        EXPECT_TRUE(came) << "no exit was reported";
        return came ? state_->exits.front() : TaskExit{};
    }
    [[nodiscard]] std::size_t count() const {
        const std::lock_guard guard{state_->mutex};
        return state_->exits.size();
    }

private:
    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        std::vector<TaskExit> exits;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

inline RawExecOptions raw_exec_options() {
    RawExecOptions options;
    options.enabled = true;
    options.executor_command = {DROVER_EXECUTOR};
    return options;
}

inline std::string content_of(const std::string& path) {
    return read_file(path, 1U << 30U).value_or("cannot read " + path);
}

// Every process that was started with the allocation's id and still runs, wherever it hangs.
inline std::vector<pid_t> survivors_of(const std::string& alloc_id) {
    std::vector<pid_t> found;
    DIR* listing = ::opendir("/proc");
    while (const dirent* entry = ::readdir(listing)) {
        const pid_t pid = std::atoi(entry->d_name);
        const auto stat = pid > 0 ? process_stat(pid) : std::nullopt;
        if (!stat || stat->state == 'Z') continue;
        if (was_started_with(pid, "NOMAD_ALLOC_ID=" + alloc_id)) found.push_back(pid);
    }
    ::closedir(listing);
    return found;
}

// An allocation directory with one task that runs a shell script.
class ScriptTask {
public:
    explicit ScriptTask(const std::string& root, std::string script, std::string name = "web")
        : dir_{root, unique_id()} {
        EXPECT_TRUE(dir_.build().has_value());
        EXPECT_TRUE(dir_.build_task(name, "").has_value());
        spec.alloc_id = dir_.path().substr(root.size() + 1);
        spec.task = name;
        spec.attempt = 1;
        spec.task_dir = dir_.task(name);
        spec.alloc_dir = dir_.shared();
        spec.log_dir = dir_.logs();
        spec.environment = {{"NOMAD_ALLOC_ID", spec.alloc_id}, {"PATH", "/usr/bin:/bin"}};
        spec.config = {{"command", "/bin/sh"},
                       {"args", ConfigValue::List{"-c", std::move(script)}}};
    }

    [[nodiscard]] std::string log(const char* stream = "stdout", int number = 0) const {
        return dir_.logs() + "/" + spec.task + "." + stream + "." + std::to_string(number);
    }
    [[nodiscard]] std::string output() const { return content_of(log()); }
    [[nodiscard]] const AllocDir& dir() const { return dir_; }
    [[nodiscard]] RunDirectory run() const {
        return RunDirectory{spec.task_dir + "/executor/" + std::to_string(*spec.attempt)};
    }
    // The script says "ready" once its traps are set.
    [[nodiscard]] bool is_ready() const {
        return eventually([&] { return output().find("ready\n") != std::string::npos; });
    }

    TaskSpec spec;

private:
    // Tests that run at the same time tell their processes apart by it.
    static std::string unique_id() {
        static int count = 0;
        return "0a1b2c3d-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    }

    AllocDir dir_;
};

}  // namespace drover::drivers
