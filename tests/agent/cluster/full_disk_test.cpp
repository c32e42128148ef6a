// Real servers whose disk is full, or does not sync: what they could not store they do not
// acknowledge, they stop and say why, and they come back with all that they acknowledged.
#include <gtest/gtest.h>

#include "tests/agent/cluster/cluster.hpp"
#include "tests/agent/cluster/damage.hpp"
#include "tests/agent/cluster/lone_server.hpp"
#include "tests/agent/cluster/small_disk.hpp"

namespace drover::agent::cluster {
namespace {

namespace fs = std::filesystem;

fs::path data_of(const Machine& machine) { return machine.directory() / "data"; }

// A job that fills a disk.
Json large_job(const std::string& id) {
    Json body = register_job(id, 1, 0);
    Json job = at(body, {"Job"});
    job.set("Meta", Json::Object{{"ballast", std::string(100'000, 'm')}});
    body.set("Job", std::move(job));
    return body;
}

std::set<std::string> ids(Machine& machine) {
    std::set<std::string> ids;
    std::optional<Json> jobs;
    EXPECT_TRUE(eventually([&] {
        jobs = machine.api().get("/v1/jobs?consistent");
        return jobs.has_value();
    }));
    if (jobs) {
        for (const Json& one : items(*jobs)) ids.insert(text(one, {"ID"}));
    }
    return ids;
}

struct Told {
    std::set<std::string> done, refused;
};

// Until the server goes, or refuses for good.
Told write_until_refused(Machine& machine, const std::string& prefix) {
    Told told;
    Api api = machine.api();
    for (int i = 0; i < 1000 && machine.runs(); ++i) {
        const std::string id = prefix + std::to_string(i);
        const Written::Fate fate = api.register_job(large_job(id)).fate;
        if (fate == Written::Fate::done) told.done.insert(id);
        if (fate == Written::Fate::refused) told.refused.insert(id);
        if (fate != Written::Fate::done) break;
    }
    return told;
}

void expect_all_of(const Told& told, Machine& machine) {
    const auto there = ids(machine);
    for (const auto& id : told.done) EXPECT_TRUE(there.contains(id)) << id << " was acknowledged";
    for (const auto& id : told.refused) EXPECT_FALSE(there.contains(id)) << id << " was refused";
}

TEST(FullDisk, a_server_that_cannot_write_stops_and_comes_back_with_all_that_it_acknowledged) {
    if (!SmallDisk::refusal().empty()) GTEST_SKIP() << SmallDisk::refusal();
    SmallDisk disk;
    LoneServer server{"", [&](const Machine& machine) {
                          disk.mount(data_of(machine), 32 << 10, machine.directory().parent_path());
                      }};
    server.register_jobs(3);
    disk.fill(1 << 10);
    const Told told = write_until_refused(server.machine(), "large-");
    EXPECT_GT(told.done.size(), 2U);
    EXPECT_EQ(server.machine().wait_for_end(), 1);
    expect_told(content_of(server.machine().log()),
                {"writing the log failed", "/server/raft/store", "No space left on device",
                 "bytes are free", "make room on that file system", "stopped for good"});

    disk.fill(0);
    expect_told(refusal_of(server.machine()), {"Error starting agent", "/server/raft/",
                                               "No space left on device (", "bytes are free"});

    disk.free();
    server.machine().start();
    expect_all_of(told, server.machine());
    EXPECT_EQ(server.machine().api().register_job(register_job("after", 1, 0)).fate,
              Written::Fate::done);
}

TEST(FullDisk, of_three_servers_the_other_two_go_on_and_the_third_catches_up) {
    if (!SmallDisk::refusal().empty()) GTEST_SKIP() << SmallDisk::refusal();
    Cluster cluster;
    std::array<SmallDisk, 3> disks;
    for (std::size_t i = 0; i < 3; ++i) {
        disks.at(i).mount(data_of(cluster.server(i)), 32 << 10);
        cluster.server(i).start();
    }
    ASSERT_TRUE(eventually([&] { return cluster.leader().has_value(); }));
    const std::size_t full = *cluster.leader();
    disks.at(full).fill(1 << 10);
    const Told told = write_until_refused(cluster.server(full), "large-");
    EXPECT_EQ(cluster.server(full).wait_for_end(), 1);
    ASSERT_TRUE(eventually([&] { return cluster.leader().has_value(); }));
    Machine& other = cluster.server(*cluster.leader());
    EXPECT_EQ(other.api().register_job(register_job("meanwhile", 1, 0)).fate, Written::Fate::done);
    expect_all_of(told, other);

    disks.at(full).free();
    cluster.server(full).start();
    EXPECT_TRUE(eventually([&] { return cluster.agrees(); }));
    expect_all_of(told, cluster.server(full));
}

TEST(FullDisk, a_snapshot_that_finds_no_room_is_reported_and_tried_again_and_stops_nothing) {
    if (!SmallDisk::refusal().empty()) GTEST_SKIP() << SmallDisk::refusal();
    SmallDisk disk;
    LoneServer server{"  raft_snapshot_threshold = 20\n", [&](const Machine& machine) {
                          disk.mount(raft_of(machine) / "snapshots", 64,
                                     machine.directory().parent_path());
                      }};
    const auto told = [&] {
        return content_of(server.machine().log()).find("saving the snapshot at index ") !=
               std::string::npos;
    };
    server.register_jobs(40);
    ASSERT_TRUE(eventually(told));
    expect_told(content_of(server.machine().log()),
                {"/server/raft/snapshots: there is no room for ", "of 65536 bytes are free",
                 "make room on that file system; it is tried again later"});
    EXPECT_TRUE(fs::is_empty(raft_of(server.machine()) / "snapshots"));
    EXPECT_TRUE(server.machine().runs());

    disk.resize(32 << 10);
    for (int i = 0; i < 20; ++i) {
        ASSERT_EQ(
            server.machine().api().register_job(register_job("b" + std::to_string(i), 1, 0)).fate,
            Written::Fate::done);
    }
    EXPECT_TRUE(eventually(
        [&] { return !files_in(raft_of(server.machine()) / "snapshots", ".snapshot").empty(); }));
}

// The disk fails once and is well again: what it did with the bytes before is not known.
TEST(FailedSync, the_first_one_stops_the_server_though_the_disk_recovers) {
    const fs::path order =
        fs::temp_directory_path() / ("drover-sync-" + std::to_string(::getpid()));
    ::setenv("LD_PRELOAD", DROVER_FAILING_SYNC, 1);
    ::setenv("DROVER_FAIL_SYNC", order.c_str(), 1);
    LoneServer server{""};
    ::unsetenv("LD_PRELOAD");
    server.register_jobs(3);
    std::ofstream{order} << "/server/raft/store/";
    const Told told = write_until_refused(server.machine(), "large-");
    EXPECT_TRUE(told.done.empty()) << "acknowledged without a sync";
    EXPECT_EQ(server.machine().wait_for_end(), 1);
    EXPECT_FALSE(fs::exists(order)) << "no sync was failed";
    fs::remove(order);
    expect_told(content_of(server.machine().log()),
                {"writing the log failed", "/server/raft/store", "Input/output error",
                 "check free space, permissions and the disk's health", "stopped for good"});
    server.machine().start();
    EXPECT_GE(ids(server.machine()).size(), 3U);
}

}  // namespace
}  // namespace drover::agent::cluster
