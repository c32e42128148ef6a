// See placement_batch.hpp.
#include "engine/schema/placement_batch.hpp"

#include <cstddef>
#include <string>
#include <utility>

#include "engine/schema/allocation.pb.h"

namespace drover::schema {
namespace {

constexpr std::size_t id_size = 16;

}  // namespace

void add_to_batch(PlacementBatch& batch, const BatchedPlacement& placement) {
    PlacedNode* node = batch.nodes().empty() ? nullptr : &*batch.mutable_nodes()->rbegin();
    if (node == nullptr || node->id() != placement.node_id) {
        node = batch.add_nodes();
        node->set_id(std::string{placement.node_id});
        node->set_name(std::string{placement.node_name});
    }
    node->set_count(node->count() + 1);
    batch.mutable_ids()->append(placement.id);
    batch.add_name_numbers(placement.name_number);
    *batch.add_scores() = *placement.scores;
}

Result<void> check_batch(const PlacementBatch& batch) {
    const auto size = static_cast<std::uint64_t>(batch.name_numbers_size());
    std::uint64_t on_nodes = 0;
    for (const PlacedNode& node : batch.nodes()) {
        on_nodes += node.count();
        if (node.id().size() != id_size) {
            return fail(Errc::invalid_argument, "a batch of placements names a node by " +
                                                    std::to_string(node.id().size()) +
                                                    " bytes; ids have 16");
        }
    }
    if (batch.ids().size() != size * id_size || on_nodes != size ||
        static_cast<std::uint64_t>(batch.scores_size()) != size) {
        return fail(Errc::invalid_argument,
                    "a batch of " + std::to_string(size) + " placements has " +
                        std::to_string(batch.ids().size()) + " bytes of ids (16 for each), " +
                        std::to_string(on_nodes) + " places on nodes and " +
                        std::to_string(batch.scores_size()) + " lists of scores");
    }
    return {};
}

void for_each_placement(const PlacementBatch& batch,
                        const std::function<void(const BatchedPlacement&)>& visit) {
    const std::string_view ids = batch.ids();
    int at = 0;
    for (const PlacedNode& node : batch.nodes()) {
        for (std::uint32_t i = 0; i < node.count(); ++i, ++at) {
            visit({.id = ids.substr(static_cast<std::size_t>(at) * id_size, id_size),
                   .node_id = node.id(),
                   .node_name = node.name(),
                   .name_number = batch.name_numbers(at),
                   .scores = &batch.scores(at)});
        }
    }
}

PlacementBatch without_nodes(const PlacementBatch& batch,
                             const std::function<bool(std::string_view node_id)>& leave_out) {
    PlacementBatch kept;
    *kept.mutable_common() = batch.common();
    for_each_placement(batch, [&](const BatchedPlacement& placement) {
        if (!leave_out(placement.node_id)) add_to_batch(kept, placement);
    });
    return kept;
}

std::vector<Allocation> expand(const PlacementBatch& batch) {
    std::vector<Allocation> allocations;
    for_each_placement(batch, [&](const BatchedPlacement& placement) {
        Allocation& one = allocations.emplace_back(batch.common());
        one.set_id(std::string{placement.id});
        one.set_name(numbered_name(batch.common().name(), placement.name_number));
        one.set_node_id(std::string{placement.node_id});
        one.set_node_name(std::string{placement.node_name});
        *one.mutable_metrics()->mutable_placement_scores() = *placement.scores;
    });
    return allocations;
}

std::string numbered_name(std::string_view stem, std::uint64_t number) {
    std::string name{stem};
    name += '[';
    name += std::to_string(number);
    name += ']';
    return name;
}

}  // namespace drover::schema
