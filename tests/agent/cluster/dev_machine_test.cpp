// What a dev agent leaves behind: nothing of its own, and all that others left in its data_dir.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/agent/cluster/dev_machine.hpp"

namespace drover::agent::cluster {
namespace {

namespace fs = std::filesystem;

// Every task tells its process id on standard output.
std::vector<pid_t> tasks_below(const fs::path& data) {
    std::vector<pid_t> pids;
    std::error_code error;
    for (const auto& file : fs::recursive_directory_iterator{data, error}) {
        if (file.path().filename() != "main.stdout.0") continue;
        const std::string output = content_of(file.path());
        if (output.starts_with("started ")) pids.push_back(std::stoi(output.substr(8)));
    }
    return pids;
}

void write(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    std::ofstream{file} << text;
}

TEST(DevAgent, takes_its_tasks_and_its_files_along_and_nothing_else) {
    if (::geteuid() != 0) GTEST_SKIP() << "raw_exec tasks need root";
    DevMachine agent;
    const fs::path data = agent.machine().directory() / "data";
    write(data / "server" / "raft" / "version", "3\n");
    ASSERT_TRUE(agent.wait_until_ready());
    ASSERT_EQ(agent.api().register_job(job("short-lived", 3)).fate, Written::Fate::done);
    ASSERT_TRUE(eventually([&] { return tasks_below(data).size() == 3; }));
    const auto pids = tasks_below(data);
    for (const pid_t pid : pids) EXPECT_EQ(::kill(pid, 0), 0) << pid;

    EXPECT_EQ(agent.machine().stop(), 0);
    for (const pid_t pid : pids)
        EXPECT_TRUE(eventually([&] { return ::kill(pid, 0) != 0; })) << pid << " still runs";
    EXPECT_EQ(content_of(data / "server" / "raft" / "version"), "3\n");
    EXPECT_EQ(std::distance(fs::directory_iterator{data}, {}), 1) << "something of it is left";
}

}  // namespace
}  // namespace drover::agent::cluster
