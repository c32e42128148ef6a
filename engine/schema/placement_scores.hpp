// The scores of a placement's best nodes, as numbers side by side. An allocation is stored with
// these: as messages of their own they would be most of what it takes. People are shown the
// messages.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace drover::schema {

class AllocMetric;
class PlacementScores;

// What is noted of each node, in this order; new ones are appended. One is 2^28.
struct NodeScores {
    std::int64_t norm{};  // the mean of those that count
    std::int64_t binpack{};
    std::int64_t job_anti_affinity{};
    std::int64_t node_affinity{};
    std::int64_t node_reschedule_penalty{};
    std::int64_t allocation_spread{};
    std::optional<std::int64_t> devices{};  // where the group likes some more than others: for all
};

// The best node first.
void add_scores(PlacementScores& noted, std::string_view node_id, const NodeScores& scores);

// Adds the messages that the numbers stand for, where there are none yet.
void show_scores(AllocMetric& metrics);

// However they are noted; 0 where there are none.
[[nodiscard]] double best_norm_score(const AllocMetric& metrics);

}  // namespace drover::schema
