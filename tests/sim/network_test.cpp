// Links, cuts and disturbances.
#include "sim/network.hpp"

#include <gtest/gtest.h>

namespace drover::sim {
namespace {

LinkOptions fixed_delay() {
    return {{Distribution::Kind::fixed, std::chrono::milliseconds{1}, {}, {}}, {}, {}, {}};
}

TEST(Network, a_cut_is_one_way_or_both_ways_and_ends) {
    Network network{Prng{1}, fixed_delay(), fixed_delay(), 3};
    const auto one_way = network.add_cut({0}, {1, 2}, true);
    EXPECT_TRUE(network.send(0, 1).empty());
    EXPECT_EQ(network.send(1, 0).size(), 1U);
    const auto both = network.add_cut({0}, {1}, false);
    EXPECT_TRUE(network.send(1, 0).empty());
    network.remove_cut(one_way);
    EXPECT_TRUE(network.send(0, 1).empty());
    EXPECT_EQ(network.send(0, 2).size(), 1U);
    network.remove_cut(both);
    EXPECT_EQ(network.send(0, 1).size(), 1U);
    EXPECT_EQ(network.counts().cut, 3U);
}

TEST(Network, what_one_link_draws_does_not_move_another) {
    LinkOptions link = fixed_delay();
    link.loss = Chance{300'000};
    Network quiet{Prng{5}, link, link, 3};
    Network busy{Prng{5}, link, link, 3};
    for (int i = 0; i < 100; ++i) busy.send(1, 2);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(quiet.send(0, 1), busy.send(0, 1));
}

TEST(Network, loss_and_duplication_come_about_as_often_as_asked) {
    LinkOptions link = fixed_delay();
    link.loss = Chance{100'000};
    link.duplicate = Chance{200'000};
    Network network{Prng{7}, link, link, 2};
    for (int i = 0; i < 10'000; ++i) network.send(0, 1);
    EXPECT_NEAR(static_cast<double>(network.counts().lost), 1000, 150);
    EXPECT_NEAR(static_cast<double>(network.counts().duplicated), 1800, 200);
}

}  // namespace
}  // namespace drover::sim
