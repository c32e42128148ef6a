// One thread that steps one engine: waits for inputs or for the engine's deadline, hands over
// everything that has arrived as one batch, and passes the effects to the host. Works for server
// and node agent alike. Who brings an input may step an idle engine in its stead; there is never
// more than one step at a time.
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
#include <cstdint>
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

// later: the bringer calls step_or_wake() when it has brought all that it has.
enum class Wake : std::uint8_t { now, later };

template <class Engine, class Input, class Effect>
class EngineThread {
public:
    // Called after each step with its effects, by who stepped; begins them in order and returns
    // quickly. It may look at the engine, which nobody else can.
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
    // Waits for the current step and joins; inputs still queued are dropped. Not from within a
    // step.
    void stop() {
        {
            const std::lock_guard lock{mutex_};
            stopping_ = true;
        }
        wake_.notify_all();
        if (thread_.joinable()) thread_.join();
    }

    // False: the queue is full (or stopped) and the input was not taken.
    [[nodiscard]] bool offer(Input input, std::size_t bytes, Wake wake = Wake::now) {
        return enqueue(std::move(input), bytes + input_overhead, false, wake);
    }
    void deliver(Input input, std::size_t bytes = 0, Wake wake = Wake::now) {
        (void)enqueue(std::move(input), bytes + input_overhead, true, wake);
    }
    // To wake the own thread costs more than most steps. Where the engine is idle and little waits
    // for it, this makes the one step here: for who can spare the time of a step, and holds no lock
    // that an effect may want.
    void step_or_wake() {
        {
            std::unique_lock lock{mutex_};
            if (!running_ || stepping_) return;  // who steps looks again afterwards
            if (!stopping_ && visits_.empty() && !queue_.empty() && queue_.size() <= few)
                step(lock);
            if (!own_thread_needed()) return;
        }
        wake_.notify_one();
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
    // More inputs than these are worth waking a thread, which leaves this one free to bring more.
    static constexpr std::size_t few = 4;
    struct Queued {
        Input input;
        std::size_t bytes;
    };

    bool enqueue(Input input, std::size_t bytes, bool always, Wake wake) {
        {
            const std::lock_guard lock{mutex_};
            if (stopping_) return false;
            if (!always && queued_bytes_ + bytes > options_.queue_bytes_max) return false;
            queued_bytes_ += bytes;
            queue_.push_back(Queued{std::move(input), bytes});
            if (stepping_) return true;  // who steps looks again afterwards
        }
        if (wake == Wake::now) wake_.notify_one();
        return true;
    }

    void run() {
        std::unique_lock lock{mutex_};
        running_ = true;
        deadline_ = engine_.next_deadline();
        while (wait(lock)) step(lock);
    }

    // Entered and left with the lock, which is not held while the engine works.
    void step(std::unique_lock<std::mutex>& lock) {
        stepping_ = true;
        std::vector<Input> inputs = take();
        std::vector<Visit> visits = std::exchange(visits_, {});
        lock.unlock();
        std::vector<Effect> effects;
        engine_.step(now(), wall_now(), std::move(inputs), effects);
        perform_(engine_, effects);
        for (const Visit& visit : visits) visit(engine_);
        lock.lock();
        stepping_ = false;
        deadline_ = engine_.next_deadline();
    }

    [[nodiscard]] bool told() const { return stopping_ || !queue_.empty() || !visits_.empty(); }
    // There is something to do for it, or it would sleep for too long.
    [[nodiscard]] bool own_thread_needed() const {
        return told() || (deadline_ && (!sleeps_until_ || *deadline_ < *sleeps_until_));
    }

    // Until there is something to do, if only that the deadline passed; false when stopping.
    bool wait(std::unique_lock<std::mutex>& lock) {
        while (stepping_ || !told()) {
            sleeps_until_ = stepping_ ? std::nullopt : deadline_;
            if (!sleeps_until_) {
                wake_.wait(lock);
                continue;
            }
            if (*sleeps_until_ <= now()) break;
            // io::now() counts on the steady clock, in nanoseconds on every supported library.
            wake_.wait_until(
                lock, std::chrono::steady_clock::time_point{sleeps_until_->time_since_epoch()});
        }
        return !stopping_;
    }

    std::vector<Input> take() {
        const std::size_t count = std::min(queue_.size(), options_.batch_count_max);
        std::vector<Input> inputs;
        inputs.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            queued_bytes_ -= queue_[i].bytes;
            inputs.push_back(std::move(queue_[i].input));
        }
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
        return inputs;
    }

    Engine engine_;  // touched by who steps alone, once it runs
    Perform perform_;
    const EngineThreadOptions options_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Queued> queue_;
    std::vector<Visit> visits_;
    std::size_t queued_bytes_ = 0;
    bool running_ = false;
    bool stepping_ = false;
    bool stopping_ = false;
    std::optional<Instant> deadline_;      // the engine's, after its last step
    std::optional<Instant> sleeps_until_;  // what the own thread knows of it
    std::thread thread_;
};

}  // namespace drover::io
