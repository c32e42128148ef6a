// A few threads for what must not hold up an engine or a socket: answering queries from a view,
// computing plans, writing snapshot files. First come, first served; the queue is bounded.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace drover::io {

struct WorkerPoolOptions {
    unsigned threads = 2;
    std::size_t queue_bytes_max = std::size_t{64} << 20;
};

class WorkerPool {
public:
    using Work = std::function<void()>;

    explicit WorkerPool(WorkerPoolOptions options = {});
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    // False: the queue is full (or stopped) and the work was not taken; a request is then answered
    // "overloaded". `bytes` is what the work holds on to, about.
    [[nodiscard]] bool offer(Work work, std::size_t bytes);
    // For work that an engine asked for, of which there is never more than it has outstanding.
    void deliver(Work work);
    // Finishes what has begun and drops the rest; no work runs after it returns.
    void stop();

private:
    struct Queued {
        Work work;
        std::size_t bytes;
    };
    bool enqueue(Work work, std::size_t bytes, bool always);
    void run();

    const WorkerPoolOptions options_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Queued> queue_;
    std::size_t queued_bytes_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace drover::io
