// Whatever the network and the disks do, the properties of the paper's figure 3 hold, and a healed
// group goes on. And the two bugs that we can switch on are found by exactly this.
#include <gtest/gtest.h>

#include "tests/engine/raft/cluster.hpp"

namespace drover::raft {
namespace {

struct Outcome {
    std::uint64_t seed{};
    std::string failure;
};

// The first seed in [1, seeds] that ends badly.
std::optional<Outcome> first_failure(const ClusterOptions& options, std::uint64_t seeds,
                                     int steps = 5000) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        Cluster cluster{options, seed};
        for (int i = 0; i < steps && !cluster.failure(); ++i) cluster.step();
        if (!cluster.failure()) cluster.heal_and_converge();
        if (cluster.failure()) return Outcome{seed, *cluster.failure()};
    }
    return std::nullopt;
}

void expect_sound(const ClusterOptions& options, std::uint64_t seeds) {
    const auto failure = first_failure(options, seeds);
    EXPECT_FALSE(failure) << "seed " << failure->seed << ": " << failure->failure;
}

TEST(Property, three_members_stay_safe_and_recover) { expect_sound({}, 60); }

TEST(Property, a_single_member_stays_safe_and_recovers) {
    ClusterOptions options;
    options.servers = 1;
    expect_sound(options, 20);
}

TEST(Property, five_members_without_pre_vote_and_check_quorum_stay_safe) {
    ClusterOptions options;
    options.servers = 5;
    options.config.pre_vote = false;
    options.config.check_quorum = false;
    expect_sound(options, 30);
}

TEST(Property, tiny_limits_change_nothing_but_the_pace) {
    ClusterOptions options;
    options.config.max_message_bytes = 1;
    options.config.max_inflight_messages = 1;
    options.config.max_inflight_bytes = 1;
    options.config.max_applying_bytes = 1;
    options.config.max_uncommitted_bytes = 16;
    options.config.max_pending_reads = 2;
    options.snapshots = true;
    expect_sound(options, 30);
}

TEST(Property, messages_that_are_not_coalesced_are_as_safe) {
    ClusterOptions options;
    options.config.coalesce = false;
    options.config.write_commit_alone = true;
    options.snapshots = true;
    expect_sound(options, 30);
}

TEST(Property, writes_that_carry_the_messages_which_rest_on_them_are_as_safe) {
    ClusterOptions options;
    options.servers = 3;
    options.spare = 2;
    options.membership = true;
    options.config.explicit_writes = true;
    options.config.coalesce = false;
    options.snapshots = true;
    options.config.snapshot_retry_ticks = 5;
    expect_sound(options, 60);
}

TEST(Property, snapshots_and_truncation_keep_every_member_equal) {
    ClusterOptions options;
    options.snapshots = true;
    options.config.snapshot_retry_ticks = 5;
    expect_sound(options, 60);
}

TEST(Property, members_come_and_go_safely) {
    ClusterOptions options;
    options.servers = 3;
    options.spare = 2;
    options.membership = true;
    options.snapshots = true;
    options.config.snapshot_retry_ticks = 5;
    expect_sound(options, 60);
}

TEST(Property, a_group_whose_leaders_fall_all_the_time_stays_safe) {
    ClusterOptions options;
    options.servers = 5;
    options.churn = true;
    options.config.pre_vote = false;
    options.config.check_quorum = false;
    options.config.max_message_bytes = 1;
    expect_sound(options, 30);
}

TEST(Property, the_runs_are_not_idle) {
    ClusterOptions options;
    options.spare = 2;
    options.membership = true;
    options.snapshots = true;
    std::uint64_t committed = 0;
    std::uint64_t reads = 0;
    std::uint64_t snapshots = 0;
    std::uint64_t changes = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Cluster cluster{options, seed};
        for (int i = 0; i < 10000; ++i) cluster.step();
        committed += cluster.committed_count();
        reads += cluster.reads_answered();
        snapshots += cluster.snapshots_installed();
        changes += cluster.conf_changes_applied();
    }
    EXPECT_GT(committed, 400U);
    EXPECT_GT(reads, 40U);
    EXPECT_GT(snapshots, 5U);
    EXPECT_GT(changes, 100U);
}

TEST(Property, acknowledging_before_the_write_is_found) {
    ClusterOptions options;
    options.config.sabotage.acknowledge_early = true;
    const auto failure = first_failure(options, 400);
    ASSERT_TRUE(failure);
}

TEST(Property, counting_replicas_of_an_old_term_is_found) {
    ClusterOptions options;
    options.servers = 5;
    options.config.sabotage.commit_old_term = true;
    options.churn = true;
    options.config.pre_vote = false;
    options.config.check_quorum = false;
    // Else a new leader's own entry always travels along with the old ones.
    options.config.max_message_bytes = 1;
    options.config.max_inflight_messages = 2;
    const auto failure = first_failure(options, 600);
    ASSERT_TRUE(failure);
}

TEST(Property, the_same_seed_gives_the_same_run) {
    ClusterOptions options;
    options.snapshots = true;
    Cluster one{options, 7};
    Cluster two{options, 7};
    for (int i = 0; i < 2000; ++i) {
        one.step();
        two.step();
    }
    EXPECT_EQ(one.committed_count(), two.committed_count());
    EXPECT_EQ(one.now(), two.now());
    EXPECT_EQ(one.network(), two.network());
}

}  // namespace
}  // namespace drover::raft
