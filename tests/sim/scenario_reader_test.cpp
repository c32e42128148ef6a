// Scenario files: what they mean, and how errors are told.
#include "sim/scenario_reader.hpp"

#include <gtest/gtest.h>

namespace drover::sim {
namespace {

using namespace std::chrono_literals;

constexpr const char* smallest = "format: sim/1\nname: small\n";

TEST(ScenarioReader, the_smallest_scenario_has_every_default) {
    const auto scenario = read_scenario(smallest, "small.yaml");
    ASSERT_TRUE(scenario) << scenario.error().message;
    EXPECT_EQ(scenario->cluster.servers, 3U);
    EXPECT_EQ(scenario->cluster.raft_protocol, 3U);
    EXPECT_FALSE(scenario->swarm.enabled);
    EXPECT_EQ(scenario->expect.verdict, Class::pass);
}

TEST(ScenarioReader, a_whole_story_is_understood) {
    const auto scenario = read_scenario(R"yaml(
format: sim/1
name: story
seed: 0x5eed
seeds: 1..50
budget: {sim: 30m, events: 5M, wall: 60s}
cluster:
  servers: {count: 5, raft_protocol: 2}
  nodes:
    - {pool: web, count: 4, cpu: 8, mem: 16GiB}
    - {pool: batch, count: 1}
  knobs: {election_timeout: 300ms, snapshot_entries: 64}
world:
  net:
    default: {delay: exp(min=0.2ms; mean=2ms), loss: 0.1%, dup: 0, reorder: 0}
    clients: {delay: 0}
  disk:
    default: {write: exp(mean=0.3ms), fsync: uniform(1ms..5ms)}
  tasks:
    start: exp(mean=2s)
    exit: {p: 0.1%, code: [0, 1, 137]}
    stop: uniform(0s..20s)
swarm:
  families: [loss, crash]
  share: 50%
  faults: atlas
  stability: {min: 200ms, max: 20s}
load:
  - job: {id: api, type: service, count: 12, update: {max_parallel: 3}}
  - client: {kind: cas-register, count: 8, keys: 5, rate: 200/s}
timeline:
  - {id: t1, at: 60s, do: upgrade, target: server(follower; 1), to: 3}
  - {id: t2, when: "leader && alloc.running(api) == 12", do: partition,
     shape: {kind: asymmetric, from: leader, to: majority}, for: 40s}
  - {id: t3, after: t2 + 5s, do: drain, target: "holder(alloc=api[3])"}
phases:
  - {name: chaos, for: 15m}
  - {name: liveness, core: random-quorum, others: frozen, converge: 3m}
check:
  raft: all
  digest: {every: entry}
  durable: acknowledged
  history: {linearizable: [cas-register]}
  schedule: [no-double-place, capacity]
  always: ["servers.up >= 3 -> leader within 5s"]
  sometimes: ["mark(node.lost)"]
  eventually: ["alloc.running(api) == 12 within 2m of liveness"]
expect: fail(class=safety; check=capacity)
)yaml",
                                        "story.yaml");
    ASSERT_TRUE(scenario) << scenario.error().message;
    EXPECT_EQ(scenario->seed, 0x5eedU);
    EXPECT_EQ(scenario->cluster.nodes.at(0).cpu_mhz, 8000);
    EXPECT_EQ(scenario->cluster.knobs.election_ticks, 10U);
    EXPECT_EQ(scenario->timeline.at(1).one_way(), true);
    EXPECT_EQ(scenario->timeline.at(2).after_delay, 5s);
    EXPECT_EQ(scenario->clients.at(0).interval, 40ms);
    EXPECT_TRUE(scenario->phases.core_is_quorum);
    EXPECT_FALSE(scenario->checks.orphans);
    EXPECT_EQ(scenario->checks.always.at(0).within, 5s);
    EXPECT_EQ(scenario->expect.check, "capacity");
}

struct Bad {
    const char* why;
    const char* text;
    const char* expected;
};

TEST(ScenarioReader, copies_of_a_job_are_numbered) {
    const auto scenario = read_scenario(std::string{smallest} + R"yaml(
large: true
load:
  - job: {id: c, count: 1000, copies: 3, disk: 10MiB}
  - job: {id: alone}
)yaml",
                                        "copies.yaml");
    ASSERT_TRUE(scenario) << scenario.error().message;
    EXPECT_TRUE(scenario->large);
    ASSERT_EQ(scenario->jobs.size(), 4U);
    EXPECT_EQ(scenario->jobs[0].id, "c-1");
    EXPECT_EQ(scenario->jobs[2].id, "c-3");
    EXPECT_EQ(scenario->jobs[2].count, 1000U);
    EXPECT_EQ(scenario->jobs[2].disk_mib, 10);
    EXPECT_EQ(scenario->jobs[3].id, "alone");
}

