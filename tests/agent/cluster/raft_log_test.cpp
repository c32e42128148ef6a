// `drover operator raft logs` and `info` on what a real server has left, whole and damaged.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/schema/json_value.hpp"
#include "engine/storage/layout.hpp"
#include "io/store.hpp"
#include "tests/agent/cluster/lone_server.hpp"

namespace drover::agent::cluster {
namespace {

namespace fs = std::filesystem;

// A server that has registered three jobs, and was stopped.
class RaftLog : public ::testing::Test {
protected:
    RaftLog() {
        server_.register_jobs(3);
        EXPECT_EQ(server_.machine().stop(), 0);
    }
    int command(std::vector<std::string> words, std::string& output) {
        words.insert(words.begin(), {"operator", "raft"});
        words.push_back(server_.data());
        return server_.machine().offline(std::move(words), output);
    }
    std::vector<Json> entries(int code) {
        std::string output;
        EXPECT_EQ(command({"logs", "-json"}, output), code) << output;
        std::vector<Json> list;
        for (std::size_t at = 0; at < output.size();) {
            const auto end = output.find('\n', at);
            if (auto json = schema::parse_json(output.substr(at, end - at))) {
                list.push_back(std::move(*json));
            }
            at = end == std::string::npos ? output.size() : end + 1;
        }
        return list;
    }
    void damage(std::uint64_t index) {
        const auto store = io::RocksStore::open(fs::path{server_.data()} / "server/raft/store");
        ASSERT_TRUE(store) << store.error().message;
        storage::KvBatch batch;
        batch.put(storage::log_key(raft::Index{index}), "rotten");
        ASSERT_TRUE((*store)->write(batch));
    }
    LoneServer server_{""};
};

TEST_F(RaftLog, shows_every_entry_with_what_is_inside) {
    const auto list = entries(0);
    ASSERT_GT(list.size(), 5U);
    for (std::size_t i = 0; i < list.size(); ++i) EXPECT_EQ(number(list[i], {"Index"}), i + 1);
    EXPECT_EQ(text(list[0], {"Type"}), "Configuration");
    EXPECT_EQ(text(items(at(list[0], {"Entry", "Changes"})).front(), {"Kind"}), "AddVoter");
    EXPECT_TRUE(std::any_of(list.begin(), list.end(),
                            [](const Json& one) { return text(one, {"Type"}) == "Noop"; }));
    const auto job = std::find_if(list.begin(), list.end(), [](const Json& one) {
        return text(one, {"Entry", "Body", "Job", "ID"}) == "job-2";
    });
    ASSERT_NE(job, list.end());
    EXPECT_EQ(text(*job, {"Type"}), "RegisterJob");
    EXPECT_GT(number(*job, {"Term"}), 0U);
    EXPECT_GT(number(*job, {"Entry", "WallTime"}), 0U);
}

TEST_F(RaftLog, is_a_line_for_each_entry_where_nobody_asks_for_json) {
    std::string output;
    EXPECT_EQ(command({"logs"}, output), 0);
    EXPECT_TRUE(output.starts_with("1 1 Configuration {")) << output.substr(0, 200);
    EXPECT_NE(output.find(" RegisterJob {"), std::string::npos);
    EXPECT_EQ(std::count(output.begin(), output.end(), '\n'),
              static_cast<std::ptrdiff_t>(entries(0).size()));
}

TEST_F(RaftLog, reports_a_damaged_record_in_its_place_and_goes_on) {
    const std::size_t before = entries(0).size();
    damage(4);
    const auto list = entries(1);
    ASSERT_EQ(list.size(), before) << "a line for the damaged one too, and none for the summary";
    EXPECT_EQ(number(list[2], {"Index"}), 3U);
    EXPECT_NE(text(list[3], {"Damage"}), "");
    EXPECT_EQ(number(list[4], {"Index"}), 5U);
    std::string output;
    EXPECT_EQ(command({"info"}, output), 1);
    EXPECT_NE(output.find("1 records are damaged or missing"), std::string::npos) << output;
}

TEST_F(RaftLog, tells_how_far_it_reaches) {
    const auto list = entries(0);
    std::string output;
    EXPECT_EQ(command({"info", "-json"}, output), 0);
    const auto info = schema::parse_json(output);
    ASSERT_TRUE(info) << output;
    EXPECT_EQ(number(*info, {"Length"}), list.size());
    EXPECT_EQ(number(*info, {"FirstIndex"}), 1U);
    EXPECT_EQ(number(*info, {"LastIndex"}), number(list.back(), {"Index"}));
    EXPECT_EQ(number(*info, {"LastTerm"}), number(list.back(), {"Term"}));
    EXPECT_GE(number(*info, {"LastIndex"}), number(*info, {"CommitIndex"}));
}

TEST_F(RaftLog, is_not_read_while_the_server_runs_or_where_there_is_none) {
    std::string output;
    EXPECT_EQ(server_.machine().offline({"operator", "raft", "logs", "/nowhere"}, output), 2);
    EXPECT_NE(output.find("holds no server's data"), std::string::npos) << output;
    server_.machine().start();
    ASSERT_TRUE(
        eventually([&] { return server_.machine().api().get("/v1/agent/self").has_value(); }));
    output.clear();
    EXPECT_EQ(command({"logs"}, output), 2) << output;
}

}  // namespace
}  // namespace drover::agent::cluster
