#include "agent/workers.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace drover::agent {

struct Workers::Pool {
    void run() {
        std::unique_lock lock{mutex};
        while (true) {
            wake.wait(lock, [this] { return stopping || !waiting.empty(); });
            if (stopping) return;
            const std::function<void()> work = std::move(waiting.front());
            waiting.pop_front();
            lock.unlock();
            work();
            lock.lock();
        }
    }

    std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::function<void()>> waiting;
    bool stopping = false;
    std::vector<std::thread> threads;
};

Workers::Workers(unsigned threads) : pool_{std::make_unique<Pool>()} {
    for (unsigned i = 0; i < threads; ++i)
        pool_->threads.emplace_back([pool = pool_.get()] { pool->run(); });
}

Workers::~Workers() { stop(); }

void Workers::post(std::function<void()> work) {
    {
        const std::lock_guard lock{pool_->mutex};
        if (pool_->stopping) return;
        pool_->waiting.push_back(std::move(work));
    }
    pool_->wake.notify_one();
}

void Workers::stop() {
    {
        const std::lock_guard lock{pool_->mutex};
        pool_->stopping = true;
        pool_->waiting.clear();
    }
    pool_->wake.notify_all();
    for (auto& thread : pool_->threads) {
        if (thread.joinable()) thread.join();
    }
}

}  // namespace drover::agent
