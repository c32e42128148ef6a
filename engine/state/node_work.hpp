// The allocations of one node, and which of them the servers have changed of late: an agent's pull
// is answered from that, and not by a look at everything that ever ran there.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "engine/base/uuid.hpp"
#include "engine/state/cow_tree.hpp"

namespace drover::state {

// A set for each node, for a placement changes one of them alone: in one tree over all nodes, each
// would copy a path through it, and touch whatever hangs on that path.
using IdSet = CowTree<Uuid, Present>;

class NodeWork {
public:
    // The servers placed it, or changed what they want of it.
    void changed(const Uuid& allocation, std::uint64_t index, bool fresh);
    // It is stored no more; 0 where that index is not known.
    void removed(const Uuid& allocation, std::uint64_t index);

    // From now on it is never changed, and any thread may copy it.
    void freeze() { ids_.freeze(); }

    // That of the newest change.
    [[nodiscard]] std::uint64_t index() const { return index_; }
    // How many allocations the node has.
    [[nodiscard]] std::uint64_t total() const { return ids_.size(); }
    [[nodiscard]] const IdSet& ids() const { return ids_; }
    // Whether everything that came after the index is among the latest changes.
    [[nodiscard]] bool knows_since(std::uint64_t index) const { return index >= floor_; }
    // By id; only where knows_since().
    [[nodiscard]] std::vector<Uuid> since(std::uint64_t index) const;

private:
    std::uint64_t index_ = 1;
    std::uint64_t floor_ = 1;  // changes up to this one may be forgotten
    IdSet ids_;
    std::vector<std::pair<std::uint64_t, Uuid>> latest_;  // an allocation once
};

}  // namespace drover::state
