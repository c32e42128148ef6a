// Plans with devices: who gets them, who waits, and that nobody gets what another has.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/scheduler/fit.hpp"
#include "engine/schema/placement_scores.hpp"
#include "tests/engine/scheduler/device_nodes.hpp"

namespace drover::scheduler::testing {
namespace {

Harness with_devices(std::uint32_t nodes, const Ids& ids = {"a", "b"}) {
    Harness harness;
    for (std::uint32_t number = 1; number <= nodes; ++number) {
        auto node = make_node(number);
        add_group(node, "acme", "gpu", "x", ids);
        harness.add(std::move(node));
    }
    return harness;
}

schema::Job gpu_job(const std::string& id, int count, const std::string& type = "service") {
    auto job = make_job(id, count, type);
    ask(job, "gpu");
    return job;
}

TEST(Devices, are_given_until_none_is_left_and_the_reason_is_told) {
    auto harness = with_devices(2);
    harness.add(make_node(3));
    const auto output = harness.run(gpu_job("api", 5));
    EXPECT_EQ(held_by(harness, "api"), (Ids{"x/a", "x/a", "x/b", "x/b"}));
    ASSERT_EQ(output.evaluation().failed_tg_allocs_size(), 1);
    const auto& metrics = output.evaluation().failed_tg_allocs(0).value();
    EXPECT_EQ(to_map(metrics.constraint_filtered()),
              (std::map<std::string, std::int64_t>{{"missing devices", 1}}));
    EXPECT_EQ(to_map(metrics.dimension_exhausted()),
              (std::map<std::string, std::int64_t>{{"devices: gpu", 2}}));
    EXPECT_EQ(output.created_size(), 1) << "the fifth waits";
}

TEST(Devices, of_an_allocation_that_stops_are_free_for_the_next) {
    auto harness = with_devices(1);
    harness.run(gpu_job("old", 2));
    EXPECT_EQ(harness.run(gpu_job("new", 1)).evaluation().failed_tg_allocs_size(), 1);
    harness.report(harness.live("old").front(), "complete");
    EXPECT_EQ(harness.evaluate("new").evaluation().failed_tg_allocs_size(), 0);
    EXPECT_EQ(held_by(harness, "new").size(), 1U);
}

TEST(Devices, are_kept_by_what_is_updated_in_place_and_given_anew_to_what_is_replaced) {
    auto harness = with_devices(1);
    harness.run(gpu_job("api", 2));
    auto changed = gpu_job("api", 2);
    changed.set_priority(60);
    auto output = harness.run(changed);
    EXPECT_EQ(desired(output).in_place_update(), 2U);
    EXPECT_EQ(held_by(harness, "api"), (Ids{"x/a", "x/b"}));
    group_of(changed).mutable_tasks(0)->mutable_resources()->mutable_devices(0)->set_count(2);
    group_of(changed).set_count(1);
    output = harness.run(changed);
    EXPECT_EQ(desired(output).destructive_update(), 1U);
    EXPECT_EQ(held_by(harness, "api"), (Ids{"x/a", "x/b"})) << "both, by the one that is left";
}

TEST(Devices, decide_between_nodes_by_how_well_they_are_liked) {
    Harness harness;
    for (std::uint32_t number = 1; number <= 3; ++number) {
        auto node = make_node(number);
        add_group(node, "acme", "gpu", number == 2 ? "best" : "plain", {"a"});
        harness.add(std::move(node));
    }
    auto job = make_job("api", 1);
    like(ask(job, "gpu"), "${device.model}", "best", 40);
    const auto output = harness.run(job);
    ASSERT_EQ(harness.live("api").size(), 1U);
    EXPECT_EQ(harness.live("api").front()->node_id, node_id(2));
    auto metrics = placements(output).front().metrics();
    schema::show_scores(metrics);
    const auto& scores = metrics.score_meta_data(0).scores();
    const auto at = std::find_if(scores.begin(), scores.end(),
                                 [](const auto& one) { return one.key() == "devices"; });
    ASSERT_NE(at, scores.end());
    EXPECT_EQ(at->value(), 1.0);
}

// Plans of one view, of which the second meets what the first has done.
TEST(Devices, of_two_plans_at_once_go_to_one_of_them) {
    auto harness = with_devices(1, {"a"});
    harness.register_job(gpu_job("one", 1));
    harness.register_job(gpu_job("two", 1));
    const auto second = harness.dry(harness.make_evaluation("two"));
    EXPECT_TRUE(refusals(harness.view(), second.plan()).empty());
    harness.evaluate("one");
    EXPECT_EQ(refusals(harness.view(), second.plan()),
              (std::map<Uuid, std::string>{{node_id(1), "device oversubscribed"}}));
}

TEST(Devices, that_broke_since_the_plan_was_made_are_not_given) {
    auto harness = with_devices(1, {"a"});
    harness.register_job(gpu_job("one", 1));
    const auto output = harness.dry(harness.make_evaluation("one"));
    auto broken = make_node(1);
    add_group(broken, "acme", "gpu", "x", {"a"}).mutable_instances(0)->set_healthy(false);
    harness.add(std::move(broken));
    EXPECT_EQ(refusals(harness.view(), output.plan()),
              (std::map<Uuid, std::string>{{node_id(1), "device is gone or unhealthy"}}));
}

TEST(Devices, whoever_has_one_that_breaks_keeps_it_until_it_ends) {
    auto harness = with_devices(1);
    harness.run(gpu_job("api", 2));
    auto broken = make_node(1);
    add_group(broken, "acme", "gpu", "x", {"a", "b"}).mutable_instances(0)->set_healthy(false);
    harness.add(std::move(broken));
    EXPECT_EQ(placements(harness.evaluate("api")).size(), 0U);
    EXPECT_EQ(held_by(harness, "api"), (Ids{"x/a", "x/b"}));
    for (const auto& row : harness.live("api")) harness.report(row, "failed");
    harness.wall = harness.wall + minute * 5;
    harness.evaluate("api");
    EXPECT_EQ(held_by(harness, "api"), Ids{"x/b"});
}

TEST(Devices, a_more_important_job_takes_as_few_as_it_needs) {
    auto harness = with_devices(1, {"a", "b", "c"});
    harness.preemption = true;
    auto plain = make_job("plain", 2);
    plain.set_priority(10);
    harness.run(plain);
    auto lesser = gpu_job("lesser", 2);
    lesser.set_priority(20);
    harness.run(lesser);
    auto least = gpu_job("least", 1);
    least.set_priority(10);
    harness.run(least);
    auto important = make_job("important", 1);
    important.set_priority(90);
    ask(important, "gpu", 2);
    harness.run(important);
    EXPECT_EQ(held_by(harness, "important").size(), 2U);
    EXPECT_EQ(held_by(harness, "lesser").size(), 1U);
    EXPECT_EQ(held_by(harness, "least").size(), 0U);
    EXPECT_EQ(harness.live("plain").size(), 2U) << "it holds no device";
}

TEST(Devices, a_system_job_gets_one_on_each_node_that_has_one) {
    auto harness = with_devices(2, {"a"});
    harness.add(make_node(3));
    auto service = gpu_job("api", 1);
    harness.run(service);
    auto job = gpu_job("watch", 1, "system");
    job.set_priority(50);
    const auto output = harness.run(job);
    EXPECT_EQ(held_by(harness, "watch"), Ids{"x/a"});
    ASSERT_EQ(output.evaluation().failed_tg_allocs_size(), 1);
    const auto& metrics = output.evaluation().failed_tg_allocs(0).value();
    EXPECT_EQ(to_map(metrics.dimension_exhausted()),
              (std::map<std::string, std::int64_t>{{"devices: gpu", 1}}));
    EXPECT_EQ(to_map(metrics.constraint_filtered()),
              (std::map<std::string, std::int64_t>{{"missing devices", 1}}));
}

TEST(Devices, are_part_of_the_class_as_groups_and_not_as_instances) {
    auto one = make_node(1), other = make_node(2);
    const auto bare = computed_class(one);
    add_group(one, "acme", "gpu", "x", {"a", "b"});
    add_group(other, "acme", "gpu", "x", {"c"});
    EXPECT_NE(computed_class(one), bare);
    EXPECT_EQ(computed_class(one), computed_class(other));
    add_attribute(*other.mutable_node_resources()->mutable_devices(0), "unique.serial")
        .set_string("1");
    EXPECT_EQ(computed_class(one), computed_class(other));
    add_attribute(*other.mutable_node_resources()->mutable_devices(0), "memory").set_int_(8);
    EXPECT_NE(computed_class(one), computed_class(other));
}

}  // namespace
}  // namespace drover::scheduler::testing
