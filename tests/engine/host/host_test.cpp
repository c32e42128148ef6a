// A cluster lives through bytes alone: elections, writes, reads, crashes, snapshots and tasks.
#include <gtest/gtest.h>

#include "tests/engine/host/group.hpp"
#include "tests/engine/host/requests.hpp"

namespace drover::host {
namespace {

TEST(HostBoundary, three_servers_elect_write_and_read) {
    Group group{3};
    group.run_for(5000 * millisecond);
    ASSERT_TRUE(group.leader());
    const std::size_t follower = (*group.leader() + 1) % 3;
    group.ask(follower, 7, registration("web"));  // passed on to the leader
    group.run_for(500 * millisecond);
    expect_written(group, 7);
    for (std::size_t i = 0; i < 3; ++i) group.ask(i, 10 + i, read_job("web"));
    group.run_for(2000 * millisecond);
    for (std::size_t i = 0; i < 3; ++i) {
        ASSERT_NE(group.answer(10 + i), nullptr) << i;
        EXPECT_EQ(group.answer(10 + i)->job().id(), "web") << i;
    }
    expect_equal(group, {0, 1, 2});
}

TEST(HostBoundary, a_server_comes_back_from_its_bytes) {
    Group group{3};
    group.run_for(5000 * millisecond);
    group.ask(0, 1, registration("before"));
    group.run_for(500 * millisecond);
    expect_written(group, 1);
    const std::size_t victim = (*group.leader() + 1) % 3;
    const std::size_t other = (victim + 1) % 3;
    const std::uint64_t index = group.digest(victim).index();
    group.crash(victim);
    group.ask(other, 2, registration("meanwhile"));
    group.run_for(500 * millisecond);
    expect_written(group, 2);
    ASSERT_TRUE(group.start(victim)) << group.error;
    EXPECT_EQ(group.status(victim).raft().last_index() >= index, true) << "its log was lost";
    group.run_for(5000 * millisecond);
    expect_equal(group, {0, 1, 2});
    group.ask(victim, 3, read_job("meanwhile"));
    group.run_for(500 * millisecond);
    ASSERT_NE(group.answer(3), nullptr);
    EXPECT_EQ(group.answer(3)->job().id(), "meanwhile");
}

TEST(HostBoundary, all_servers_come_back_from_their_bytes_with_the_same_state) {
    Group group{3};
    group.run_for(5000 * millisecond);
    group.ask(0, 1, registration("kept"));
    group.run_for(2000 * millisecond);
    expect_written(group, 1);
    for (std::size_t i = 0; i < 3; ++i) group.crash(i);
    for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(group.start(i)) << group.error;
    group.run_for(5000 * millisecond);
    ASSERT_TRUE(group.leader());
    group.ask(0, 2, read_job("kept"));
    group.run_for(500 * millisecond);
    ASSERT_NE(group.answer(2), nullptr);
    EXPECT_EQ(group.answer(2)->job().id(), "kept");
    expect_equal(group, {0, 1, 2});
}

TEST(HostBoundary, nothing_is_acknowledged_that_no_majority_has_on_disk) {
    Group group{3};
    group.run_for(5000 * millisecond);
    const std::size_t leader = *group.leader();
    for (std::size_t i = 0; i < 3; ++i) group.stall_disk(i, i != leader);
    group.ask(leader, 1, registration("web"));
    group.run_for(300 * millisecond);
    EXPECT_EQ(group.answer(1), nullptr);
}

TEST(HostBoundary, a_server_that_fell_far_behind_is_sent_a_snapshot) {
    wire::ServerConfig config;
    config.set_snapshot_threshold_entries(8);
    config.set_snapshot_trailing_entries(1);
    Group group{3, config};
    group.run_for(5000 * millisecond);
    const std::size_t victim = (*group.leader() + 1) % 3;
    const std::size_t other = (victim + 1) % 3;
    group.crash(victim);
    for (std::uint64_t i = 0; i < 40; ++i) {
        group.ask(other, 100 + i, registration("job-" + std::to_string(i)));
        group.run_for(20 * millisecond);
        expect_written(group, 100 + i);
    }
    EXPECT_EQ(group.snapshots_received, 0U);
    ASSERT_TRUE(group.disk(other).snapshot) << "the others took no snapshot of their own";
    ASSERT_TRUE(group.start(victim)) << group.error;
    group.run_for(5000 * millisecond);
    EXPECT_EQ(group.snapshots_received, 1U);
    expect_equal(group, {0, 1, 2});
    // And it comes back from what that left on its disk.
    group.crash(victim);
    ASSERT_TRUE(group.start(victim)) << group.error;
    group.run_for(5000 * millisecond);
    expect_equal(group, {0, 1, 2});
    EXPECT_TRUE(group.halts.empty());
}

TEST(HostBoundary, a_newer_raft_protocol_on_the_disk_stops_an_older_one) {
    Group group{1};
    group.run_for(3000 * millisecond);
    ASSERT_TRUE(group.disk(0).version_file);
    group.crash(0);
    group.disk(0).version_file = "4";
    ASSERT_FALSE(group.start(0));
    EXPECT_NE(group.error.find("downgrade"), std::string::npos) << group.error;
}

TEST(HostBoundary, a_copy_goes_its_own_way) {
    Group group{1};
    group.run_for(3000 * millisecond);
    drover_engine* copy = nullptr;
    ASSERT_EQ(group.table.copy(group.engine(0), &copy, nullptr), DROVER_OK);
    const std::string before = group.digest(0).digest();
    group.ask(0, 7, registration("web"));
    group.run_for(500 * millisecond);
    EXPECT_NE(group.digest(0).digest(), before);
    drover_buffer out{};
    ASSERT_EQ(group.table.digest(copy, &out, nullptr), DROVER_OK);
    wire::Digest digest;
    ASSERT_TRUE(digest.ParseFromString(take(group.table, out)));
    EXPECT_EQ(digest.digest(), before);
    group.table.destroy(copy);
}

TEST(HostBoundary, a_view_stays_what_it_was_and_outlives_its_engine) {
    Group group{1};
    group.run_for(3000 * millisecond);
    group.ask(0, 1, registration("early"));
    group.run_for(500 * millisecond);
    drover_view* view = nullptr;
    ASSERT_EQ(group.table.view(group.engine(0), &view, nullptr), DROVER_OK);
    group.ask(0, 2, registration("late"));
    group.run_for(500 * millisecond);
    group.crash(0);
    const auto found = [&](const std::string& id) {
        const std::string request = read_job(id).SerializeAsString();
        drover_buffer out{};
        EXPECT_EQ(group.table.query(view, borrow(request), &out, nullptr), DROVER_OK);
        schema::Response response;
        EXPECT_TRUE(response.ParseFromString(take(group.table, out)));
        return response.job().id() == id;
    };
    EXPECT_TRUE(found("early"));
    EXPECT_FALSE(found("late"));
    group.table.release_view(view);
}

TEST(HostBoundary, a_node_agent_runs_what_the_servers_place) {
    Group group{3};
    group.run_for(5000 * millisecond);
    group.add_agent();
    group.run_for(2000 * millisecond);
    group.ask(0, 1, registration("web", 2));
    group.run_for(10000 * millisecond);
    expect_written(group, 1);
    ASSERT_EQ(group.started.size(), 2U);
    EXPECT_EQ(group.started[0].start_task().task().name(), "server");
    schema::Request read;
    read.mutable_query()->mutable_job_allocations()->set_job_id("web");
    group.ask(1, 2, read);
    group.run_for(500 * millisecond);
    ASSERT_NE(group.answer(2), nullptr);
    ASSERT_EQ(group.answer(2)->allocations().allocations_size(), 2);
    for (const auto& allocation : group.answer(2)->allocations().allocations()) {
        EXPECT_EQ(allocation.client_status(), "running");
    }
    drover_buffer out{};
    ASSERT_EQ(group.table.status(group.agent(), &out, nullptr), DROVER_OK);
    wire::Status status;
    ASSERT_TRUE(status.ParseFromString(take(group.table, out)));
    EXPECT_TRUE(status.registered());
    EXPECT_EQ(status.allocations_size(), 2);
}

}  // namespace
}  // namespace drover::host
