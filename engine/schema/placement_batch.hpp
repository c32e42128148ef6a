// Many new allocations as one record of a plan (Plan.placement_batches): in a fleet's log and
// memory, and in the time that it takes to apply, a thousand placements of one group are what they
// differ in. A batch is a value: whoever needs whole allocations expands it.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/schema/entry.pb.h"

namespace drover::schema {

// What one of the allocations has of its own. Views into the batch.
struct BatchedPlacement {
    std::string_view id;  // 16 raw bytes
    std::string_view node_id;
    std::string_view node_name;
    std::uint32_t name_number{};
    const PlacementScores* scores{};
};

void add_to_batch(PlacementBatch& batch, const BatchedPlacement& placement);

// Whether its columns are equally long, and its ids whole. What follows needs that.
[[nodiscard]] Result<void> check_batch(const PlacementBatch& batch);

// In the order of their placing.
void for_each_placement(const PlacementBatch& batch,
                        const std::function<void(const BatchedPlacement&)>& visit);

// Leaves out what was placed on these nodes.
[[nodiscard]] PlacementBatch without_nodes(
    const PlacementBatch& batch, const std::function<bool(std::string_view node_id)>& leave_out);

// Each as the whole allocation that it stands for.
[[nodiscard]] std::vector<Allocation> expand(const PlacementBatch& batch);

// The name of an allocation: <job id>.<group>[<number>]; `stem` is what comes before the number.
[[nodiscard]] std::string numbered_name(std::string_view stem, std::uint64_t number);

}  // namespace drover::schema
