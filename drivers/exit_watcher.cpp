#include "drivers/exit_watcher.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "engine/base/ensure.hpp"

namespace drover::drivers {

ExitWatcher::ExitWatcher()
    : epoll_{::epoll_create1(EPOLL_CLOEXEC)}, wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
    ENSURE(epoll_.valid() && wake_.valid());
    epoll_event event{};
    event.events = EPOLLIN;
    ENSURE(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) == 0);
    // The agent's signals are for the agent's own thread.
    sigset_t every;
    sigset_t before;
    ::sigfillset(&every);
    ::pthread_sigmask(SIG_SETMASK, &every, &before);
    thread_ = std::thread{[this] { run(); }};
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

ExitWatcher::~ExitWatcher() {
    {
        const std::lock_guard guard{mutex_};
        stopping_ = true;
    }
    wake();
    thread_.join();
}

void ExitWatcher::wake() const {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the thread is awake.
    [[maybe_unused]] const ssize_t count = ::write(wake_.get(), &one, sizeof one);
}

Result<void> ExitWatcher::watch(const std::string& name, const ProcessId& process,
                                Callback on_end) {
    auto descriptor = watch_process(process);
    if (!descriptor && descriptor.error().code != Errc::not_found) {
        return tl::unexpected{descriptor.error()};
    }
    const std::lock_guard guard{mutex_};
    const std::uint64_t number = next_number_++;
    Watch watch{name, {}, std::move(on_end)};
    if (descriptor) {
        watch.process = std::move(*descriptor);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = number;
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, watch.process.get(), &event) != 0) {
            return fail_errno("cannot watch", name, errno);
        }
    } else {
        ended_already_.push_back(number);
        wake();
    }
    remove_locked(name);
    watches_.emplace(number, std::move(watch));
    numbers_[name] = number;
    return {};
}

void ExitWatcher::forget(const std::string& name) {
    const std::lock_guard guard{mutex_};
    remove_locked(name);
}

void ExitWatcher::remove_locked(const std::string& name) {
    const auto found = numbers_.find(name);
    if (found == numbers_.end()) return;
    watches_.erase(found->second);  // closing the descriptor takes it out of epoll
    numbers_.erase(found);
}

std::vector<ExitWatcher::Callback> ExitWatcher::take_ended(std::vector<std::uint64_t> ended) {
    std::vector<Callback> callbacks;
    const std::lock_guard guard{mutex_};
    if (stopping_) return callbacks;
    ended.insert(ended.end(), ended_already_.begin(), ended_already_.end());
    ended_already_.clear();
    for (const std::uint64_t number : ended) {
        const auto found = watches_.find(number);
        if (found == watches_.end()) continue;  // forgotten meanwhile
        callbacks.push_back(std::move(found->second.on_end));
        numbers_.erase(found->second.name);
        watches_.erase(found);
    }
    return callbacks;
}

void ExitWatcher::run() {
    std::array<epoll_event, 64> events{};
    while (true) {
        const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
        std::vector<std::uint64_t> ended;
        for (int i = 0; i < count; ++i) {
            const std::uint64_t number = events[static_cast<std::size_t>(i)].data.u64;
            if (number != 0) {
                ended.push_back(number);
                continue;
            }
            std::uint64_t wakes = 0;
            [[maybe_unused]] const ssize_t read = ::read(wake_.get(), &wakes, sizeof wakes);
        }
        for (const auto& callback : take_ended(std::move(ended))) callback();
        const std::lock_guard guard{mutex_};
        if (stopping_) return;
    }
}

}  // namespace drover::drivers
