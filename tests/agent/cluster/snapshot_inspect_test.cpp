// `drover operator snapshot inspect` and `state` on the snapshot that a real server has saved.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "tests/agent/cluster/lone_server.hpp"

namespace drover::agent::cluster {
namespace {

namespace fs = std::filesystem;

fs::path only_snapshot(const LoneServer& server) {
    fs::path newest;
    for (const auto& entry :
         fs::directory_iterator{fs::path{server.data()} / "server/raft/snapshots"}) {
        if (entry.path().extension() == ".snapshot") newest = std::max(newest, entry.path());
    }
    return newest;
}

int snapshot(const LoneServer& server, std::vector<std::string> arguments, std::string& output) {
    output.clear();
    arguments.insert(arguments.begin(), {"operator", "snapshot"});
    return server.machine().offline(std::move(arguments), output);
}

std::uint64_t records(const Json& inspected, const std::string& name) {
    for (const Json& one : items(at(inspected, {"Sections"}))) {
        if (text(one, {"Name"}) == name) return number(one, {"Records"});
    }
    return 0;
}

TEST(SnapshotInspect, shows_a_servers_snapshot_and_names_what_is_damaged_in_a_bad_one) {
    LoneServer server{"  raft_snapshot_threshold = 20\n  raft_trailing_logs = 8\n"};
    server.register_jobs(30);
    ASSERT_TRUE(eventually([&] { return !only_snapshot(server).empty(); }));
    ASSERT_EQ(server.machine().stop(), 0);
    const fs::path file = only_snapshot(server);
    const std::string name = file.filename().string();

    std::string output;
    ASSERT_EQ(snapshot(server, {"inspect", "-json", file}, output), 0) << output;
    const auto inspected = schema::parse_json(output);
    ASSERT_TRUE(inspected) << output;
    EXPECT_EQ(number(*inspected, {"Index"}), std::stoull(name.substr(0, 20)));
    EXPECT_EQ(number(*inspected, {"Term"}), std::stoull(name.substr(21, 20)));
    EXPECT_EQ(number(*inspected, {"Bytes"}), fs::file_size(file));
    const auto& configuration = items(at(*inspected, {"Configuration"}));
    ASSERT_EQ(configuration.size(), 1U);
    EXPECT_EQ(text(configuration.front(), {"ID"}),
              content_of(fs::path{server.data()} / "server/node-id").substr(0, 36));
    EXPECT_EQ(text(configuration.front(), {"Address"}),
              "127.0.0.1:" + std::to_string(server.machine().http() + 1));

    ASSERT_EQ(snapshot(server, {"state", file}, output), 0) << output;
    const auto state = schema::parse_json(output);
    ASSERT_TRUE(state) << output;
    const auto& jobs = items(at(*state, {"jobs"}));
    EXPECT_GT(jobs.size(), 5U);
    EXPECT_EQ(jobs.size(), records(*inspected, "jobs"));
    EXPECT_TRUE(std::any_of(jobs.begin(), jobs.end(), [](const Json& one) {
        return text(one, {"ID"}) == "job-1" && value_of(one) == 1;
    }));

    std::ofstream{file, std::ios::app} << "x";
    for (const char* const command : {"inspect", "state"}) {
        EXPECT_EQ(snapshot(server, {command, file}, output), 1);
        EXPECT_NE(output.find("its end is damaged, or something follows it"), std::string::npos)
            << output;
    }
    fs::resize_file(file, 200);
    EXPECT_EQ(snapshot(server, {"inspect", file}, output), 1);
    EXPECT_NE(output.find("cut short; take another snapshot"), std::string::npos) << output;
    std::ofstream{file, std::ios::trunc} << "{}";
    EXPECT_EQ(snapshot(server, {"inspect", file}, output), 1);
    EXPECT_NE(output.find("it does not begin as one"), std::string::npos) << output;
    EXPECT_EQ(snapshot(server, {"inspect", "/nowhere"}, output), 1);
    EXPECT_NE(output.find("/nowhere: No such file"), std::string::npos) << output;
}

}  // namespace
}  // namespace drover::agent::cluster
