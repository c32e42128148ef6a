// Scores as they are stored, and as they are shown.
#include "engine/schema/placement_scores.hpp"

#include <gtest/gtest.h>

#include <string>

#include "engine/schema/allocation.pb.h"

namespace drover::schema {
namespace {

constexpr std::int64_t one = std::int64_t{1} << 28;

std::string text_of(const NodeScoreMeta& meta) {
    std::string text = std::to_string(meta.norm_score());
    for (const auto& pair : meta.scores())
        text += " " + pair.key() + "=" + std::to_string(pair.value());
    return text;
}

TEST(PlacementScores, are_shown_node_by_node_without_those_that_did_not_count) {
    AllocMetric metrics;
    add_scores(*metrics.mutable_placement_scores(), std::string(16, 'a'),
               {.norm = one / 2, .binpack = one, .job_anti_affinity = -one / 4});
    add_scores(*metrics.mutable_placement_scores(), std::string(16, 'b'),
               {.norm = one / 4,
                .node_affinity = one,
                .node_reschedule_penalty = -one,
                .allocation_spread = one / 8});
    EXPECT_DOUBLE_EQ(best_norm_score(metrics), 0.5);
    show_scores(metrics);
    ASSERT_EQ(metrics.score_meta_data_size(), 2);
    EXPECT_EQ(metrics.score_meta_data(0).node_id(), std::string(16, 'a'));
    EXPECT_EQ(text_of(metrics.score_meta_data(0)),
              "0.500000 binpack=1.000000 job-anti-affinity=-0.250000");
    EXPECT_EQ(text_of(metrics.score_meta_data(1)),
              "0.250000 allocation-spread=0.125000 node-affinity=1.000000 "
              "node-reschedule-penalty=-1.000000");
    EXPECT_DOUBLE_EQ(best_norm_score(metrics), 0.5) << "shown or not";
    show_scores(metrics);
    EXPECT_EQ(metrics.score_meta_data_size(), 2) << "what is shown stays";
}

TEST(PlacementScores, with_kinds_of_a_later_release_are_shown_as_far_as_they_are_known) {
    AllocMetric metrics;
    auto& noted = *metrics.mutable_placement_scores();
    noted.set_node_ids(std::string(32, 'a'));
    for (int node = 0; node < 2; ++node) {
        for (int i = 0; i < 8; ++i) noted.add_scores(i == 0 ? (2 - node) * one : one);
    }
    show_scores(metrics);
    ASSERT_EQ(metrics.score_meta_data_size(), 2);
    EXPECT_DOUBLE_EQ(metrics.score_meta_data(1).norm_score(), 1.0);
    EXPECT_EQ(metrics.score_meta_data(1).scores_size(), 6);
}

TEST(PlacementScores, that_are_malformed_show_nothing) {
    AllocMetric metrics;
    metrics.mutable_placement_scores()->set_node_ids("short");
    metrics.mutable_placement_scores()->add_scores(1);
    show_scores(metrics);
    EXPECT_EQ(metrics.score_meta_data_size(), 0);
    EXPECT_DOUBLE_EQ(best_norm_score(AllocMetric{}), 0.0);
}

}  // namespace
}  // namespace drover::schema
