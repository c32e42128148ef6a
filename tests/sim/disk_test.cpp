// The disk of a simulated server at work: one sync at a time, and what came during one is written
// by the next, all of it together.
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "sim/run.hpp"
#include "sim/scenario_reader.hpp"

namespace drover::sim {
namespace {

constexpr std::int64_t sync_ns = 30'000'000;

// When the leader's writes became durable, and how many did at once.
std::map<std::int64_t, int> syncs_of_server(const Scenario& scenario, int server) {
    std::ostringstream trace;
    const RunReport report = run(scenario, 1, &trace);
    EXPECT_EQ(report.verdict, Class::pass) << report.message;
    std::map<std::int64_t, int> syncs;
    std::istringstream lines{trace.str()};
    const std::string wanted = R"(,"kind":"disk.synced","whom":)" + std::to_string(server) + ",";
    for (std::string line; std::getline(lines, line);) {
        if (line.find(wanted) == std::string::npos) continue;
        ++syncs[std::stoll(line.substr(std::string_view{R"({"at_ns":)"}.size()))];
    }
    return syncs;
}

TEST(SimulatedDisk, writes_together_what_came_while_it_was_busy) {
    const auto scenario = read_scenario(
        "format: sim/1\nname: busy\n"
        "cluster: {servers: 1}\n"
        "world: {disk: {default: {fsync: 30ms}}}\n"
        "load:\n  - client: {kind: cas-register, count: 40, keys: 40, rate: 400/s}\n"
        "phases:\n  - {name: chaos, for: 5s}\n  - {name: liveness, converge: 30s}\n",
        "busy.yaml");
    ASSERT_TRUE(scenario) << scenario.error().message;
    const auto syncs = syncs_of_server(*scenario, 1);
    ASSERT_GT(syncs.size(), 20U);
    int writes = 0, most = 0;
    std::int64_t before = 0;
    for (const auto& [at, count] : syncs) {
        EXPECT_GE(at - before, sync_ns) << "two syncs at one time";
        before = at;
        writes += count;
        most = std::max(most, count);
    }
    EXPECT_GE(most, 3);
    EXPECT_GT(writes, 2 * static_cast<int>(syncs.size()))
        << "each of " << writes << " writes waited for a sync of its own";
}

}  // namespace
}  // namespace drover::sim
