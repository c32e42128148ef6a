// Watches over active deployments: asks for the next batch when allocations become healthy,
// promotes where the job says so, has unhealthy allocations replaced, and fails a deployment that
// does not get on in time. It looks at a deployment when one of its rows changed or its time has
// come, but not more often than once a second: news from many clients is one piece of news.
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

class Deployments {
public:
    void take_over(const state::StateView& view);
    void changed(const state::Changes& changes);
    // The entry with this request id was applied, or could not be proposed.
    void applied(const Uuid& request);
    void refused(const Uuid& request, Instant now);
    // At most one entry for each deployment at a time.
    [[nodiscard]] std::vector<EntryPtr> work(const state::StateView& applied, Moment moment,
                                             Prng& prng);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

private:
    struct Watch {
        std::optional<Instant> look_again;
        bool in_flight = false;
        bool deadline_was_hit = false;  // from then on every failure is put down to the deadline
        std::optional<Instant> rests_until;
    };
    [[nodiscard]] EntryPtr examine(const schema::Deployment& deployment, Watch& watch,
                                   const state::StateView& view, Moment moment, const Mint& mint);
    void look_again(const Uuid& id, std::optional<Instant> at);
    // Whose entry it was; none where it was nobody's here.
    [[nodiscard]] std::optional<Uuid> end_flight(const Uuid& request);

    std::map<Uuid, Watch> watches_;
    std::map<Uuid, Uuid> flights_;  // deployments, by the requests that are under way for them
    std::set<Uuid> dirty_;
    std::set<std::pair<Instant, Uuid>> timers_;
};

}  // namespace drover::control
