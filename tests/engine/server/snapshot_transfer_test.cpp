// Parts of a snapshot get lost, doubled, late, and those who exchange them die: what arrives is the
// file or nothing, and it arrives as long as something gets through.
#include "engine/server/snapshot_transfer.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <string>

#include "engine/base/prng.hpp"

namespace drover::server {
namespace {

using namespace std::chrono_literals;

constexpr raft::RaftId leader{1};
constexpr raft::RaftId follower{2};
const TransferLimits limits{.part_bytes = 10, .window_bytes = 40, .patience = 100ms};

raft::Message announcement(std::uint64_t index, std::string file) {
    const raft::SnapshotMeta meta{
        raft::Index{index}, raft::Term{3}, {{leader, follower}, {}, {}, {}}};
    return {leader, follower, raft::Term{4},
            raft::MsgSnap{{meta, std::make_shared<const std::string>(std::move(file))}}};
}

std::string file_of(std::size_t size, char first = 'a') {
    std::string file;
    for (std::size_t i = 0; i < size; ++i) file += static_cast<char>(first + i % 23);
    return file;
}

// A sender and a receiver; the network is what the test makes of `to_follower` and `to_leader`.
struct Pair {
    explicit Pair(raft::Message of) : sending{std::move(of), Instant{}, limits} {}

    void send() {
        for (SnapshotPart& part : sending.due(now)) to_follower.push_back(std::move(part));
    }
    void deliver_part(const SnapshotPart& part) {
        const auto meta = std::get<raft::MsgSnap>(part.announcement.body).snapshot.meta;
        const std::uint64_t held = got ? part.size : receiving.take(part);
        if (raft::SharedBytes whole = receiving.take_whole()) got = std::move(whole);
        to_leader.push_back({meta.id(), part.round, held});
    }
    void deliver_all() {
        for (; !to_follower.empty(); to_follower.pop_front()) deliver_part(to_follower.front());
        for (; !to_leader.empty(); to_leader.pop_front()) sending.heard(now, to_leader.front());
    }