TEST(ScenarioReader, errors_name_the_place_and_the_remedy) {
    for (const Bad& bad : {
             Bad{"unknown key at the top", "format: sim/1\nname: x\nclutser: {}\n",
                 "bad.yaml:3:1: scenario: unknown key \"clutser\"; did you mean \"cluster\"?"},
             Bad{"unknown key inside",
                 "format: sim/1\nname: x\ncluster:\n  servers: {count: 3, kount: 4}\n",
                 "bad.yaml:4:23: scenario.cluster.servers: unknown key \"kount\""},
             Bad{"absurd count", "format: sim/1\nname: x\ncluster: {servers: {count: 1000000}}\n",
                 "bad.yaml:3:28: scenario.cluster.servers.count: 1000000 is not between 1 and 9"},
             Bad{"too many nodes",
                 "format: sim/1\nname: x\ncluster: {nodes: [{count: 9999}, {count: 9}]}\n",
                 "no more than 10000"},
             Bad{"a device without a vendor",
                 "format: sim/1\nname: x\ncluster: {nodes: [{device: gpu, devices: 1}]}\n",
                 "must be vendor/type/name"},
             Bad{"missing format", "name: x\n", "scenario needs the key \"format\""},
             Bad{"another format", "format: sim/9\nname: x\n", "this release reads sim/1"},
             Bad{"misspelt name in a condition",
                 "format: sim/1\nname: x\ntimeline:\n  - {when: \"ledaer\", do: heal}\n",
                 "bad.yaml:4:12"},
             Bad{"step without a moment", "format: sim/1\nname: x\ntimeline:\n  - {do: heal}\n",
                 "needs exactly one of at, when, after"},
             Bad{"unknown verb", "format: sim/1\nname: x\ntimeline:\n  - {at: 1s, do: explode}\n",
                 "unknown \"explode\""},
             Bad{"crash of nobody", "format: sim/1\nname: x\ntimeline:\n  - {at: 1s, do: crash}\n",
                 "crash needs a target"},
             Bad{"unknown job",
                 "format: sim/1\nname: x\ntimeline:\n  - {at: 1s, do: stop-job, job: y}\n",
                 "no job under load"},
             Bad{"unsupported protocol",
                 "format: sim/1\nname: x\ntimeline:\n  - {at: 1s, do: upgrade, target: leader, to: "
                 "4}\n",
                 "4 is not supported"},
             Bad{"not YAML", "format: [sim/1\n", "not valid YAML"},
             Bad{"not a mapping", "- 1\n- 2\n", "must be a mapping"},
             Bad{"a key twice", "format: sim/1\nname: x\nname: y\n", "stands twice"},
             Bad{"empty file", "", "bad.yaml:1:1: scenario must be a mapping"},
             Bad{"an alias, which could make a small text large",
                 "format: sim/1\nname: x\nload: [&a {job: {id: b}}, *a]\n",
                 "bad.yaml:3:27: aliases are not supported"},
             Bad{"a second document, which nobody would read",
                 "format: sim/1\nname: x\n---\nname: y\n", "bad.yaml:3:1: a scenario is one"},
             Bad{"a rate without a pause",
                 "format: sim/1\nname: x\nload: [{client: {kind: cas-register, rate: 9/1ns}}]\n",
                 "no more than one a nanosecond"},
             Bad{"a delay that no sum of times would hold",
                 "format: sim/1\nname: x\nworld: {net: {default: {delay: 99h}}}\n",
                 "no more than a day"},
             Bad{"a tick of a century", "format: sim/1\nname: x\ncluster: {knobs: {tick: 100h}}\n",
                 "at most 10m"},
             Bad{"no tick at all, which an election timeout is counted in",
                 "format: sim/1\nname: x\ncluster: {knobs: {tick: 0us, election_timeout: 1s}}\n",
                 "at least 0.1ms"},
             Bad{"an election timeout of a century",
                 "format: sim/1\nname: x\ncluster: {knobs: {election_timeout: 100h}}\n",
                 "at most 60m"},
         }) {
        const auto scenario = read_scenario(bad.text, "bad.yaml");
        ASSERT_FALSE(scenario) << bad.why;
        EXPECT_NE(scenario.error().message.find(bad.expected), std::string::npos)
            << bad.why << ": " << scenario.error().message;
    }
}

