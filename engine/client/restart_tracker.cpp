#include "engine/client/restart_tracker.hpp"

#include <algorithm>

#include "engine/client/duration_text.hpp"

namespace drover::client {

RestartDecision RestartTracker::decide(const RestartRules& rules, Ending ending, Instant now,
                                       Prng& prng) {
    using Kind = RestartDecision::Kind;
    const bool finished = ending == Ending::succeeded && !rules.on_success;
    if (rules.attempts == 0) {
        if (finished) return {Kind::finished, {}, {}};
        return {Kind::give_up, {}, "Policy allows no restarts"};
    }
    if (now - interval_start_ > rules.interval) {
        count_ = 0;
        interval_start_ = now;
    }
    ++count_;
    if (ending == Ending::start_failed_for_good) {
        return {Kind::give_up, {}, "Error was unrecoverable"};
    }
    if (finished) return {Kind::finished, {}, {}};
    if (count_ > rules.attempts) {
        if (rules.mode == OnExhausted::fail) {
            return {Kind::give_up,
                    {},
                    "Exceeded allowed attempts " + std::to_string(rules.attempts) +
                        " in interval " + duration_text(rules.interval) + " and mode is \"fail\""};
        }
        const Duration remainder = rules.interval - (now - interval_start_);
        return {Kind::restart, std::max(remainder, Duration{}),
                "Exceeded allowed attempts, applying a delay"};
    }
    // Tasks that fell together must not rise together.
    const Duration jitter = prng.between(Duration{}, std::max(rules.delay / 4, Duration{}));
    return {Kind::restart, std::max(rules.delay, Duration{}) + jitter, "Restart within policy"};
}

}  // namespace drover::client
