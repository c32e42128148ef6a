// What is remembered of a node's latest changes, against a twin that remembers all of them.
#include "engine/state/node_work.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

#include "engine/base/prng.hpp"

namespace drover::state {
namespace {

Uuid uuid(std::uint64_t number) {
    Uuid id;
    for (std::size_t i = 0; i < 8; ++i) {
        id.bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
    }
    return id;
}

// Slow and exact.
struct Twin {
    std::map<Uuid, std::uint64_t> changed_at;  // of those that are stored
    std::uint64_t newest = 1;
    std::uint64_t newest_removal = 0;

    [[nodiscard]] std::vector<Uuid> since(std::uint64_t index) const {
        std::vector<Uuid> ids;
        for (const auto& [id, at] : changed_at) {
            if (at > index) ids.push_back(id);
        }
        return ids;
    }
};

struct Pair {
    NodeWork work;
    Twin twin;

    void change(const Uuid& id, std::uint64_t index) {
        work.changed(id, index, !twin.changed_at.contains(id));
        twin.changed_at[id] = index;
        twin.newest = std::max(twin.newest, index);
    }
    void remove(const Uuid& id, std::uint64_t index) {
        work.removed(id, index);
        twin.changed_at.erase(id);
        twin.newest = std::max(twin.newest, index);
        twin.newest_removal = std::max(twin.newest_removal, index);
    }
    void compare() const {
        RC_ASSERT(work.total() == twin.changed_at.size());
        RC_ASSERT(work.index() == twin.newest);
        RC_ASSERT(work.knows_since(work.index()));
        for (std::uint64_t index = 1; index <= twin.newest; ++index) {
            if (!work.knows_since(index)) continue;
            RC_ASSERT(twin.newest_removal <= index);
            RC_ASSERT(work.since(index) == twin.since(index));
        }
    }
};

// A state is first read from a snapshot, row by row in the order of ids, and then moves on by
// entries, of which one may change several allocations. Some ids come back, and some removals have
// no index.
RC_GTEST_PROP(NodeWork, KnowsWhatATwinKnowsOrSaysThatItDoesNot, (std::uint64_t seed)) {
    Prng prng{seed};
    Pair pair;
    const std::uint64_t stored = prng.below(40);
    for (std::uint64_t i = 0; i < stored; ++i) pair.change(uuid(i), 1 + prng.below(50));
    pair.compare();
    std::uint64_t index = pair.twin.newest;
    for (int step = 0; step < 60; ++step) {
        index += prng.below(3);
        const Uuid id = uuid(prng.below(50));
        const bool known = pair.twin.changed_at.contains(id);
        if (known && prng.below(6) == 0) {
            pair.remove(id, prng.below(3) == 0 ? 0 : index);
        } else {
            pair.change(id, std::max(index, known ? pair.twin.changed_at[id] : index));
        }
        pair.compare();
    }
}

// Else it would be of no use: a pull comes a few times a second.
RC_GTEST_PROP(NodeWork, KnowsAtLeastTheLatestSixteen, (std::uint64_t seed)) {
    Prng prng{seed};
    Pair pair;
    for (std::uint64_t i = 0; i < 30; ++i) pair.change(uuid(i), 2 + i);
    const std::uint64_t known = pair.twin.newest;
    for (std::uint64_t i = 0; i < 16; ++i) pair.change(uuid(prng.below(60)), known + 1 + i / 3);
    RC_ASSERT(pair.work.knows_since(known));
    RC_ASSERT(pair.work.since(known) == pair.twin.since(known));
}

TEST(NodeWork, who_may_hold_what_was_removed_needs_the_whole_list) {
    Pair pair;
    pair.change(uuid(1), 5);
    pair.change(uuid(2), 6);
    pair.remove(uuid(1), 7);
    EXPECT_FALSE(pair.work.knows_since(6));
    EXPECT_TRUE(pair.work.knows_since(7));
    EXPECT_EQ(pair.work.since(7), std::vector<Uuid>{});
    EXPECT_EQ(pair.work.total(), 1U);
}

}  // namespace
}  // namespace drover::state
