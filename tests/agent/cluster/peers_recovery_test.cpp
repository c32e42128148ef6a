// Two of three servers are lost for good: the third comes back alone by peers.json, with
// everything, and what runs on the nodes does not notice.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "tests/agent/cluster/cluster.hpp"

namespace drover::agent::cluster {
namespace {

namespace fs = std::filesystem;

struct Refusal {
    std::string why, content, told;
};

std::string member(const std::string& id, const std::string& address, bool votes = true) {
    return R"({"id": ")" + id + R"(", "address": ")" + address + R"(", "non_voter": )" +
           (votes ? "false}" : "true}");
}

std::vector<Refusal> refusals(const std::string& self, const std::string& address) {
    const std::string other = "0f0f0f0f-0000-4000-8000-000000000001";
    return {
        {"malformed", "[\n  {\"id\": }\n]", "line 2"},
        {"no list", "{}", "write a list"},
        {"empty", "[]", "the list is empty"},
        {"no voter", "[" + member(self, address, false) + "]", "nobody in it votes"},
        {"an id twice", "[" + member(self, address) + "," + member(self, "10.0.0.9:4647") + "]",
         "element 2: the id \"" + self + "\" is there twice"},
        {"an address twice", "[" + member(self, address) + "," + member(other, address) + "]",
         "element 2: the address \"" + address + "\" is there twice"},
        {"self is missing", "[" + member(other, "10.0.0.9:4647") + "]", "this server is not in it"},
        {"no UUID", "[" + member("server-1", address) + "]", "element 1: the id is missing or no"},
        {"no port", "[" + member(self, "localhost") + "]", "is no \"ip:port\""},
        {"an unknown address of protocol 2", "[\"10.0.0.9:4647\"]", "is known to the log"},
        {"a misspelt key", R"([{"ID": "x"}])", "\"ID\" is not known"},
    };
}

class Survivor {
public:
    explicit Survivor(Machine& machine) : machine_{machine} {}
    [[nodiscard]] fs::path raft() const { return machine_.directory() / "data/server/raft"; }
    [[nodiscard]] fs::path file() const { return raft() / "peers.json"; }
    [[nodiscard]] std::string id() const {
        return content_of(machine_.directory() / "data/server/node-id").substr(0, 36);
    }
    [[nodiscard]] std::string address() const {
        return "127.0.0.1:" + std::to_string(machine_.http() + 1);
    }
    void write(const std::string& content) const {
        std::ofstream{file(), std::ios::trunc} << content;
    }
    int recover(std::vector<std::string> flags, std::string& output) const {
        output.clear();
        std::vector<std::string> all{"operator", "raft", "recover"};
        all.insert(all.end(), flags.begin(), flags.end());
        all.push_back((machine_.directory() / "data").string());
        return machine_.offline(all, output);
    }

private:
    Machine& machine_;
};

// Every refusal, by the tool and by a starting server, leaves everything as it was.
void expect_refused(Machine& machine, const Survivor& survivor) {
    std::string output;
    for (const auto& refusal : refusals(survivor.id(), survivor.address())) {
        survivor.write(refusal.content);
        EXPECT_EQ(survivor.recover({}, output), 1) << refusal.why;
        EXPECT_NE(output.find(refusal.told), std::string::npos) << refusal.why << ": " << output;
    }
    machine.start();
    EXPECT_NE(machine.wait_for_end(), 0);
    EXPECT_NE(content_of(machine.log()).find("\"ID\" is not known"), std::string::npos);
    EXPECT_TRUE(fs::exists(survivor.file()));
    EXPECT_FALSE(fs::exists(survivor.raft().string() + ".backup-1"));
}

void expect_alone_with_everything(Cluster& cluster, const std::set<std::string>& jobs) {
    ASSERT_TRUE(eventually([&] { return cluster.leader() == 0U; }));
    ASSERT_TRUE(eventually([&] { return cluster.runs("kept", 2); }));
    EXPECT_EQ(cluster.job_ids(0), jobs);
    const auto peers = cluster.server(0).api().get("/v1/operator/raft/configuration");
    ASSERT_TRUE(peers);
    EXPECT_EQ(items(at(*peers, {"Servers"})).size(), 1U) << schema::print_json(*peers, true);
}

// The new snapshot beside the old store: what a crash in the midst of the recovery leaves, at
// worst.
void fall_over_between_snapshot_and_store(const Survivor& survivor) {
    std::string output;
    ASSERT_EQ(survivor.recover({}, output), 0) << output;
    const fs::path backup = survivor.raft().string() + ".backup-1";
    fs::remove_all(survivor.raft() / "store");
    fs::copy(backup / "store", survivor.raft() / "store", fs::copy_options::recursive);
}

TEST(PeersRecovery, the_last_of_three_servers_comes_back_alone_with_all_its_jobs) {
    Cluster cluster;
    cluster.start();
    ASSERT_TRUE(eventually([&] { return cluster.is_ready(); }));
    Machine& machine = cluster.server(0);
    const Survivor survivor{machine};
    for (int i = 0; i < 20; ++i) {
        const std::string id = "job-" + std::to_string(i);
        ASSERT_EQ(machine.api().register_job(register_job(id, 1, 0)).fate, Written::Fate::done);
    }
    ASSERT_EQ(machine.api().register_job(job("kept", 2)).fate, Written::Fate::done);
    ASSERT_TRUE(eventually([&] { return cluster.runs("kept", 2); }));
    ASSERT_TRUE(eventually([&] { return cluster.agrees(); }));
    const auto jobs = cluster.job_ids(0);
    ASSERT_EQ(jobs.size(), 21U);
    const bool real_tasks = ::geteuid() == 0;
    const auto tasks = real_tasks ? cluster.tasks_of("kept") : std::vector<RunningTask>{};
    for (std::size_t i = 0; i < 3; ++i) cluster.server(i).kill();

    expect_refused(machine, survivor);
    survivor.write("[" + member(survivor.id(), survivor.address()) + "]");
    std::string output;
    EXPECT_EQ(survivor.recover({"-dry-run"}, output), 0) << output;
    EXPECT_NE(output.find("Nothing was changed."), std::string::npos) << output;
    EXPECT_NE(output.find("server-3"), std::string::npos) << "who was there before: " << output;
    EXPECT_TRUE(fs::exists(survivor.file()));
    fall_over_between_snapshot_and_store(survivor);
    machine.start();
    expect_alone_with_everything(cluster, jobs);
    ASSERT_EQ(machine.stop(), 0);

    // The backup is all that the recovery needs to be done once more, now by a starting server.
    fs::remove_all(survivor.raft());
    fs::rename(survivor.raft().string() + ".backup-1", survivor.raft());
    ASSERT_TRUE(fs::exists(survivor.file()));
    machine.start();
    expect_alone_with_everything(cluster, jobs);
    EXPECT_FALSE(fs::exists(survivor.file()));
    EXPECT_TRUE(fs::exists(survivor.raft().string() + ".backup-1/store/CURRENT"));
    EXPECT_TRUE(fs::exists(survivor.raft().string() + ".backup-1/peers.json"));
    EXPECT_EQ(machine.api().register_job(register_job("after", 1, 0)).fate, Written::Fate::done);
    if (real_tasks) {
        EXPECT_EQ(cluster.tasks_of("kept"), tasks);
    }

    // It stays so: the next start finds an ordinary log.
    ASSERT_EQ(machine.stop(), 0);
    ASSERT_EQ(machine.offline({"operator", "fsck", machine.directory() / "data"}, output), 0)
        << output;
    machine.start();
    auto with_after = jobs;
    with_after.insert("after");
    expect_alone_with_everything(cluster, with_after);
}

}  // namespace
}  // namespace drover::agent::cluster
