// What is old enough to be forgotten: jobs that nobody can use any more, evaluations with their
// allocations, deployments, and nodes that are gone. nomad-semantics 2.7.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "engine/base/time.hpp"
#include "engine/control/config.hpp"
#include "engine/control/lane.hpp"
#include "engine/control/mint.hpp"
#include "engine/state/view.hpp"

namespace drover::control {

// How long something must have been over. All zero: it need only be over.
struct GarbageAges {
    Duration job{}, evaluation{}, batch_evaluation{}, deployment{}, node{};
};
[[nodiscard]] GarbageAges ages_of(const Config& config);

// How far a walk over the tables has come. A new one begins at the first row.
struct GarbageWalk {
    enum class Stage : std::uint8_t { jobs, evaluations, deployments, nodes, over };
    Stage stage = Stage::jobs;
    state::JobKey job{};  // the next row of the stage is at or after these
    Uuid id{};
};

// Goes on with the walk, over at most so many rows (an evaluation's allocations count as rows), and
// adds what may go. One entry holds a bounded number of ids: a full one ends the look early.
void collect_garbage(const state::StateView& view, const GarbageAges& ages, WallTime wall,
                     std::size_t rows_max, GarbageWalk& walk, schema::Reaping& reaping);

// What an operator's wish for all of it begins with: from the first row, whatever its age. The
// leader that applies it goes on with the rest. Its reaping may be empty.
[[nodiscard]] EntryPtr collect_everything(const state::StateView& view, const Mint& mint,
                                          std::shared_ptr<schema::Entry> entry);

// The leader's own walks, in small looks, so that a large state delays nothing else.
class GarbageCollector {
public:
    GarbageCollector(const Config& config, Instant now);

    // An entry of anybody's was applied, or one of ours could not be proposed.
    void applied(const schema::Entry& entry, Instant now);
    void refused(const Uuid& request, Instant now);
    // Null where nothing is due, or nothing may go.
    [[nodiscard]] EntryPtr work(const state::StateView& view, Moment moment, Prng& prng);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

private:
    Duration interval_;
    GarbageAges ages_;
    GarbageWalk walk_;
    bool everything_ = false;  // this walk does not ask how old it is
    std::optional<Uuid> in_flight_;
    Instant next_look_;
};

}  // namespace drover::control
