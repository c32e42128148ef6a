// A rolling upgrade of real processes, rehearsed: the servers are told, one after the other, to
// support one feature level more than this release has, as its successor will.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/agent/cluster/cluster.hpp"

namespace drover::agent::cluster {
namespace {

const std::string next_release = "  supported_feature_level = 3\n";
const std::string this_release;

// What the command prints; its exit code is checked.
std::string upgrade(Machine& asked, std::vector<std::string> words, int code) {
    words.insert(words.begin(), {"operator", "upgrade"});
    std::string output;
    EXPECT_EQ(asked.command(std::move(words), output), code) << output;
    return output;
}

Json status(Machine& asked) {
    auto answer = asked.api().get("/v1/operator/upgrade/status");
    return answer ? std::move(*answer) : Json{};
}

// Servers that support the next level, as this server knows them.
std::size_t ready(Machine& asked) {
    std::size_t count = 0;
    const Json answer = status(asked);
    for (const auto& server : items(at(answer, {"Servers"}))) {
        count += number(server, {"LevelMax"}) == 3 ? 1 : 0;
    }
    return count;
}

void configure(const Machine& server, const std::string& release) {
    const auto file = server.directory() / "agent.hcl";
    std::string settings = content_of(file);
    const std::string block = "server {\n";
    const std::size_t inside = settings.find("\n" + block) + 1 + block.size();
    if (settings.compare(inside, next_release.size(), next_release) == 0) {
        settings.erase(inside, next_release.size());
    }
    std::ofstream{file} << settings.insert(inside, release);
}

void go_to(Machine& server, const std::string& release) {
    ASSERT_TRUE(server.stop().has_value());
    configure(server, release);
    server.start();
}

TEST(Upgrade, is_finalized_once_every_server_supports_it_and_then_there_is_no_way_back) {
    Cluster cluster;
    cluster.start();
    ASSERT_TRUE(eventually([&] { return cluster.is_ready(); }));
    Machine &first = cluster.server(0), &last = cluster.server(2);
    ASSERT_TRUE(eventually([&] { return number(status(first), {"Level"}) == 2; }));
    const std::string calm = upgrade(first, {"status"}, 0);
    EXPECT_NE(calm.find("nothing to finalize"), std::string::npos) << calm;
    EXPECT_NE(calm.find("not below release 0.2.0"), std::string::npos) << calm;

    go_to(first, next_release);
    ASSERT_TRUE(eventually([&] { return ready(last) == 1; }));
    const std::string early = upgrade(last, {"finalize"}, 1);
    EXPECT_NE(early.find("feature level 3 is not supported by"), std::string::npos) << early;
    EXPECT_NE(early.find(last.name() + ".global (release 0.2.0)"), std::string::npos) << early;
    const std::string mixed = upgrade(last, {"status"}, 0);
    EXPECT_NE(mixed.find("level 3 waits for the servers"), std::string::npos) << mixed;
    EXPECT_NE(mixed.find("possible, to release 0.2.0"), std::string::npos) << mixed;

    go_to(first, this_release);  // there is a way back
    ASSERT_TRUE(eventually([&] { return ready(last) == 0; }));
    for (std::size_t i = 0; i < 3; ++i) {
        go_to(cluster.server(i), next_release);
        ASSERT_TRUE(eventually([&] { return ready(cluster.server((i + 1) % 3)) == i + 1; }));
    }
    EXPECT_EQ(upgrade(first, {"finalize"}, 0), "The cluster is at feature level 3\n");
    EXPECT_EQ(number(status(last), {"Level"}), 3U);
    EXPECT_EQ(last.api().register_job(job("after", 1)).fate, Written::Fate::done);

    go_to(last, this_release);
    EXPECT_TRUE(eventually([&] {
        return content_of(last.log())
                   .find("needs feature level 3, and this server supports 1 to 2") !=
               std::string::npos;
    }));
    EXPECT_TRUE(eventually([&] { return !last.runs(); })) << "it must not serve anything";
    last.kill();
    configure(last, next_release);
    last.start();
    EXPECT_TRUE(eventually([&] { return cluster.agrees(); }));
}

}  // namespace
}  // namespace drover::agent::cluster
