#include "engine/control/blocked.hpp"

#include <gtest/gtest.h>

#include "engine/schema/evaluation.pb.h"

namespace drover::control {
namespace {

constexpr Instant start{};

Uuid uuid(std::uint8_t number) {
    Uuid id;
    id.bytes[15] = number;
    return id;
}

struct Shape {
    std::uint8_t number;
    const char* job;
    std::uint64_t seen;
    std::vector<std::pair<const char*, bool>> classes;
    bool escaped = false;
    const char* trigger = "queued-allocs";
};

EvaluationPtr evaluation(const Shape& shape) {
    auto made = std::make_shared<schema::Evaluation>();
    made->set_id(uuid(shape.number).raw());
    made->set_job_id(shape.job);
    made->set_type("service");
    made->set_snapshot_index(shape.seen);
    made->set_triggered_by(shape.trigger);
    made->set_escaped_computed_class(shape.escaped);
    for (const auto& [name, eligible] : shape.classes) {
        auto* pair = made->add_class_eligibility();
        pair->set_key(name);
        pair->set_value(eligible);
    }
    return made;
}

TEST(BlockedEvaluations, only_a_class_that_may_help_unblocks) {
    struct Row {
        const char* why;
        Shape shape;
        bool unblocked;
    };
    const Row rows[]{
        {"a class found eligible", {1, "a", 5, {{"big", true}}}, true},
        {"a class never looked at", {1, "a", 5, {{"small", true}}}, true},
        {"a class found ineligible", {1, "a", 5, {{"big", false}}}, false},
        {"constraints that no class decides", {1, "a", 5, {{"big", false}}, true}, true},
    };
    for (const Row& row : rows) {
        BlockedEvaluations blocked;
        ASSERT_TRUE(blocked.block(evaluation(row.shape)).empty()) << row.why;
        EXPECT_EQ(blocked.unblock_class("big", 9, start).size(), row.unblocked ? 1U : 0U)
            << row.why;
        EXPECT_EQ(blocked.count(), row.unblocked ? 0U : 1U) << row.why;
    }
}

TEST(BlockedEvaluations, change_after_the_view_but_before_the_block_is_not_missed) {
    struct Row {
        const char* why;
        Shape shape;
        bool at_once;
    };
    const Row rows[]{
        {"its view had the change already", {1, "a", 9, {}}, false},
        {"its view was older", {1, "a", 8, {}}, true},
        {"its view was older, but this class is no help", {1, "a", 8, {{"big", false}}}, false},
    };
    for (const Row& row : rows) {
        BlockedEvaluations blocked;
        EXPECT_TRUE(blocked.unblock_class("big", 9, start).empty());
        EXPECT_EQ(blocked.block(evaluation(row.shape)).size(), row.at_once ? 1U : 0U) << row.why;
    }
}

TEST(BlockedEvaluations, job_keeps_only_the_evaluation_that_saw_most) {
    BlockedEvaluations blocked;
    EXPECT_TRUE(blocked.block(evaluation({1, "a", 5, {}})).empty());
    EXPECT_TRUE(blocked.block(evaluation({2, "a", 7, {}})).empty());
    EXPECT_TRUE(blocked.block(evaluation({3, "a", 6, {}})).empty());
    EXPECT_EQ(blocked.count(), 1U);
    const auto duplicates = blocked.take_duplicates();
    ASSERT_EQ(duplicates.size(), 2U);
    EXPECT_EQ(id_of(*duplicates[0]), uuid(1));
    EXPECT_EQ(id_of(*duplicates[1]), uuid(3));
    EXPECT_EQ(id_of(*blocked.unblock_class("any", 9, start).front()), uuid(2));
}

TEST(BlockedEvaluations, those_out_of_attempts_wait_for_time_alone) {
    BlockedEvaluations blocked;
    EXPECT_TRUE(blocked.block(evaluation({1, "a", 5, {}})).empty());
    EXPECT_TRUE(blocked.block(evaluation({2, "b", 5, {}, false, "max-plan-attempts"})).empty());
    const auto released = blocked.unblock_failed();
    ASSERT_EQ(released.size(), 1U);
    EXPECT_EQ(id_of(*released.front()), uuid(2));
}

}  // namespace
}  // namespace drover::control
