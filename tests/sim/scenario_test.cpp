// The simulator as a whole: every scenario ends well, a run is a function of its seed, and bugs
// that are put into consensus on purpose are found.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "sim/scenario_reader.hpp"
#include "sim/sweep.hpp"

namespace drover::sim {
namespace {

namespace fs = std::filesystem;

Scenario load(const fs::path& file) {
    std::ifstream in{file};
    std::ostringstream text;
    text << in.rdbuf();
    auto scenario = read_scenario(text.str(), file.string());
    EXPECT_TRUE(scenario) << (scenario ? "" : scenario.error().message);
    return scenario ? *scenario : Scenario{};
}

Scenario named(const char* name) {
    return load(fs::path{DROVER_SOURCE_DIR} / "scenarios" / (std::string{name} + ".yaml"));
}

TEST(Scenarios, every_story_ends_well_for_a_handful_of_seeds) {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator{fs::path{DROVER_SOURCE_DIR} / "scenarios"}) {
        if (entry.path().extension() != ".yaml") continue;
        const Scenario scenario = load(entry.path());
        if (scenario.large) continue;  // read, but minutes of work
        const SweepReport report = sweep(scenario, {1, 10}, {.threads = 2});
        EXPECT_FALSE(report.failure) << scenario.name << " seed " << report.failure->seed << ": "
                                     << report.failure->check << ": " << report.failure->message;
        ++count;
    }
    EXPECT_GE(count, 12U);
}

TEST(Scenarios, a_run_is_a_function_of_its_seed) {
    const Scenario scenario = named("leader-crash-keeps-what-was-acknowledged");
    const RunReport first = run(scenario, 7, nullptr);
    const RunReport again = run(scenario, 7, nullptr);
    const RunReport other = run(scenario, 8, nullptr);
    EXPECT_EQ(first.hash, again.hash);
    EXPECT_EQ(first.events, again.events);
    EXPECT_NE(first.hash, other.hash);
}

TEST(Scenarios, the_number_of_threads_changes_nothing) {
    const Scenario scenario = named("swarm");
    EXPECT_EQ(sweep(scenario, {1, 6}, {.threads = 1}).hash,
              sweep(scenario, {1, 6}, {.threads = 3}).hash);
}

// The tester is tested: each of these bugs breaks a promise of consensus, and must turn a run red.
// A small group with slow disks loses the most; whether it comes to rest is not the question here.
void expect_found(Scenario scenario, const char* bug) {
    scenario.swarm.unlimited = true;
    scenario.cluster.servers = 3;
    scenario.cluster.knobs.tick = std::chrono::milliseconds{20};
    scenario.world.disk.fsync = {Distribution::Kind::uniform,
                                 std::chrono::milliseconds{5},
                                 std::chrono::milliseconds{60},
                                 {}};
    const SweepReport report = sweep(scenario, {1, 1000}, {.threads = 2});
    ASSERT_TRUE(report.failure) << bug << " was not found in 1000 seeds";
    EXPECT_EQ(report.failure->verdict, Class::safety) << bug << ": " << report.failure->message;
}

TEST(Sabotage, acknowledging_before_the_write_is_found) {
    Scenario scenario = named("swarm");
    scenario.sabotage.acknowledge_early = true;
    expect_found(std::move(scenario), "acknowledging before the write");
}

TEST(Sabotage, counting_entries_of_older_terms_as_committed_is_found) {
    Scenario scenario = named("swarm");
    scenario.sabotage.commit_old_term = true;
    expect_found(std::move(scenario), "counting an entry of an older term");
}

// What waits during a pause is told in the order in which it came, also when the pause is extended
// meanwhile: the writes of a slow disk are completed in their order, or consensus stops the server.
TEST(Pause, that_is_extended_does_not_turn_around_what_waits_for_its_end) {
    const auto scenario = read_scenario(
        "format: sim/1\nname: stalled\n"
        "cluster: {servers: 3, knobs: {election_timeout: 2s}}\n"
        "world: {disk: {default: {fsync: 60ms}}}\n"
        "load:\n  - client: {kind: cas-register, count: 8, keys: 8, rate: 80/s}\n"
        "timeline:\n"
        "  - {id: stall, at: 9s, do: pause, target: leader, for: 150ms}\n"
        "  - {id: longer, after: stall + 100ms, do: pause, target: leader, for: 300ms}\n"
        "phases:\n  - {name: chaos, for: 12s}\n  - {name: liveness, converge: 30s}\n",
        "stalled.yaml");
    ASSERT_TRUE(scenario) << scenario.error().message;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        const RunReport report = run(*scenario, seed, nullptr);
        EXPECT_EQ(report.verdict, Class::pass) << seed << ": " << report.message;
    }
}

// This world rests before one of its clients has heard of its last write, which others have read.
TEST(Register, a_write_that_is_under_way_in_the_end_may_have_happened) {
    const RunReport report = run(named("swarm-of-three"), 60, nullptr);
    EXPECT_EQ(report.verdict, Class::pass) << report.message;
}

TEST(Vacuous, a_fault_that_never_happens_fails_the_run) {
    auto scenario = read_scenario(
        "format: sim/1\nname: never\ncluster: {servers: 3}\n"
        "timeline:\n  - {id: t1, when: \"servers.up == 9\", do: crash, target: leader}\n"
        "phases:\n  - {name: chaos, for: 5s}\n  - {name: liveness, converge: 30s}\n",
        "never.yaml");
    ASSERT_TRUE(scenario) << scenario.error().message;
    const RunReport report = run(*scenario, 1, nullptr);
    EXPECT_EQ(report.verdict, Class::vacuous) << report.message;
    EXPECT_NE(report.message.find("t1"), std::string::npos);
}

}  // namespace
}  // namespace drover::sim
