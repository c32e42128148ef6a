// Sorting a group's allocations by what has become of them and of their nodes: the first half of
// reconciliation, and the part that reads no wishes.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "engine/base/time.hpp"
#include "engine/base/uuid.hpp"
#include "engine/state/types.hpp"

namespace drover::state {
class StateView;
}

namespace drover::scheduler {

// In the order of their ids: the time of their placement.
using AllocationSet = std::map<Uuid, state::AllocationPtr>;
// Nodes that allocations cannot simply stay on: gone (null), down, draining or disconnected.
using TaintedNodes = std::map<Uuid, state::NodePtr>;

[[nodiscard]] TaintedNodes tainted_nodes(const state::StateView& view,
                                         const std::vector<state::AllocationPtr>& allocations);
// Its client will not come to report the end of what is stopped: the servers conclude it.
[[nodiscard]] bool is_cut_off(const state::AllocationRow& row, const TaintedNodes& tainted);
// Its last record says unknown, and since then its client may have come back.
[[nodiscard]] bool needs_to_reconnect(const state::AllocationRow& row);
// It has been unknown for longer than its group lets it be.
[[nodiscard]] bool is_expired(const state::AllocationRow& row, WallTime now);

[[nodiscard]] AllocationSet without(AllocationSet set, const AllocationSet& taken);
[[nodiscard]] AllocationSet together(AllocationSet set, const AllocationSet& more);

struct Classes {
    AllocationSet untainted;
    AllocationSet migrate;
    AllocationSet lost;
    AllocationSet disconnecting;
    AllocationSet reconnecting;
    AllocationSet ignore;
    AllocationSet expiring;
};
[[nodiscard]] Classes classify(const AllocationSet& all, const TaintedNodes& tainted, WallTime now);

[[nodiscard]] bool should_migrate(const state::AllocationRow& row);
[[nodiscard]] bool is_canary(const state::AllocationRow& row);
// Every task that ran has ended well, and at least one did.
[[nodiscard]] bool ran_successfully(const state::AllocationRow& row);
// How long it may be unknown before it counts as lost; 0: not at all.
[[nodiscard]] Duration lost_after(const state::AllocationRow& row);
// A replacement is wanted while it is unknown.
[[nodiscard]] bool replaced_on_disconnect(const state::AllocationRow& row);

struct RescheduleInputs {
    bool batch = false;
    bool disconnecting = false;
    WallTime now;
    Uuid evaluation_id;
    state::DeploymentPtr deployment;  // the active current one
};
struct RescheduleLater {
    state::AllocationPtr allocation;
    WallTime at;
};
struct Rescheduling {
    AllocationSet untainted;
    AllocationSet now;
    std::vector<RescheduleLater> later;
};
// Which of these have failed and are to be replaced now or later. One that waits for its delay
// stays among the untainted: it holds its slot.
[[nodiscard]] Rescheduling reschedule(const AllocationSet& set, const RescheduleInputs& inputs);

}  // namespace drover::scheduler
