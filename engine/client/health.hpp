// Whether a new allocation is fit for service, judged by its tasks: all of them must run without a
// restart for a while, and they must manage it before a deadline. The verdict is final.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/time.hpp"
#include "engine/client/instants.hpp"
#include "engine/client/lifecycle.hpp"

namespace drover::client {

struct HealthRules {
    Duration min_healthy_time{};
    Duration healthy_deadline{};
};

struct HealthVerdict {
    bool healthy{};
    std::string reason;  // of an unhealthy one
};

class HealthTracker {
public:
    HealthTracker(HealthRules rules, Instant now)
        : rules_{rules}, give_up_at_{after(now, rules.healthy_deadline)} {}

    [[nodiscard]] std::optional<HealthVerdict> judge(const std::vector<TaskFacts>& tasks,
                                                     Instant now);
    // When judge() must be asked again though nothing has happened.
    [[nodiscard]] Instant deadline() const;

private:
    HealthRules rules_;
    Instant give_up_at_;
    std::optional<Instant> steady_since_;
    std::vector<std::uint64_t> steady_attempts_;  // of the tasks since then, in their order
};

}  // namespace drover::client
