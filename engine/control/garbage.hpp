// What is old enough to be forgotten. A pure function of a view; one entry takes a bounded number
// of rows, and the next round takes the rest.
#pragma once

#include "engine/control/config.hpp"
#include "engine/control/mint.hpp"
#include "engine/state/view.hpp"

namespace drover::control {

// Null where nothing is to be collected.
[[nodiscard]] EntryPtr collect_garbage(const state::StateView& view, const Config& config,
                                       const Mint& mint);

}  // namespace drover::control
