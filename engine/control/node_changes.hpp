// What follows when a node comes, goes or changes: which jobs must be looked at again, and what
// becomes of a node that is not heard of. Pure functions of a view.
#pragma once

#include <string>
#include <vector>

#include "engine/control/mint.hpp"
#include "engine/state/view.hpp"

namespace drover::control {

// One evaluation for each job that has something on the node, or, as a system job, could have.
[[nodiscard]] std::vector<schema::Evaluation> node_evaluations(const state::StateView& view,
                                                               const schema::Node& node,
                                                               const Mint& mint);

// Whether a change of status makes the node's jobs worth another look.
[[nodiscard]] bool status_change_matters(const std::string& from, const std::string& to);

// What a node becomes that has missed its heartbeat: down, or disconnected while one of its
// allocations may be awaited.
[[nodiscard]] std::string status_after_missed_heartbeat(const state::StateView& view,
                                                        const schema::Node& node, WallTime wall);

// The status that a node asking for `ready` is granted now.
[[nodiscard]] std::string granted_status(const state::StateView& view, const schema::Node& node,
                                         const std::string& asked);

void add_node_event(schema::NodeEvent& event, const char* subsystem, std::string message,
                    WallTime wall);

}  // namespace drover::control
