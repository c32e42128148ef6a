// What the servers have changed of a node's allocations of late, so that its agent's pull is
// answered from that, and not by a look at everything that ever ran there.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "engine/base/uuid.hpp"

namespace drover::state {

class NodeWork {
public:
    // The servers placed it, or changed what they want of it.
    void changed(const Uuid& allocation, std::uint64_t index, bool fresh);
    // It is stored no more; 0 where that index is not known.
    void removed(const Uuid& allocation, std::uint64_t index);

    // That of the newest change.
    [[nodiscard]] std::uint64_t index() const { return index_; }
    // How many allocations the node has.
    [[nodiscard]] std::uint64_t total() const { return total_; }
    // Whether everything that came after the index is among the latest changes.
    [[nodiscard]] bool knows_since(std::uint64_t index) const { return index >= floor_; }
    // By id; only where knows_since().
    [[nodiscard]] std::vector<Uuid> since(std::uint64_t index) const;

private:
    std::uint64_t index_ = 1;
    std::uint64_t floor_ = 1;  // changes up to this one may be forgotten
    std::uint64_t total_ = 0;
    std::vector<std::pair<std::uint64_t, Uuid>> latest_;  // an allocation once
};

}  // namespace drover::state
