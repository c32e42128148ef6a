// The small vocabulary of the engine: strong numbers, randomness, identities.
#include <gtest/gtest.h>

#include <set>

#include "engine/base/prng.hpp"
#include "engine/base/uuid.hpp"

namespace drover {
namespace {

using Apple = Strong<struct AppleTag>;
using Pear = Strong<struct PearTag>;
static_assert(!std::is_convertible_v<Apple, Pear>);

TEST(Prng, the_sequence_of_a_seed_never_changes) {
    Prng prng{42};
    EXPECT_EQ(prng.next(), 1546998764402558742ULL);
    EXPECT_EQ(prng.next(), 6990951692964543102ULL);
}

TEST(Prng, a_stream_depends_on_seed_and_name_and_not_on_what_was_drawn) {
    Prng fresh{7};
    Prng used{7};
    for (int i = 0; i < 10; ++i) used.next();
    EXPECT_EQ(fresh.stream("links", 3).next(), used.stream("links", 3).next());
    EXPECT_NE(fresh.stream("links", 3).next(), fresh.stream("links", 4).next());
    EXPECT_NE(fresh.stream("links").next(), fresh.stream("disks").next());
}

TEST(Prng, below_reaches_every_value_and_no_other) {
    Prng prng{1};
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(prng.below(7));
    EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 1, 2, 3, 4, 5, 6}));
}

TEST(Uuid, text_round_trips_and_its_first_eight_characters_differ_within_a_millisecond) {
    Prng prng{3};
    const Uuid first = Uuid::mint(WallTime{1'700'000'000'000'000'000}, prng);
    const Uuid second = Uuid::mint(WallTime{1'700'000'000'000'000'001}, prng);
    EXPECT_EQ(Uuid::from_text(first.text()), first);
    EXPECT_EQ(Uuid::from_raw(first.raw()), first);
    EXPECT_NE(first.text().substr(0, 8), second.text().substr(0, 8));
}

TEST(Uuid, ids_order_by_the_time_they_were_minted) {
    Prng prng{3};
    const Uuid early = Uuid::mint(WallTime{1'700'000'000'000'000'000}, prng);
    const Uuid late = Uuid::mint(WallTime{1'700'000'000'001'000'000}, prng);
    EXPECT_LT(early, late);
}

TEST(Uuid, a_beginning_of_its_text_bounds_the_ids_that_have_it) {
    Prng prng{2};
    for (int i = 0; i < 50; ++i) {
        const Uuid id = Uuid::mint(WallTime{1'700'000'000'000'000'000}, prng);
        EXPECT_EQ(id.shown().id(), id);
        std::string text = id.text();
        if (i % 2 == 0) std::ranges::transform(text, text.begin(), ::toupper);
        for (std::size_t length = 0; length <= text.size(); ++length) {
            const auto range = shown_range(text.substr(0, length));
            ASSERT_TRUE(range.has_value()) << text.substr(0, length);
            EXPECT_LE(range->first, id.shown());
            EXPECT_LE(id.shown(), range->last);
            EXPECT_EQ(range->first == range->last, length >= 36);
        }
        const Uuid other = Uuid::mint(WallTime{1'700'000'000'000'000'000}, prng);
        const auto eight = shown_range(id.text().substr(0, 8));
        const bool inside = eight->first <= other.shown() && other.shown() <= eight->last;
        EXPECT_EQ(inside, other.text().starts_with(id.text().substr(0, 8)));
    }
    for (const char* none :
         {"x", "0000000-", "000000000", "00000000-0000-0000-0000-0000000000000"}) {
        EXPECT_FALSE(shown_range(none).has_value()) << none;
    }
}

TEST(Uuid, malformed_text_is_refused) {
    for (const char* text :
         {"", "1234", "zzzzzzzz-0000-0000-0000-000000000000",
          "00000000+0000-0000-0000-000000000000", "00000000-0000-0000-0000-0000000000000"}) {
        EXPECT_FALSE(Uuid::from_text(text)) << text;
    }
}

}  // namespace
}  // namespace drover
