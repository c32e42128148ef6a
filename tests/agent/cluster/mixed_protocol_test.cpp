// Servers of Raft protocol 2 and 3 side by side, as real processes: how each is shown, and what is
// refused while both are there.
#include <gtest/gtest.h>

#include <iterator>
#include <sstream>

#include "tests/agent/cluster/cluster.hpp"

namespace drover::agent::cluster {
namespace {

// The words of the line that `operator raft list-peers` prints for this server.
std::vector<std::string> peer_line(Machine& asked, const std::string& name) {
    std::string output;
    EXPECT_EQ(asked.command({"operator", "raft", "list-peers"}, output), 0) << output;
    std::istringstream lines{output};
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(name)) continue;
        std::istringstream words{line};
        return {std::istream_iterator<std::string>{words}, {}};
    }
    return {};
}

// What the command prints; its exit code is checked.
std::string raft(Machine& asked, std::vector<std::string> words, int code) {
    words.insert(words.begin(), {"operator", "raft"});
    std::string output;
    EXPECT_EQ(asked.command(std::move(words), output), code) << output;
    return output;
}

TEST(MixedProtocols, are_shown_as_they_are_and_allow_what_both_know) {
    Cluster cluster{{"  raft_protocol = 2\n"}};
    cluster.start();
    ASSERT_TRUE(eventually([&] { return cluster.is_ready(); }));
    Machine &old = cluster.server(0), &young = cluster.server(1);
    ASSERT_TRUE(eventually([&] { return peer_line(young, old.name()).size() == 6; }));

    const auto two = peer_line(young, old.name());
    EXPECT_EQ(two[1], two[2]) << "protocol 2 knows addresses only";
    EXPECT_EQ(two[4] + " " + two[5], "true 2");
    const auto three = peer_line(old, young.name());
    ASSERT_EQ(three.size(), 6U);
    EXPECT_EQ(three[1].size(), 36U) << three[1] << " is a UUID";
    EXPECT_EQ(three[4] + " " + three[5], "true 3");

    // Whoever of the two does not lead would be to.
    Machine& next = three[3] == "leader" ? cluster.server(2) : young;
    const std::string next_id = peer_line(old, next.name()).at(1);
    const std::string refused = raft(young, {"transfer-leadership", "-peer-id", next_id}, 1);
    EXPECT_NE(refused.find("every server speaks Raft protocol 3"), std::string::npos) << refused;
    const std::string by_address = raft(young, {"remove-peer", "-peer-address", three[2]}, 1);
    EXPECT_NE(by_address.find("names servers by id"), std::string::npos) << by_address;
    raft(young, {"remove-peer", "-peer-address", two[2]}, 0);
    EXPECT_TRUE(peer_line(young, old.name()).empty());
    ASSERT_TRUE(eventually([&] { return cluster.leader().has_value(); }));
    raft(young, {"transfer-leadership", "-peer-id", three[1]}, 0);
    EXPECT_TRUE(eventually([&] { return cluster.leader() == 1U; }));
}

}  // namespace
}  // namespace drover::agent::cluster
