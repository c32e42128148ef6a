// Nodes, servers, and entries that this release does not know.
#include <gtest/gtest.h>

#include "engine/schema/node.pb.h"
#include "engine/schema/server.pb.h"
#include "tests/engine/state/fixture.hpp"

namespace drover::state {
namespace {

using namespace testing;
using namespace std::string_literals;

schema::Entry status_change(std::uint32_t number, const std::string& status) {
    schema::Entry entry;
    entry.mutable_change_node_status()->set_node_id(node_id(number).raw());
    entry.mutable_change_node_status()->set_status(status);
    return entry;
}

TEST(ApplyNode, ANewNodeIsInitializingAndEligible) {
    World world;
    world.register_node(1);
    NodePtr node = world.state.view().node(node_id(1));
    ASSERT_TRUE(node);
    EXPECT_EQ(node->status(), "initializing");
    EXPECT_EQ(node->scheduling_eligibility(), "eligible");
    EXPECT_EQ(node->node_pool(), "default");
    EXPECT_EQ(node->events_size(), 1);
}

TEST(ApplyNode, RegisteringAgainNeverChangesTheStatus) {
    World world;
    world.register_node(1);
    world.must(status_change(1, "ready"));
    world.register_node(1);
    EXPECT_EQ(world.state.view().node(node_id(1))->status(), "ready");
    EXPECT_EQ(world.state.view().node(node_id(1))->create_index(), 10U);
}

TEST(ApplyNode, MissedHeartbeatsAndReportsAreOrderedByIndex) {
    World world;
    world.register_node(1);
    world.must(status_change(1, "ready"));
    world.must(status_change(1, "down"));
    NodePtr node = world.state.view().node(node_id(1));
    EXPECT_EQ(node->last_missed_heartbeat_index(), 12U);
    world.must(status_change(1, "ready"));
    EXPECT_EQ(world.state.view().node(node_id(1))->last_missed_heartbeat_index(), 0U);
}

schema::Entry drain_change(std::uint32_t number, std::int64_t at_ns, const char* outcome) {
    schema::Entry entry;
    auto& change = *entry.mutable_change_node_drain();
    change.set_node_id(node_id(number).raw());
    change.set_updated_at_ns(at_ns);
    if (outcome == nullptr) {
        change.mutable_strategy()->set_force_deadline(at_ns + 60);
        change.mutable_strategy()->set_started_at(at_ns);
    } else {
        change.set_outcome(outcome);
    }
    return entry;
}

TEST(ApplyNode, ADrainKeepsNewWorkAwayUntilItIsCalledOff) {
    World world;
    world.register_node(1);
    world.must(drain_change(1, 100, nullptr));
    NodePtr node = world.state.view().node(node_id(1));
    EXPECT_EQ(node->scheduling_eligibility(), "ineligible");
    EXPECT_EQ(node->drain_strategy().force_deadline(), 160);
    EXPECT_EQ(node->last_drain().status(), "draining");
    world.must(drain_change(1, 200, nullptr));
    node = world.state.view().node(node_id(1));
    EXPECT_EQ(node->last_drain().started_at(), 100) << "it is still the same drain";
    EXPECT_EQ(node->last_drain().updated_at(), 200);
    schema::Entry end = drain_change(1, 300, "canceled");
    end.mutable_change_node_drain()->set_mark_eligible(true);
    world.must(end);
    node = world.state.view().node(node_id(1));
    EXPECT_FALSE(node->has_drain_strategy());
    EXPECT_EQ(node->last_drain().status(), "canceled");
    EXPECT_EQ(node->scheduling_eligibility(), "eligible");
}

TEST(ApplyNode, ADrainThatIsCompleteLeavesTheNodeIneligible) {
    World world;
    world.register_node(1);
    EXPECT_EQ(world.apply(drain_change(2, 1, nullptr)).error.code, Errc::not_found);
    EXPECT_EQ(world.apply(drain_change(1, 1, "done")).error.code, Errc::invalid_argument);
    world.must(drain_change(1, 100, nullptr));
    world.must(drain_change(1, 200, "complete"));
    NodePtr node = world.state.view().node(node_id(1));
    EXPECT_FALSE(node->has_drain_strategy());
    EXPECT_EQ(node->last_drain().status(), "complete");
    EXPECT_EQ(node->scheduling_eligibility(), "ineligible");
}

TEST(ApplyNode, RefusalsNameTheFieldAndTheRemedyAndChangeNothing) {
    World world;
    world.register_node(1);
    Digest before = world.state.digest();
    EXPECT_EQ(world.apply(status_change(2, "ready")).error.code, Errc::not_found);
    ApplyResult odd = world.apply(status_change(1, "sleepy"));
    EXPECT_EQ(odd.outcome, Applied::refused);
    EXPECT_EQ(odd.error.message,
              "node status \"sleepy\" is not known: use one of initializing, ready, down, "
              "disconnected");
    EXPECT_EQ(world.state.digest(), before);
}

TEST(ApplyNode, AnIdThatCouldNotBeFoundAgainIsRefused) {
    World world;
    schema::Entry entry;
    entry.mutable_register_node()->mutable_node()->set_id("short");
    EXPECT_EQ(world.apply(entry).error.message, "a node needs an ID of 16 bytes; it has 5");
    schema::Entry evaluation;
    evaluation.mutable_upsert_evaluations()->add_evaluations();
    EXPECT_EQ(world.apply(evaluation).error.message,
              "an evaluation needs an ID of 16 bytes; it has 0");
    schema::Entry plan;
    plan.mutable_apply_plan()->mutable_plan()->mutable_deployment()->set_id("x");
    EXPECT_EQ(world.apply(plan).error.message, "a deployment needs an ID of 16 bytes; it has 1");
    EXPECT_EQ(world.state.digest(), Digest{});
}

TEST(ApplyNode, TenEventsAreKept) {
    World world;
    world.register_node(1);
    for (int i = 0; i < 15; ++i) {
        schema::Entry entry = status_change(1, i % 2 == 0 ? "ready" : "down");
        entry.mutable_change_node_status()->mutable_event()->set_message(std::to_string(i));
        world.must(entry);
    }
    NodePtr node = world.state.view().node(node_id(1));
    ASSERT_EQ(node->events_size(), 10);
    EXPECT_EQ(node->events(0).message(), "5");
    EXPECT_EQ(node->events(9).message(), "14");
}

TEST(ApplyServer, IsStoredUnderItsRaftId) {
    World world;
    schema::Entry entry;
    entry.mutable_register_server()->mutable_server()->set_raft_id(7);
    entry.mutable_register_server()->mutable_server()->set_name("s1");
    world.must(entry);
    EXPECT_EQ(world.state.view().server(7)->name(), "s1");
    entry.mutable_register_server()->set_remove(true);
    world.must(entry);
    EXPECT_FALSE(world.state.view().server(7));
    EXPECT_EQ(world.state.digest(), Digest{}) << "an empty state has an empty digest";
}

TEST(ApplyUnknown, AnIgnorableEntryIsSkippedAndAnyOtherStopsTheServer) {
    World world;
    world.register_node(1);
    Digest before = world.state.digest();
    schema::Entry entry;
    ASSERT_TRUE(entry.ParseFromString("\x8a\x7d\x00"s));  // body 2001, from a later release
    entry.set_type(2001);
    entry.set_level(9);
    ApplyResult unknown = world.apply(entry);
    EXPECT_EQ(unknown.outcome, Applied::unknown);
    EXPECT_NE(unknown.error.message.find("2001"), std::string::npos);
    EXPECT_EQ(world.state.applied_index(), 10U) << "it must not count as applied";
    entry.set_ignorable(true);
    EXPECT_EQ(world.apply(entry).outcome, Applied::skipped);
    EXPECT_EQ(world.state.applied_index(), 12U);
    EXPECT_EQ(world.state.digest(), before);
}

schema::Entry level_change(std::uint32_t level) {
    schema::Entry entry;
    entry.mutable_change_feature_level()->set_level(level);
    return entry;
}

schema::Entry registration(std::uint64_t raft_id, std::uint32_t level_max) {
    schema::Entry entry;
    schema::ServerInfo& server = *entry.mutable_register_server()->mutable_server();
    server.set_raft_id(raft_id);
    server.set_name("s" + std::to_string(raft_id));
    server.set_release("0." + std::to_string(level_max) + ".0");
    server.set_level_max(level_max);
    return entry;
}

TEST(ApplyFeatureLevel, OnlyRises) {
    World world;
    world.state = State{{.supported_level = 3}};
    world.must(level_change(3));
    EXPECT_EQ(world.state.view().feature_level(), 3U);
    EXPECT_EQ(world.apply(level_change(2)).outcome, Applied::refused);
}

TEST(ApplyFeatureLevel, IsRefusedByAllServersAlikeWhereOneOfThemIsWithoutIt) {
    for (const std::uint32_t supported : {2U, 3U}) {
        World world;
        world.state = State{{.supported_level = supported}};
        world.must(registration(1, 3));
        world.must(registration(2, 2));
        const ApplyResult result = world.apply(level_change(3));
        ASSERT_EQ(result.outcome, Applied::refused) << "the server without it goes on as well";
        EXPECT_NE(result.error.message.find("is not supported by s2 (release 0.2.0);"),
                  std::string::npos)
            << result.error.message;
        world.must(registration(2, 3));
        EXPECT_EQ(world.apply(level_change(3)).outcome,
                  supported == 3 ? Applied::done : Applied::unknown)
            << "and stops only where it said that it supports it";
    }
}

TEST(ApplyFeatureLevel, AServerWithoutTheClustersLevelIsNotRegistered) {
    World world;
    world.state = State{{.supported_level = 5}};
    world.must(registration(1, 5));
    world.must(level_change(5));
    const ApplyResult result = world.apply(registration(1, 2));
    ASSERT_EQ(result.outcome, Applied::refused);
    EXPECT_EQ(result.error.message,
              "s1 (release 0.2.0) does not support the cluster's feature level 5; start a release "
              "that does on that server");
    EXPECT_EQ(world.state.view().server(1)->level_max(), 5U);
    World late;
    schema::Entry entry = registration(1, 7);
    entry.mutable_register_server()->mutable_server()->set_level_min(6);
    EXPECT_EQ(late.apply(entry).outcome, Applied::refused) << "nor one that is too far ahead";
}

TEST(ApplyFeatureLevel, WhatIsBehindALevelIsUnknownWithoutItAlthoughItCanBeRead) {
    schema::Entry entry;
    entry.mutable_rehearse();
    entry.set_type(schema::Entry::kRehearse);
    entry.set_level(rehearsal_level);
    World today;
    EXPECT_EQ(today.apply(entry).outcome, Applied::unknown);
    World next;
    next.state = State{{.supported_level = rehearsal_level}};
    next.must(entry);
    EXPECT_EQ(next.state.view().rehearsals(), 1U);
    next.must(level_change(rehearsal_level));
    const auto sections = write_snapshot(next.state.view());
    const auto restored = read_snapshot(sections, {.supported_level = rehearsal_level});
    ASSERT_TRUE(restored.has_value());
    EXPECT_EQ(restored->digest(), next.state.digest());
    EXPECT_EQ(restored->view().rehearsals(), 1U);
    const auto refused = read_snapshot(sections);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::unsupported);
    EXPECT_NE(refused.error().message.find("needs feature level 3, and this server"),
              std::string::npos)
        << refused.error().message;
}

TEST(FeatureLevels, RiseWithoutGapsAndEndWithTheRehearsal) {
    std::uint32_t expected = oldest_level;
    std::set<std::uint32_t> types;
    for (const FeatureLevel& one : feature_levels()) {
        EXPECT_EQ(one.level, expected++);
        EXPECT_FALSE(one.release.empty());
        EXPECT_FALSE(one.gained.empty());
        for (const std::uint32_t type : one.entry_types) {
            EXPECT_TRUE(types.insert(type).second) << type << " is behind two levels";
            EXPECT_NE(schema::Entry::descriptor()->FindFieldByNumber(static_cast<int>(type)),
                      nullptr);
        }
    }
    EXPECT_EQ(expected, rehearsal_level + 1);
    EXPECT_EQ(level_of_entry_type(schema::Entry::kRegisterJob), oldest_level);
    EXPECT_EQ(level_of_entry_type(schema::Entry::kRehearse), rehearsal_level);
}

TEST(FeatureLevels, BatchesOfPlacementsAreOfTheSecond) {
    schema::Entry entry;
    auto& plan = *entry.mutable_apply_plan()->mutable_plan();
    entry.set_type(schema::Entry::kApplyPlan);
    plan.add_placements();
    EXPECT_EQ(level_of_contents(entry), oldest_level);
    plan.add_placement_batches();
    EXPECT_EQ(level_of_contents(entry), batches_level);
}

}  // namespace
}  // namespace drover::state
