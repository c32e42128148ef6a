// What fits on a node: the one rule that the scheduler plans by and the plan applier re-checks by.
// It reads a node and the allocations on it, and never the wishes of a job.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/base/uuid.hpp"
#include "engine/state/types.hpp"

namespace drover::schema {
class Allocation;
class Node;
class Plan;
}  // namespace drover::schema

namespace drover::state {
class StateView;
}  // namespace drover::state

namespace drover::scheduler {

using state::Capacity;
using state::capacity_of;
using state::ready_for_placement;

// A dimension in which `used` exceeds the capacity ("max allocation exceeded", "cpu", "memory",
// "disk"), the first in this order; null where everything fits.
[[nodiscard]] const char* exceeded(const Capacity& capacity, const state::Usage& used);

// The first dimension in which the node cannot hold its allocations (those that are not terminal),
// without `leaving` and with `arriving`, where an arriving one replaces the stored one of the same
// id; empty where everything fits. `batched` arrives as well: new ones, of which none holds a port
// or a device.
[[nodiscard]] std::string misfit(const state::StateView& view, const schema::Node& node,
                                 const std::set<Uuid>& leaving,
                                 const std::vector<const schema::Allocation*>& arriving,
                                 const state::Usage& batched = {});

// Why the part of the plan on a node must not be committed against this view, for each node where
// there is a reason. Stops are always fine; new allocations need a node that is ready and eligible
// and has the room.
[[nodiscard]] std::map<Uuid, std::string> refusals(const state::StateView& view,
                                                   const schema::Plan& plan);

}  // namespace drover::scheduler
