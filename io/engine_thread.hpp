// One thread that owns one engine and does nothing but step it: waits for inputs or for the
// engine's deadline, hands over everything that has arrived as one batch, and passes the effects to
// the host. Works for server and node agent alike.
//
// An Engine offers, for its own Input and Effect:
//   void step(Instant now, WallTime wall, std::vector<Input> inputs, std::vector<Effect>& effects);
//   std::optional<Instant> next_deadline() const;
//
// The queue is bounded in bytes. offer() is for what the world sends and can be refused: requests
// are answered "overloaded", messages of peers are dropped. deliver() is for completions of what
// the engine itself asked for; there are never more of them than effects outstanding, so they are
// always taken.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/time.hpp"
#include "io/clock.hpp"

namespace drover::io {

struct EngineThreadOptions {
    std::size_t queue_bytes_max = std::size_t{64} << 20;
    std::size_t batch_count_max = 4096;  // inputs of one step; the rest waits for the next
};

template <class Engine, class Input, class Effect>
class EngineThread {
public:
    // Called on the engine's thread after each step with its effects; begins them in order and
    // returns quickly. It may look at the engine, which nobody else can.
    using Perform = std::function<void(Engine& engine, std::vector<Effect>& effects)>;
    using Visit = std::function<void(Engine& engine)>;

    EngineThread(Engine engine, Perform perform, EngineThreadOptions options = {})
        : engine_{std::move(engine)}, perform_{std::move(perform)}, options_{options} {}
    ~EngineThread() { stop(); }
    EngineThread(const EngineThread&) = delete;
    EngineThread& operator=(const EngineThread&) = delete;

    // Separate from construction, so that what Perform refers to can be built in between.
    void start() {
        thread_ = std::thread{[this] { run(); }};
    }
    // Finishes the current step and joins; inputs still queued are dropped. Not from its own
    // thread.
    void stop() {
        {
            const std::lock_guard lock{mutex_};
            stopping_ = true;
        }
        wake_.notify_all();
        if (thread_.joinable()) thread_.join();
    }

    // False: the queue is full (or stopped) and the input was not taken.
    [[nodiscard]] bool offer(Input input, std::size_t bytes) {
        return enqueue(std::move(input), bytes + input_overhead, false);
    }
    void deliver(Input input, std::size_t bytes = 0) {
        (void)enqueue(std::move(input), bytes + input_overhead, true);
    }
    // Runs on the engine's thread between two steps, after the inputs that were offered before it
    // (or the first batch_count_max of them): for looking, and for taking a view.
    void visit(Visit visitor) {
        {
            const std::lock_guard lock{mutex_};
            if (stopping_) return;
            visits_.push_back(std::move(visitor));
        }
        wake_.notify_one();
    }
    [[nodiscard]] std::size_t queued_bytes() const {
        const std::lock_guard lock{mutex_};
        return queued_bytes_;
    }

private:
    // Charged for every input beside its payload, so that a flood of empty ones is bounded too.
    static constexpr std::size_t input_overhead = sizeof(Input) + 64;
    struct Queued {
        Input input;
        std::size_t bytes;
    };

    bool enqueue(Input input, std::size_t bytes, bool always) {
        {
            const std::lock_guard lock{mutex_};
            if (stopping_) return false;
            if (!always && queued_bytes_ + bytes > options_.queue_bytes_max) return false;
            queued_bytes_ += bytes;
            queue_.push_back(Queued{std::move(input), bytes});
        }
        wake_.notify_one();
        return true;
    }

    void run() {
        std::vector<Input> inputs;
        std::vector<Visit> visits;
        std::vector<Effect> effects;
        while (wait(inputs, visits)) {
            engine_.step(now(), wall_now(), std::move(inputs), effects);
            perform_(engine_, effects);
            for (const Visit& visit : visits) visit(engine_);
            inputs = {};
            visits.clear();
            effects.clear();
        }
    }

    // Fills the batch; false when stopping. Returns with an empty batch when the deadline passed.
    bool wait(std::vector<Input>& inputs, std::vector<Visit>& visits) {
        const auto told = [this] { return stopping_ || !queue_.empty() || !visits_.empty(); };
        std::unique_lock lock{mutex_};
        if (const std::optional<Instant> deadline = engine_.next_deadline()) {
            // io::now() counts on the steady clock, in nanoseconds on every supported library.
            wake_.wait_until(
                lock, std::chrono::steady_clock::time_point{deadline->time_since_epoch()}, told);
        } else {
            wake_.wait(lock, told);
        }
        if (stopping_) return false;
        take(inputs);
        visits.swap(visits_);
        return true;
    }

    void take(std::vector<Input>& inputs) {
        const std::size_t count = std::min(queue_.size(), options_.batch_count_max);
        for (std::size_t i = 0; i < count; ++i) {
            queued_bytes_ -= queue_[i].bytes;
            inputs.push_back(std::move(queue_[i].input));
        }
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
    }

    Engine engine_;  // touched by the thread alone once it runs
    Perform perform_;
    const EngineThreadOptions options_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Queued> queue_;
    std::vector<Visit> visits_;
    std::size_t queued_bytes_ = 0;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace drover::io
