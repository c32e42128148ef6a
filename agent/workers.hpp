// Threads for work that must not run on an engine's or a socket's thread: queries, scheduling, disk
// and process starts. Work is taken in order; one pool with one thread is a queue.
#pragma once

#include <functional>
#include <memory>

namespace drover::agent {

class Workers {
public:
    explicit Workers(unsigned threads);
    // Finishes what runs, drops what waits.
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    void post(std::function<void()> work);
    // No work runs after it returns, and none is taken.
    void stop();

private:
    struct Pool;
    std::unique_ptr<Pool> pool_;
};

}  // namespace drover::agent
