#include "engine/client/deadlines.hpp"

#include <gtest/gtest.h>

namespace drover::client {
namespace {

Uuid uuid(std::uint8_t number) {
    Uuid id;
    id.bytes[15] = number;
    return id;
}

Instant at(int seconds) { return Instant{std::chrono::seconds{seconds}}; }

TEST(Deadlines, the_next_is_the_earliest_and_forgets_what_it_was_before) {
    Deadlines deadlines;
    EXPECT_EQ(deadlines.next(), std::nullopt);
    deadlines.set(uuid(1), at(5));
    deadlines.set(uuid(2), at(3));
    EXPECT_EQ(deadlines.next(), at(3));
    deadlines.set(uuid(2), at(9));
    EXPECT_EQ(deadlines.next(), at(5));
    deadlines.set(uuid(1), std::nullopt);
    EXPECT_EQ(deadlines.next(), at(9));
    deadlines.set(uuid(2), std::nullopt);
    EXPECT_EQ(deadlines.next(), std::nullopt);
}

TEST(Deadlines, all_that_are_due_are_named_and_no_other) {
    Deadlines deadlines;
    deadlines.set(uuid(1), at(5));
    deadlines.set(uuid(2), at(3));
    deadlines.set(uuid(3), at(6));
    EXPECT_EQ(deadlines.due(at(2)), std::vector<Uuid>{});
    EXPECT_EQ(deadlines.due(at(5)), (std::vector<Uuid>{uuid(2), uuid(1)}));
}

}  // namespace
}  // namespace drover::client
