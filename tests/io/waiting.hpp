// A value that other threads complete and a test waits for, with a bound that only a hang reaches.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

namespace drover::io {

template <class T>
class Collected {
public:
    void add(T value) {
        // Told under the lock: the waiter may destroy this as soon as it has the value.
        const std::lock_guard lock{mutex_};
        values_.push_back(std::move(value));
        changed_.notify_all();
    }
    // False when the count was not reached within the bound.
    [[nodiscard]] bool wait_for_count(std::size_t count) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, std::chrono::seconds{20},
                                 [&] { return values_.size() >= count; });
    }
    template <class Condition>
    [[nodiscard]] bool wait_until(Condition condition) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, std::chrono::seconds{20},
                                 [&] { return condition(values_); });
    }
    [[nodiscard]] std::vector<T> values() {
        const std::lock_guard lock{mutex_};
        return values_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<T> values_;
};

}  // namespace drover::io
