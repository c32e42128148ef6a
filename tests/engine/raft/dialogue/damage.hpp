// What a start makes of a member's disk when some records of it are damaged: the disk is written
// out with the storage format, damaged, and read again by its recovery.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/raft/types.hpp"

namespace drover::raft::dialogue {

struct Damage {
    std::uint64_t torn{};         // so many of the last entries were not written whole
    std::optional<Index> rotten;  // one byte of this entry has changed
    bool marked{};                // the last entry is known to have been durable

    [[nodiscard]] bool any() const { return torn > 0 || rotten || marked; }
};

struct Found {
    DurableState state;
    std::vector<std::string> notes;  // what was repaired
};

// The reason why the member would refuse to start, or what it starts with.
[[nodiscard]] Result<Found> recovered(const DurableState& disk, const Damage& damage);

}  // namespace drover::raft::dialogue