    Instant now{};
    SnapshotSending sending;
    SnapshotReceiving receiving;
    std::deque<SnapshotPart> to_follower;
    std::deque<SnapshotReceived> to_leader;
    raft::SharedBytes got;
};

TEST(SnapshotTransfer, a_file_arrives_in_parts_whatever_its_size) {
    for (const std::size_t size : {0U, 1U, 9U, 10U, 11U, 40U, 399U, 1000U}) {
        Pair pair{announcement(7, file_of(size))};
        for (int turn = 0; turn < 200 && !pair.sending.done(); ++turn) {
            pair.send();
            EXPECT_LE(pair.to_follower.size(), 4U) << "more than the window is under way";
            pair.deliver_all();
        }
        EXPECT_TRUE(pair.sending.done()) << size;
        ASSERT_TRUE(pair.got) << size;
        EXPECT_EQ(*pair.got, file_of(size));
        EXPECT_FALSE(pair.receiving.receiving()) << "what is whole is not held twice";
    }
}

TEST(SnapshotTransfer, a_cut_link_goes_on_with_the_part_at_which_it_stopped) {
    Pair pair{announcement(7, file_of(300))};
    for (int turn = 0; turn < 3; ++turn) {
        pair.send();
        pair.deliver_all();
    }
    pair.send();
    const std::uint64_t lost_from = pair.to_follower.front().offset;
    ASSERT_GT(lost_from, 0U);
    pair.to_follower.clear();
    pair.send();
    EXPECT_TRUE(pair.to_follower.empty()) << "the window is full until something is heard";
    pair.now += limits.patience;
    pair.send();
    ASSERT_EQ(pair.to_follower.size(), 1U) << "one question, not a flood";
    EXPECT_EQ(pair.to_follower.front().offset, lost_from);
    for (int turn = 0; turn < 20; ++turn) {
        pair.deliver_all();
        pair.send();
    }
    ASSERT_TRUE(pair.got);
    EXPECT_EQ(*pair.got, file_of(300));
}

TEST(SnapshotTransfer, a_receiver_that_lost_everything_is_sent_everything_again) {
    Pair pair{announcement(7, file_of(300))};
    for (int turn = 0; turn < 3; ++turn) {
        pair.send();
        pair.deliver_all();
    }
    pair.receiving = {};
    for (int turn = 0; turn < 40; ++turn, pair.now += limits.patience / 2) {
        pair.send();
        pair.deliver_all();
    }
    ASSERT_TRUE(pair.got);
    EXPECT_EQ(*pair.got, file_of(300));
}

TEST(SnapshotTransfer, a_new_leader_with_the_same_file_goes_on_where_the_old_one_stopped) {
    Pair pair{announcement(7, file_of(300))};
    for (int turn = 0; turn < 3; ++turn) {
        pair.send();
        pair.deliver_all();
    }
    pair.now += 1s;
    pair.sending = SnapshotSending{announcement(7, file_of(300)), pair.now, limits};
    pair.send();
    pair.deliver_all();
    pair.send();
    EXPECT_GT(pair.to_follower.front().offset, 10U);
    // Another file of the same place in the log is another file.
    pair.sending = SnapshotSending{announcement(7, file_of(300, 'b')), pair.now + 1s, limits};
    pair.to_follower.clear();
    pair.send();
    pair.deliver_all();
    pair.send();
    EXPECT_EQ(pair.to_follower.front().offset, 10U);
}

TEST(SnapshotTransfer, it_is_given_up_on_a_follower_that_never_answers) {
    SnapshotTransfers transfers{limits};
    transfers.begin(Instant{}, announcement(7, file_of(100)));
    EXPECT_EQ(transfers.oldest(), raft::Index{7});
    transfers.begin(Instant{}, announcement(9, file_of(100)));
    EXPECT_EQ(transfers.oldest(), raft::Index{7}) << "the older one is further on";
    Instant now{};
    std::vector<raft::RaftId> unreachable;
    for (int turn = 0; turn < 100 && unreachable.empty(); ++turn) {
        unreachable = transfers.due(now).unreachable;
        if (const auto next = transfers.next_deadline()) now = *next;
    }
    EXPECT_EQ(unreachable, std::vector{follower});
    EXPECT_FALSE(transfers.oldest());
    EXPECT_EQ(now, Instant{} + limits.patience * limits.fruitless_rounds_max);
}

TEST(SnapshotTransfer, the_log_is_owed_to_a_follower_until_it_is_fed_from_it_again) {
    struct Case {
        raft::ProgressState state;
        Duration after;
        bool owed;
        const char* why;
    };
    const Case cases[]{
        {raft::ProgressState::snapshot, 0ms, true, "it holds the file and is loading it"},
        {raft::ProgressState::probe, 0ms, true, "it has not said yet where it is"},
        {raft::ProgressState::replicate, 0ms, false, "it is fed from the log"},
        {raft::ProgressState::snapshot, limits.load_patience, false, "it took too long"},
    };
    for (const Case& one : cases) {
        SnapshotTransfers transfers{limits};
        transfers.begin(Instant{}, announcement(7, "file"));
        const auto due = transfers.due(Instant{});
        ASSERT_EQ(due.parts.size(), 1U);
        transfers.heard(Instant{}, follower,
                        {{raft::Term{3}, raft::Index{7}}, due.parts.front().round, 4});
        EXPECT_FALSE(transfers.next_deadline()) << "all of it is there";
        std::map<raft::RaftId, raft::Progress> followers;
        followers.emplace(follower, raft::Progress{raft::Index{8}, raft::Inflights{1, 0}});
        followers.at(follower).state = one.state;
        transfers.settle(Instant{} + one.after, followers);
        EXPECT_EQ(transfers.oldest().has_value(), one.owed) << one.why;
        transfers.settle(Instant{}, {});
        EXPECT_FALSE(transfers.oldest()) << "it is no member any more";
    }
}

TEST(SnapshotTransfer, a_part_that_says_it_is_larger_than_the_file_adds_nothing) {
    SnapshotReceiving receiving;
    SnapshotPart part{announcement(7, ""), 5, 0, 1, 0, {}};
    part.bytes = raft::Payload{std::make_shared<const std::string>("too long")};
    EXPECT_EQ(receiving.take(part), 0U);
    EXPECT_FALSE(receiving.take_whole());
}

// The network loses, doubles and turns around what it carries, and now and then one side dies.
RC_GTEST_PROP(SnapshotTransfer, arrives_whole_or_not_at_all, (std::uint64_t seed)) {
    Prng prng{seed};
    const std::string file = file_of(*rc::gen::inRange<std::size_t>(0, 500));
    const auto loss = *rc::gen::inRange<std::uint64_t>(0, 40);  // per cent
    const bool deaths = *rc::gen::arbitrary<bool>();
    Pair pair{announcement(7, file)};
    for (int turn = 0; turn < 2000 && !pair.sending.done(); ++turn, pair.now += 10ms) {
        pair.send();
        if (deaths && turn < 500 && prng.below(50) == 0) pair.receiving = {};
        if (deaths && turn < 500 && prng.below(80) == 0) {
            pair.sending = SnapshotSending{announcement(7, file), pair.now, limits};
        }
        const auto carry = [&](auto& queue, const auto& deliver) {
            while (!queue.empty()) {
                const std::size_t which = prng.below(std::min<std::size_t>(queue.size(), 3));
                const auto one = queue[which];
                if (prng.below(10) != 0) queue.erase(queue.begin() + static_cast<long>(which));
                if (prng.below(100) >= loss) deliver(one);
                if (prng.below(4) == 0) break;  // the rest comes later
            }
        };
        carry(pair.to_follower, [&](const SnapshotPart& part) { pair.deliver_part(part); });
        carry(pair.to_leader,
              [&](const SnapshotReceived& one) { pair.sending.heard(pair.now, one); });
        if (pair.got) RC_ASSERT(*pair.got == file);
    }
    RC_ASSERT(pair.got != nullptr);
    RC_ASSERT(pair.sending.done());
}

}  // namespace
}  // namespace drover::server
