// Empties the nodes that an operator drains. It moves nothing itself: it marks allocations, and
// their jobs' evaluations stop them and place them elsewhere. A service loses no more at a time
// than its migrate block allows, a batch job may finish, and system jobs leave last; at the
// deadline whatever is left goes at once.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "engine/control/lane.hpp"
#include "engine/control/mint.hpp"
#include "engine/state/view.hpp"
#include "engine/state/watch.hpp"

namespace drover::control {

class Drainer {
public:
    void take_over(const state::StateView& view);
    void changed(const state::Changes& changes, Instant now);
    // The entry with this request id was applied, or could not be.
    void applied(const Uuid& request);
    void refused(const Uuid& request, Instant now);
    // A round is due a second after the first change since the last one, and at deadlines. While
    // what was proposed is on its way there is none: it would be marked twice.
    [[nodiscard]] std::vector<EntryPtr> work(const state::StateView& applied, Moment moment,
                                             Prng& prng);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

private:
    void look_at(Instant at);

    std::set<Uuid> nodes_;      // draining
    std::set<Uuid> in_flight_;  // request ids
    std::optional<Instant> next_round_;
};

// What one round decides, for the nodes of `draining` that still have a strategy.
struct DrainRound {
    struct Mark {
        state::AllocationPtr allocation;
        bool replace = true;  // of a batch job: it is not started again elsewhere
    };
    struct Emptied {
        state::NodePtr node;
        bool at_deadline = false;
    };
    std::vector<Mark> marks;                // by allocation id
    std::vector<Emptied> emptied;           // their drain is over once the marks are written
    std::optional<WallTime> next_deadline;  // of the nodes that are not emptied yet
};
[[nodiscard]] DrainRound decide_drain(const state::StateView& view, const std::set<Uuid>& draining,
                                      WallTime wall);

}  // namespace drover::control
