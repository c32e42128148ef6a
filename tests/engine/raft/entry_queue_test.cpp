// The queue against a vector that nobody is clever about.
#include "engine/raft/entry_queue.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace drover::raft {
namespace {

RC_GTEST_PROP(EntryQueue, is_a_vector_whose_beginning_can_be_cut_off, ()) {
    EntryQueue queue;
    std::vector<Entry> twin;
    std::uint64_t last = 0;
    const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 10));
    for (const int step : steps) {
        if (step < 7) {
            Entry entry{Term{1}, Index{++last}, EntryKind::normal,
                        std::make_shared<const std::string>(std::to_string(last))};
            queue.push_back(entry);
            twin.push_back(entry);
        } else if (step < 9) {
            const auto count = *rc::gen::inRange<std::size_t>(0, twin.size() + 1);
            queue.drop(count);
            twin.erase(twin.begin(), twin.begin() + static_cast<std::ptrdiff_t>(count));
        } else {
            const auto size = *rc::gen::inRange<std::size_t>(0, twin.size() + 1);
            queue.shorten_to(size);
            twin.resize(size);
        }
        RC_ASSERT((std::vector<Entry>{queue.begin(), queue.end()} == twin));
        RC_ASSERT(queue.empty() == twin.empty());
    }
}

TEST(EntryQueue, lets_go_of_the_bytes_of_what_is_cut_off) {
    const auto bytes = std::make_shared<const std::string>("bytes");
    EntryQueue queue;
    for (std::uint64_t i = 1; i <= 8; ++i) {
        queue.push_back({Term{1}, Index{i}, EntryKind::normal, bytes});
    }
    queue.drop(3);
    EXPECT_EQ(bytes.use_count(), 1 + 5);
    queue.drop(5);
    EXPECT_EQ(bytes.use_count(), 1);
}

}  // namespace
}  // namespace drover::raft
