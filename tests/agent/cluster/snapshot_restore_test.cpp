// `drover operator snapshot save` and `restore` on three real servers.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/agent/cluster/cluster.hpp"
#include "tests/agent/cluster/process.hpp"

namespace drover::agent::cluster {
namespace {

namespace fs = std::filesystem;

int snapshot(Machine& machine, std::vector<std::string> arguments, std::string& output) {
    output.clear();
    arguments.insert(arguments.begin(), {"operator", "snapshot"});
    return machine.command(std::move(arguments), output);
}

void write(Cluster& cluster, const std::string& job) {
    Api api = cluster.server(0).api();
    ASSERT_TRUE(eventually([&] {
        return api.register_job(register_job(job, 1, 0)).fate == Written::Fate::done;
    })) << job;
}

TEST(SnapshotRestore, a_live_cluster_takes_the_saved_state_back_on_every_server) {
    Cluster cluster;
    cluster.start();
    ASSERT_TRUE(eventually([&] { return cluster.is_ready(); }));
    write(cluster, "kept");
    const fs::path file = cluster.server(0).directory() / "saved.snapshot";
    std::string output;
    // Any server answers: the file is the leader's knowledge wherever it is asked for.
    ASSERT_EQ(snapshot(cluster.server(1), {"save", file}, output), 0) << output;
    EXPECT_NE(output.find("verified"), std::string::npos) << output;
    write(cluster, "later");
    Api api = cluster.server(2).api();
    ASSERT_TRUE(api.remove("/v1/job/kept?purge=true"));

    ASSERT_EQ(snapshot(cluster.server(2), {"restore", file}, output), 0) << output;
    const std::set<std::string> kept{"kept"};
    EXPECT_TRUE(eventually([&] { return cluster.agrees() && cluster.job_ids(0) == kept; }));
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(cluster.job_ids(i), kept) << i;
    // The cluster lives on: its nodes are known, and new jobs run.
    EXPECT_TRUE(eventually([&] { return cluster.is_ready(); }));
    write(cluster, "afterwards");

    // A damaged file changes nothing, and the message says what is damaged.
    std::fstream damage{file, std::ios::in | std::ios::out | std::ios::binary};
    damage.seekp(static_cast<std::streamoff>(fs::file_size(file) / 2));
    damage.put('\x7f');
    damage.close();
    EXPECT_EQ(snapshot(cluster.server(0), {"restore", file}, output), 1);
    EXPECT_NE(output.find("saved.snapshot"), std::string::npos) << output;
    EXPECT_TRUE(cluster.job_ids(0).contains("afterwards"));
}

}  // namespace
}  // namespace drover::agent::cluster
