// The state as it will be when everything that this leader has proposed is applied. A leader is the
// only one who appends, so what it proposes next is applied to exactly this: a plan that fits here
// fits when it is applied.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "engine/control/mint.hpp"
#include "engine/state/state.hpp"
#include "engine/state/view.hpp"

namespace drover::control {

// What applying an entry leads to.
struct Foreseen {
    state::StateView after;
    state::ApplyResult result;
};

class Future {
public:
    explicit Future(state::StateConfig config) : config_{config} {}

    // In the order of their indexes, each once, entries without a command left out.
    void proposed(std::uint64_t index, EntryPtr entry);
    void applied(std::uint64_t index);

    [[nodiscard]] state::StateView view(const state::StateView& applied);
    // Where this entry was looked at on top of everything before it: what comes of it, so that a
    // large plan is applied once, and not a second time when it is committed. Before applied().
    [[nodiscard]] std::optional<Foreseen> take(std::uint64_t index, const schema::Entry& entry);
    [[nodiscard]] std::size_t pending() const { return pending_.size(); }

private:
    struct Pending {
        std::uint64_t index{};
        EntryPtr entry;
        std::optional<Foreseen> foreseen{};
    };
    void look_at(Pending& pending);

    state::StateConfig config_;
    std::deque<Pending> pending_;
    // Built when first asked for, and then only continued: a copy shares its rows and trees with
    // the applied state as long as it is young, so it is dropped as soon as nothing is pending.
    std::optional<state::State> ahead_;
    std::optional<state::StateView> view_;  // of it, as it is
    std::uint64_t rebuilt_at_ = 0;
    bool seamless_ = false;  // it holds every entry since then: none was without a command
};

}  // namespace drover::control
