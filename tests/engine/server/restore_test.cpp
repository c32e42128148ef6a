// A snapshot that is brought back into a living cluster: all servers stand at the same state again,
// the one of the file, and go on from there.
#include <gtest/gtest.h>

#include "engine/schema/job.pb.h"
#include "engine/server/snapshot.hpp"
#include "tests/engine/server/cluster.hpp"
#include "tests/engine/server/requests.hpp"

namespace drover::server {
namespace {

using namespace std::chrono_literals;

schema::Request save_request() {
    schema::Request request;
    request.mutable_query()->mutable_snapshot();
    return request;
}

schema::Request restore_request(std::string file) {
    schema::Request request;
    request.mutable_restore_snapshot()->set_file(std::move(file));
    return request;
}

std::set<std::string> jobs_of(const Server& server) {
    std::set<std::string> ids;
    const auto view = server.view();
    for (const auto& job : view.tables().jobs.all()) ids.insert(job->id());
    return ids;
}

void write_jobs(Cluster& cluster, const std::string& prefix, int count) {
    for (int i = 0; i < count; ++i) {
        const auto job = service_job(prefix + std::to_string(i), 1);
        cluster.call(cluster.elect(), register_job(job));
    }
}

TEST(Restore, all_servers_stand_at_the_state_of_the_file_and_go_on) {
    Cluster cluster{{3}};
    cluster.elect();
    write_jobs(cluster, "old-", 5);
    const auto saved = cluster.call(cluster.follower(), save_request());
    ASSERT_FALSE(saved.snapshot_file().empty()) << saved.failure().message();
    write_jobs(cluster, "new-", 5);
    cluster.call(cluster.elect(), deregister_job("old-1", true));
    const std::uint64_t before = cluster.server(0).view().applied_index();

    const auto restored = cluster.call(cluster.follower(), restore_request(saved.snapshot_file()));
    ASSERT_TRUE(restored.has_snapshot_restored()) << restored.failure().message();
    EXPECT_GT(restored.snapshot_restored().index(), before) << "an index never goes back";
    cluster.run_for(2s);
    EXPECT_TRUE(cluster.digests_equal());
    const std::set<std::string> old{"old-0", "old-1", "old-2", "old-3", "old-4"};
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(jobs_of(cluster.server(i)), old) << i;
        EXPECT_EQ(cluster.server(i).view().tables().servers.size(), 3U) << i;
        EXPECT_EQ(cluster.server(i).view().table_index(state::Table::evaluations),
                  restored.snapshot_restored().index());
    }
    write_jobs(cluster, "later-", 2);
    cluster.run_for(1s);
    EXPECT_TRUE(cluster.digests_equal());
    EXPECT_EQ(jobs_of(cluster.server(0)).size(), 7U);
}

TEST(Restore, a_cluster_that_is_younger_than_the_file_takes_it_too) {
    std::string file;
    {
        Cluster older{{1}};
        older.elect();
        write_jobs(older, "job-", 40);
        file = older.call(0, save_request()).snapshot_file();
    }
    Cluster cluster{{3}};
    const std::size_t leader = cluster.elect();
    const auto restored = cluster.call(leader, restore_request(file));
    ASSERT_TRUE(restored.has_snapshot_restored()) << restored.failure().message();
    cluster.run_for(1s);
    EXPECT_TRUE(cluster.digests_equal());
    EXPECT_EQ(jobs_of(cluster.server(leader)).size(), 40U);
    const std::uint64_t index = cluster.server(leader).view().applied_index();
    const auto view = cluster.server(leader).view();
    for (const auto& job : view.tables().jobs.all()) {
        EXPECT_LE(job->modify_index(), index) << "of the future: " << job->id();
    }
    // What is written next is newer than all that came with the file.
    cluster.call(leader, register_job(service_job("job-0", 2)));
    EXPECT_GT(cluster.server(leader).view().job({"default", "job-0"})->modify_index(), index);
}

TEST(Restore, who_starts_again_or_comes_late_ends_with_the_same_state) {
    Cluster cluster{{3, [](Config& config) {
                         config.snapshot_threshold_entries = 20;
                         config.snapshot_trailing_entries = 5;
                     }}};
    cluster.elect();
    write_jobs(cluster, "old-", 3);
    const std::string file = cluster.call(cluster.elect(), save_request()).snapshot_file();
    const std::size_t late = cluster.follower();
    cluster.crash(late);
    write_jobs(cluster, "new-", 8);
    ASSERT_TRUE(cluster.call(cluster.elect(), restore_request(file)).has_snapshot_restored());
    write_jobs(cluster, "later-", 30);
    cluster.restart(late);
    cluster.run_for(5s);
    EXPECT_TRUE(cluster.digests_equal());
    for (std::size_t i = 0; i < 3; ++i) cluster.crash(i);
    for (std::size_t i = 0; i < 3; ++i) cluster.restart(i);
    cluster.elect();
    cluster.run_for(2s);
    EXPECT_TRUE(cluster.digests_equal());
    EXPECT_EQ(jobs_of(cluster.server(0)).size(), 33U);
}

// An agent that knows everything up to some index is told no more than what changed since. What a
// restored file says of its allocations is older than that, and must reach it all the same.
TEST(Restore, every_allocation_of_the_file_counts_as_changed_by_it) {
    Cluster cluster{{1}};
    cluster.elect();
    cluster.call(0, register_node(1));
    cluster.call(0, node_status(1, "ready"));
    cluster.call(0, register_job(service_job("web", 3)));
    const auto count = [&] {
        return cluster.call(0, read_allocations("web")).allocations().allocations_size();
    };
    ASSERT_TRUE(cluster.run_until([&] { return count() == 3; }, 10s));
    const std::string file = cluster.call(0, save_request()).snapshot_file();
    cluster.call(0, deregister_job("web", false));
    const auto stopped = [&] {
        for (const auto& row : cluster.server(0).view().allocations_of({"default", "web"})) {
            if (row->body.desired_status() != "stop") return false;
        }
        return true;
    };
    ASSERT_TRUE(cluster.run_until(stopped, 10s));
    schema::Request pull;
    pull.mutable_query()->mutable_node_work()->set_node_id(node_id(1).raw());
    const auto told = cluster.call(0, pull);
    ASSERT_EQ(told.allocations().allocations_size(), 3);
    pull.mutable_query()->mutable_node_work()->set_known_index(told.index());

    const auto restored = cluster.call(0, restore_request(file));
    ASSERT_TRUE(restored.has_snapshot_restored()) << restored.failure().message();
    const std::uint64_t index = restored.snapshot_restored().index();
    const auto view = cluster.server(0).view();
    for (const auto& row : view.allocations_of({"default", "web"})) {
        EXPECT_EQ(row->body.desired_status(), "run");
        EXPECT_EQ(row->body.alloc_modify_index(), index);
        EXPECT_EQ(row->body.modify_index(), index);
    }
    const auto again = cluster.call(0, pull);
    ASSERT_EQ(again.allocations().allocations_size(), 3) << "it must hear that they are to run";
    for (const auto& allocation : again.allocations().allocations()) {
        EXPECT_EQ(allocation.desired_status(), "run");
    }
}

TEST(Restore, a_damaged_file_is_refused_and_changes_nothing) {
    Cluster cluster{{1}};
    cluster.elect();
    write_jobs(cluster, "job-", 3);
    const std::string file = cluster.call(0, save_request()).snapshot_file();
    const auto digest = cluster.server(0).view().digest();
    for (const std::size_t at : {0U, 9U, 40U, 300U}) {
        std::string damaged = file;
        damaged[at % damaged.size()] ^= 1;
        const auto refused = cluster.call(0, restore_request(damaged));
        ASSERT_TRUE(refused.has_failure()) << at;
        EXPECT_EQ(refused.failure().code(), static_cast<std::uint32_t>(Errc::invalid_argument));
    }
    EXPECT_TRUE(cluster.call(0, restore_request("")).has_failure());
    EXPECT_EQ(cluster.server(0).view().digest(), digest);
}

}  // namespace
}  // namespace drover::server