TEST(ScenarioReader, mangled_files_are_refused_or_read_but_never_crash) {
    const std::string good =
        "format: sim/1\nname: x\nload:\n  - job: {id: a, count: 2}\ntimeline:\n  - {at: 1s, do: "
        "crash, target: leader}\n";
    Prng prng{11};
    for (int i = 0; i < 3000; ++i) {
        std::string text = good;
        for (std::uint64_t k = prng.between(std::uint64_t{1}, std::uint64_t{4}); k > 0; --k) {
            const std::uint64_t at = prng.below(text.size());
            if (prng.chance(1, 2)) {
                text[at] = static_cast<char>(prng.below(256));
            } else {
                text.erase(at, prng.below(8));
            }
            if (text.empty()) break;
        }
        const auto scenario = read_scenario(text, "mangled.yaml");
        if (scenario) continue;
        EXPECT_TRUE(scenario.error().message.starts_with("mangled.yaml:")) << text;
    }
}

TEST(ScenarioReader, deep_nesting_and_large_files_are_refused) {
    EXPECT_FALSE(read_scenario(std::string(100'000, '['), "deep.yaml"));
    EXPECT_FALSE(read_scenario(std::string(2 << 20, ' '), "large.yaml"));
    const std::string head = "format: sim/1\nname: x\n";
    const auto deep = read_scenario(head + "load: " + std::string(33, '['), "deep.yaml");
    ASSERT_FALSE(deep);
    EXPECT_NE(deep.error().message.find("nested too deeply"), std::string::npos)
        << deep.error().message;
    // A chain of operators is a tree that is as deep as the chain is long.
    std::string chain = "leader";
    for (int i = 0; i < 800; ++i) chain += "||leader";
    const auto long_one = read_scenario(head + "check: {always: [\"" + chain + "\"]}", "long.yaml");
    ASSERT_FALSE(long_one);
    EXPECT_NE(long_one.error().message.find("no more than 4096"), std::string::npos)
        << long_one.error().message;
    std::string crowd = head + "load:\n";
    for (int i = 0; i < 1001; ++i) crowd += "- job: {id: a}\n";
    EXPECT_FALSE(read_scenario(crowd, "crowd.yaml"));
}

// Texts that make a parser repeat itself must not take longer than their size explains.
TEST(ScenarioReader, large_texts_of_any_shape_are_read_or_refused_at_once) {
    for (const char* const piece : {"[",
                                    "{",
                                    "{a: ",
                                    "- ",
                                    "? ",
                                    "a: ",
                                    "a\n",
                                    "&a ",
                                    "!t ",
                                    "'",
                                    "\"",
                                    "|\n ",
                                    "# c\n",
                                    "a, ",
                                    "[]\n",
                                    "---\n",
                                    "\t",
                                    "%Y 1\n",
                                    ": ",
                                    "- - a\n",
                                    "[a]: b\n",
                                    "!<",
                                    "\xf0\x9f\x98\x80",
                                    "\r",
                                    "x: [\n"}) {
        std::string text;
        while (text.size() < 100'000) text += piece;
        EXPECT_FALSE(read_scenario(text, "large.yaml")) << piece;
        EXPECT_FALSE(read_scenario("format: sim/1\nname: " + text, "large.yaml")) << piece;
    }
}

}  // namespace
}  // namespace drover::sim
