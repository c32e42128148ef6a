#include "engine/control/heartbeats.hpp"

#include <gtest/gtest.h>

namespace drover::control {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{};

Uuid node(std::uint16_t number) {
    Uuid id;
    id.bytes[14] = static_cast<std::uint8_t>(number >> 8);
    id.bytes[15] = static_cast<std::uint8_t>(number);
    return id;
}

TEST(Heartbeats, time_to_live_stretches_with_the_number_of_nodes) {
    struct Row {
        const char* why;
        std::uint16_t nodes;
        Duration least;
    };
    const Row rows[]{
        {"few nodes: the minimum", 10, 10s},
        {"exactly as many as the rate allows", 500, 10s},
        {"a thousand at fifty a second", 1000, 20s},
    };
    for (const Row& row : rows) {
        Heartbeats heartbeats{Config{}, Prng{1}};
        for (std::uint16_t i = 0; i < row.nodes; ++i) (void)heartbeats.heard_of(node(i), start);
        for (std::uint16_t i = 0; i < 100; ++i) {
            const Duration ttl = heartbeats.heard_of(node(0), start);
            EXPECT_GE(ttl, row.least) << row.why;
            EXPECT_LE(ttl, row.least * 2) << row.why;
        }
    }
}

TEST(Heartbeats, a_node_expires_a_grace_after_what_it_was_told_and_only_once) {
    Heartbeats heartbeats{Config{}, Prng{1}};
    const Duration ttl = heartbeats.heard_of(node(1), start);
    EXPECT_EQ(heartbeats.next_deadline(), start + ttl + 10s);
    EXPECT_TRUE(heartbeats.expired(start + ttl + 10s - 1ns).empty());
    EXPECT_EQ(heartbeats.expired(start + ttl + 10s), std::vector<Uuid>{node(1)});
    EXPECT_TRUE(heartbeats.expired(start + 1h).empty());
    EXPECT_EQ(heartbeats.next_deadline(), std::nullopt);
}

TEST(Heartbeats, each_word_of_a_node_starts_its_time_anew) {
    Heartbeats heartbeats{Config{}, Prng{1}};
    (void)heartbeats.heard_of(node(1), start);
    (void)heartbeats.heard_of(node(1), start + 15s);
    EXPECT_TRUE(heartbeats.expired(start + 30s).empty());
}

TEST(Heartbeats, a_new_leader_grants_every_node_plenty_of_time) {
    Heartbeats heartbeats{Config{}, Prng{1}};
    heartbeats.take_over(node(1), start);
    EXPECT_EQ(heartbeats.next_deadline(), start + 300s);
}

TEST(Heartbeats, a_forgotten_node_never_expires) {
    Heartbeats heartbeats{Config{}, Prng{1}};
    (void)heartbeats.heard_of(node(1), start);
    heartbeats.forget(node(1));
    EXPECT_TRUE(heartbeats.expired(start + 1h).empty());
}

}  // namespace
}  // namespace drover::control
