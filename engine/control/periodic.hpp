// Launches periodic jobs when they are due: each launch is a job of its own, made from its parent
// in one entry with its evaluation and the note of when it was. nomad-semantics 2.10.
//
// Whatever was missed, by a crash of all servers or a clock that jumped, is made up for by one
// launch.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/control/lane.hpp"
#include "engine/control/mint.hpp"
#include "engine/cron/schedule.hpp"
#include "engine/state/view.hpp"
#include "engine/state/watch.hpp"

namespace drover::control {

class Periodic {
public:
    explicit Periodic(std::shared_ptr<const TimeZones> zones);

    void take_over(const state::StateView& view, Moment moment);
    // This entry, which changed this, was applied.
    void changed(const schema::Entry& entry, const state::Changes& changes,
                 const state::StateView& after, Moment moment);
    // A launch could not be proposed, or was refused: it is tried again.
    void refused(const Uuid& request, Instant now);

    [[nodiscard]] std::vector<EntryPtr> work(const state::StateView& applied, Moment moment,
                                             Prng& prng);
    [[nodiscard]] std::optional<Instant> next_deadline() const { return next_look_; }

private:
    struct Watched {
        std::string config;  // of the job, in bytes
        WallTime launched;   // the last time, by what is noted
        cron::Schedule schedule;
        std::optional<WallTime> due{};
    };

    void watch(const state::JobPtr& job, const state::StateView& view, Moment moment);
    void forget(const state::JobKey& job);
    void wait_until(const state::JobKey& job, Watched& watched, std::optional<WallTime> due);
    // A launch has been decided: its job waits again, for what follows the last launch that is
    // noted. False where the request was none of ours.
    bool land(const Uuid& request);
    void look_at_next(Moment moment);

    std::shared_ptr<const TimeZones> zones_;
    std::map<state::JobKey, Watched> watched_;
    std::set<std::pair<WallTime, state::JobKey>> due_;
    std::map<Uuid, state::JobKey> flights_;  // launches on their way, by the request of their entry
    std::set<state::JobKey> launching_;
    std::optional<Instant> next_look_;
};

// The job that a launch at this time makes, as it is stored; whole seconds are part of its id.
[[nodiscard]] schema::Job periodic_child(const schema::Job& parent, WallTime launch, WallTime now);
// The entry's part, with its evaluation.
void fill_launch(schema::JobRegistration& registration, const schema::Job& parent, WallTime launch,
                 const Mint& mint);
// A launch of it is pending or runs.
[[nodiscard]] bool has_running_launch(const state::StateView& view, const schema::Job& parent);

}  // namespace drover::control
