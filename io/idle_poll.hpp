// Looking for work a little longer before going to sleep.
//
// A request passes several threads, and each of them sleeps in between. To be woken costs more than
// what it then does, above all where an idle core is halted (a virtual machine: 30 us and more). So
// a thread that got work soon after it had run out of it looks for more before it sleeps the next
// time. It gives its core away at every look, for a while it does not look at all where others need
// the core, and where nothing came for long it sleeps at once: an idle server costs nothing.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>

namespace drover::io {

// How long to look, learnt from what came of the last waits. Pure.
class PollWindow {
public:
    using Time = std::chrono::nanoseconds;
    // Longer than a disk takes for a sync, or a machine nearby for an answer.
    static constexpr Time longest = std::chrono::microseconds{400};
    // Between two looks: somebody else needs the core for longer than a step takes.
    static constexpr Time crowded_after = std::chrono::microseconds{100};
    static constexpr std::uint32_t waits_when_crowded = 64;

    [[nodiscard]] Time length() const { return window_; }
    // A wait is over; from running out of work to having some.
    void waited(Time idle) {
        if (crowded_waits_ > 0) {
            --crowded_waits_;
        } else {
            window_ = idle <= longest ? longest : window_ / 2;
        }
    }
    void looked(Time since_last_look) {
        if (since_last_look < crowded_after) return;
        crowded_waits_ = waits_when_crowded;
        window_ = Time::zero();
    }

private:
    Time window_ = Time::zero();
    std::uint32_t crowded_waits_ = 0;
};

class IdlePoll {
public:
    // Returns once `ready` holds, or `sleep` returned. `ready` is asked often and must be cheap.
    template <class Ready, class Sleep>
    void wait(Ready ready, Sleep sleep) {
        const auto began = Clock::now();
        if (!look(ready, began)) sleep();
        window_.waited(Clock::now() - began);
    }

private:
    using Clock = std::chrono::steady_clock;

    template <class Ready>
    bool look(Ready ready, Clock::time_point began) {
        for (auto last = began; last - began < window_.length();) {
            if (ready()) return true;
            std::this_thread::yield();
            const auto next = Clock::now();
            window_.looked(next - last);
            last = next;
        }
        return false;
    }

    PollWindow window_;
};

}  // namespace drover::io
