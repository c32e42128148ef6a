// One thread that waits for any number of executors to end and says so. It never kills anything:
// letting go of it leaves every task running.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "drivers/process.hpp"

namespace drover::drivers {

class ExitWatcher {
public:
    using Callback = std::function<void()>;

    ExitWatcher();
    ExitWatcher(const ExitWatcher&) = delete;
    ExitWatcher& operator=(const ExitWatcher&) = delete;
    ~ExitWatcher();

    // Calls back once, on the watcher's thread, when the process has ended, which may be already.
    // A later watch of the same name replaces the earlier one. Fails when the host is out of
    // descriptors: the process is then not watched.
    [[nodiscard]] Result<void> watch(const std::string& name, const ProcessId& process,
                                     Callback on_end);
    void forget(const std::string& name);

private:
    struct Watch {
        std::string name;
        UniqueFd process;  // invalid when the process had ended before it could be watched
        Callback on_end;
    };

    void run();
    void wake() const;
    void remove_locked(const std::string& name);
    [[nodiscard]] std::vector<Callback> take_ended(std::vector<std::uint64_t> ended);

    UniqueFd epoll_;
    UniqueFd wake_;
    std::mutex mutex_;
    std::map<std::uint64_t, Watch> watches_;
    std::map<std::string, std::uint64_t> numbers_;
    std::vector<std::uint64_t> ended_already_;
    std::uint64_t next_number_ = 1;  // 0 is the wake-up descriptor
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace drover::drivers
