// Decides what follows the end of a task: another start after a delay, a good end or giving up. The
// count of restarts lives as long as the agent: a restarted agent begins to count anew.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/prng.hpp"
#include "engine/base/time.hpp"

namespace drover::client {

enum class OnExhausted : std::uint8_t { fail, delay };

struct RestartRules {
    std::uint64_t attempts{};
    Duration interval{};
    Duration delay{};
    OnExhausted mode = OnExhausted::fail;
    bool on_success{};  // a good exit is no reason to stay down
};

enum class Ending : std::uint8_t {
    succeeded,
    failed,
    start_failed,          // may succeed when tried again
    start_failed_for_good,
};

struct RestartDecision {
    enum class Kind : std::uint8_t { restart, finished, give_up };
    Kind kind{};
    Duration delay{};    // restart only
    std::string reason;  // restart and give_up
};

class RestartTracker {
public:
    explicit RestartTracker(Instant now) : interval_start_{now} {}

    [[nodiscard]] RestartDecision decide(const RestartRules& rules, Ending ending, Instant now,
                                         Prng& prng);

private:
    std::uint64_t count_{};  // of the ends in the current interval
    Instant interval_start_;
};

}  // namespace drover::client
