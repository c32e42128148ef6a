// CowTree against std::map: whatever is done to a tree and its copies, each behaves like a map of
// its own, and the promises that make in-place edits safe hold after every step.
#include "engine/state/cow_tree.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace drover::state {
namespace {

using Tree = CowTree<int, std::string>;
using Model = std::map<int, std::string>;

Model contents(const Tree& tree) {
    Model out;
    auto range = tree.all();
    for (auto it = range.begin(); it != range.end(); ++it) out.emplace(it.key(), *it);
    return out;
}

Model backwards(const Tree& tree) {
    Model out;
    auto at = tree.end_cursor();
    for (at.previous(); !at.at_end(); at.previous()) out.emplace(at.key(), at.row());
    return out;
}

struct World {
    Tree tree;
    Model model;
};

RC_GTEST_PROP(CowTree, EveryCopyBehavesLikeAMapOfItsOwn, ()) {
    std::vector<World> worlds(1);
    int span = *rc::gen::element(8, 200, 5000);
    int steps = *rc::gen::inRange(0, 1200);
    auto seed = *rc::gen::arbitrary<std::uint32_t>();
    auto dice = [&seed](std::uint32_t bound) {
        seed = seed * 1664525U + 1013904223U;
        return (seed >> 8) % bound;
    };
    for (int step = 0; step < steps; ++step) {
        World& world = worlds[dice(static_cast<std::uint32_t>(worlds.size()))];
        int key = static_cast<int>(dice(static_cast<std::uint32_t>(span)));
        std::uint32_t what = dice(100);
        if (what < 55) {
            std::string row = std::to_string(step);
            auto before = world.tree.put(key, row);
            auto known = world.model.find(key);
            RC_ASSERT(before.has_value() == (known != world.model.end()));
            world.model[key] = row;
        } else if (what < 95) {
            auto before = world.tree.erase(key);
            RC_ASSERT(before.has_value() == (world.model.erase(key) == 1));
        } else if (worlds.size() < 6) {
            worlds.push_back(World{world});
        } else {
            world = World{worlds[dice(6)]};
        }
    }
    for (const World& world : worlds) {
        RC_ASSERT(world.tree.well_formed());
        RC_ASSERT(world.tree.size() == world.model.size());
        RC_ASSERT(contents(world.tree) == world.model);
        RC_ASSERT(backwards(world.tree) == world.model);
        for (int probe = -1; probe <= span; probe += 1 + span / 50) {
            auto at = world.tree.lower_bound(probe);
            auto expected = world.model.lower_bound(probe);
            RC_ASSERT(at.at_end() == (expected == world.model.end()));
            if (!at.at_end()) RC_ASSERT(at.key() == expected->first);
            auto above = world.tree.upper_bound(probe);
            auto expected_above = world.model.upper_bound(probe);
            RC_ASSERT(above.at_end() == (expected_above == world.model.end()));
            if (!above.at_end()) RC_ASSERT(above.key() == expected_above->first);
            RC_ASSERT(world.tree.contains(probe) == world.model.contains(probe));
        }
    }
}

RC_GTEST_PROP(CowTree, VisitsWhatDiffersBetweenTwoCopies, ()) {
    const int span = *rc::gen::element(8, 200, 5000);
    std::uint32_t seed = *rc::gen::arbitrary<std::uint32_t>();
    const auto some_key = [&] {
        seed = seed * 1664525U + 1013904223U;
        return static_cast<int>((seed >> 8) % static_cast<std::uint32_t>(span));
    };
    Tree before;
    for (int i = *rc::gen::inRange(0, 3000); i > 0; --i) before.put(some_key(), "before");
    Tree after = before;
    RC_ASSERT(after.same_as(before));
    const int changes = *rc::gen::inRange(0, 60);
    for (int i = 0; i < changes; ++i) {
        const int key = some_key();
        if (i % 3 == 0)
            after.erase(key);
        else
            after.put(key, "after");
    }
    Model changed = contents(before);  // what the visits make of it must be what is there after
    std::size_t visits = 0;
    int last = -1;
    Tree::visit_changes(before, after, [&](int key, const std::string* was, const std::string* is) {
        RC_ASSERT(key > last);
        last = key;
        ++visits;
        RC_ASSERT((was != nullptr) == changed.contains(key));
        if (was != nullptr) RC_ASSERT(*was == changed[key]);
        if (is != nullptr)
            changed[key] = *is;
        else
            changed.erase(key);
    });
    RC_ASSERT(changed == contents(after));
    // A change copies one leaf, and may join it with another.
    RC_ASSERT(visits <= static_cast<std::size_t>(changes) * 3 * 64);
}

TEST(CowTree, ACopyKeepsWhatItSawWhileTheSourceMovesOn) {
    Tree tree;
    for (int i = 0; i < 10'000; ++i) tree.put(i, "old");
    const Tree copy = tree;
    for (int i = 0; i < 10'000; ++i) tree.put(i, "new");
    for (int i = 0; i < 10'000; i += 3) tree.erase(i);
    EXPECT_EQ(copy.size(), 10'000U);
    for (const std::string& row : copy.all()) ASSERT_EQ(row, "old");
    EXPECT_TRUE(copy.well_formed());
    EXPECT_TRUE(tree.well_formed());
}

TEST(CowTree, TwoWorldsThatForkFromOneFrozenCopyDoNotSeeEachOther) {
    Tree tree;
    for (int i = 0; i < 1000; ++i) tree.put(i, "base");
    Tree frozen = tree;
    frozen.freeze();
    Tree left = frozen;
    Tree right = frozen;
    left.put(500, "left");
    right.put(500, "right");
    tree.put(500, "trunk");
    EXPECT_EQ(*frozen.find(500), "base");
    EXPECT_EQ(*left.find(500), "left");
    EXPECT_EQ(*right.find(500), "right");
    EXPECT_EQ(*tree.find(500), "trunk");
}

TEST(CowTree, BetweenIncludesBothEnds) {
    Tree tree;
    for (int i = 0; i < 1000; i += 2) tree.put(i, std::to_string(i));
    std::vector<std::string> seen;
    for (const std::string& row : tree.between(99, 104)) seen.push_back(row);
    EXPECT_EQ(seen, (std::vector<std::string>{"100", "102", "104"}));
    EXPECT_TRUE(tree.between(99, 99).empty());
    EXPECT_TRUE(tree.from(999).empty());
}

TEST(CowTree, EmptiesToNothingAndFillsAgain) {
    Tree tree;
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 5000; ++i) tree.put(i, "x");
        for (int i = 4999; i >= 0; --i) ASSERT_TRUE(tree.erase(i).has_value());
        EXPECT_TRUE(tree.empty());
        EXPECT_TRUE(tree.well_formed());
        EXPECT_TRUE(tree.all().empty());
    }
}

}  // namespace
}  // namespace drover::state
