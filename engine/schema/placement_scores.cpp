// See placement_scores.hpp.
#include "engine/schema/placement_scores.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "engine/schema/allocation.pb.h"

namespace drover::schema {
namespace {

constexpr std::size_t id_size = 16;
constexpr std::size_t norm = 0;
// In the order of their names, as maps are shown.
struct Shown {
    const char* name;
    std::size_t at;  // among the numbers of a node
};
constexpr std::array<Shown, 6> shown{{{"allocation-spread", 5},
                                      {"binpack", 1},
                                      {"devices", 6},
                                      {"job-anti-affinity", 2},
                                      {"node-affinity", 3},
                                      {"node-reschedule-penalty", 4}}};

double to_double(std::int64_t score) {
    return static_cast<double>(score) / static_cast<double>(std::int64_t{1} << 28);
}

void show_node(AllocMetric& metrics, std::string_view id, const std::int64_t* numbers,
               std::size_t count) {
    NodeScoreMeta& meta = *metrics.add_score_meta_data();
    meta.set_node_id(std::string{id});
    meta.set_norm_score(to_double(numbers[norm]));
    for (const auto& [name, at] : shown) {
        if (at >= count || numbers[at] == 0) continue;
        DoublePair& pair = *meta.add_scores();
        pair.set_key(name);
        pair.set_value(to_double(numbers[at]));
    }
}

}  // namespace

void add_scores(PlacementScores& noted, std::string_view node_id, const NodeScores& scores) {
    noted.mutable_node_ids()->append(node_id);
    auto& numbers = *noted.mutable_scores();
    for (const std::int64_t number :
         {scores.norm, scores.binpack, scores.job_anti_affinity, scores.node_affinity,
          scores.node_reschedule_penalty, scores.allocation_spread}) {
        numbers.Add(number);
    }
    if (scores.devices) numbers.Add(*scores.devices);
}

void show_scores(AllocMetric& metrics) {
    const PlacementScores& noted = metrics.placement_scores();
    if (metrics.score_meta_data_size() > 0) return;
    const std::size_t nodes = noted.node_ids().size() / id_size;
    if (nodes == 0) return;
    const std::size_t count = static_cast<std::size_t>(noted.scores_size()) / nodes;
    if (count == 0) return;
    for (std::size_t node = 0; node < nodes; ++node) {
        show_node(metrics, std::string_view{noted.node_ids()}.substr(node * id_size, id_size),
                  noted.scores().data() + node * count, count);
    }
}

double best_norm_score(const AllocMetric& metrics) {
    double best = 0;
    for (const NodeScoreMeta& meta : metrics.score_meta_data()) {
        best = std::max(best, meta.norm_score());
    }
    // The best node comes first.
    const auto& numbers = metrics.placement_scores().scores();
    return numbers.empty() ? best : std::max(best, to_double(numbers.Get(norm)));
}

}  // namespace drover::schema
