// A batch of placements says what its allocations say one by one, and a torn one is noticed.
#include "engine/schema/placement_batch.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "engine/schema/allocation.pb.h"

namespace drover::schema {
namespace {

struct Made {
    std::uint8_t node;
    std::uint32_t number;
    std::int64_t score;
};

std::string raw_id(std::size_t n) {
    std::string id(16, '\0');
    id[0] = static_cast<char>(n);
    id[1] = static_cast<char>(n >> 8U);
    return id;
}

PlacementBatch batch_of(const std::vector<Made>& made) {
    PlacementBatch batch;
    batch.mutable_common()->set_name("api.web");
    batch.mutable_common()->set_task_group("web");
    for (std::size_t i = 0; i < made.size(); ++i) {
        PlacementScores scores;
        scores.add_scores(made[i].score);
        const std::string id = raw_id(i);
        const std::string node_id = raw_id(made[i].node);
        const std::string node_name = "n" + std::to_string(made[i].node);
        add_to_batch(batch, {id, node_id, node_name, made[i].number, &scores});
    }
    return batch;
}

std::vector<Made> random_placements() {
    return *rc::gen::container<std::vector<Made>>(rc::gen::construct<Made>(
        rc::gen::inRange<std::uint8_t>(0, 3), rc::gen::arbitrary<std::uint32_t>(),
        rc::gen::arbitrary<std::int64_t>()));
}

RC_GTEST_PROP(PlacementBatch, IsWhatWasPutIn, ()) {
    const auto made = random_placements();
    const auto batch = batch_of(made);
    RC_ASSERT(check_batch(batch).has_value());
    const auto whole = expand(batch);
    RC_ASSERT(whole.size() == made.size());
    for (std::size_t i = 0; i < made.size(); ++i) {
        const auto number = std::to_string(made[i].number);
        RC_ASSERT(whole[i].id() == raw_id(i));
        RC_ASSERT(whole[i].name() == "api.web[" + number + "]");
        RC_ASSERT(whole[i].node_id() == raw_id(made[i].node));
        RC_ASSERT(whole[i].node_name() == "n" + std::to_string(made[i].node));
        RC_ASSERT(whole[i].task_group() == "web");
        RC_ASSERT(whole[i].metrics().placement_scores().scores(0) == made[i].score);
    }
}

RC_GTEST_PROP(PlacementBatch, LosesWhatIsOnTheNodesLeftOut, (std::uint8_t gone)) {
    const auto made = random_placements();
    auto kept = made;
    std::erase_if(kept, [&](const Made& one) { return one.node == gone; });
    const auto rest =
        without_nodes(batch_of(made), [&](std::string_view node) { return node == raw_id(gone); });
    RC_ASSERT(check_batch(rest).has_value());
    RC_ASSERT(rest.name_numbers_size() == static_cast<int>(kept.size()));
    for (std::size_t i = 0; i < kept.size(); ++i) {
        RC_ASSERT(rest.name_numbers(static_cast<int>(i)) == kept[i].number);
        RC_ASSERT(rest.scores(static_cast<int>(i)).scores(0) == kept[i].score);
    }
}

TEST(PlacementBatch, WithColumnsThatDoNotMatchIsRefused) {
    const auto good = batch_of({{1, 0, 5}, {1, 1, 5}, {2, 2, 5}});
    const auto refused = [&](const auto& damage) {
        PlacementBatch batch = good;
        damage(batch);
        return !check_batch(batch).has_value();
    };
    EXPECT_FALSE(refused([](PlacementBatch&) {}));
    EXPECT_TRUE(refused([](PlacementBatch& batch) { batch.mutable_ids()->pop_back(); }));
    EXPECT_TRUE(refused([](PlacementBatch& batch) { batch.add_name_numbers(7); }));
    EXPECT_TRUE(refused([](PlacementBatch& batch) { batch.add_scores(); }));
    EXPECT_TRUE(refused([](PlacementBatch& batch) { batch.mutable_nodes(0)->set_count(3); }));
    EXPECT_TRUE(refused([](PlacementBatch& batch) { batch.mutable_nodes(0)->set_id("short"); }));
    EXPECT_TRUE(refused([](PlacementBatch& batch) {
        batch.mutable_nodes(1)->set_count(4294967294U);
        batch.mutable_nodes(0)->set_count(5);
    }));
}

}  // namespace
}  // namespace drover::schema
