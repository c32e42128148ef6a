// The threads for heavy work.
#include "io/worker_pool.hpp"

#include <algorithm>

namespace drover::io {
namespace {

// Charged for every piece of work beside what it says it holds.
constexpr std::size_t work_overhead = 256;

}  // namespace

WorkerPool::WorkerPool(WorkerPoolOptions options) : options_{options} {
    for (unsigned i = 0; i < std::max(1U, options_.threads); ++i) {
        threads_.emplace_back([this] { run(); });
    }
}

WorkerPool::~WorkerPool() { stop(); }

void WorkerPool::stop() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) {
        if (thread.joinable()) thread.join();
    }
}

bool WorkerPool::offer(Work work, std::size_t bytes) {
    return enqueue(std::move(work), bytes + work_overhead, false);
}

void WorkerPool::deliver(Work work) { (void)enqueue(std::move(work), work_overhead, true); }

bool WorkerPool::enqueue(Work work, std::size_t bytes, bool always) {
    {
        const std::lock_guard lock{mutex_};
        if (stopping_) return false;
        if (!always && queued_bytes_ + bytes > options_.queue_bytes_max) return false;
        queued_bytes_ += bytes;
        queue_.push_back(Queued{std::move(work), bytes});
    }
    wake_.notify_one();
    return true;
}

void WorkerPool::run() {
    std::unique_lock lock{mutex_};
    while (true) {
        wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (stopping_) return;
        Queued next = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        next.work();
        next.work = nullptr;  // what it holds may be large: let it go before waiting
        lock.lock();
        queued_bytes_ -= next.bytes;
    }
}

}  // namespace drover::io
