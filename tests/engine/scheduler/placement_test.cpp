// Where allocations go, and what is said where they go nowhere.
#include <gtest/gtest.h>

#include <set>

#include "engine/schema/placement_scores.hpp"
#include "tests/engine/scheduler/harness.hpp"

namespace drover::scheduler::testing {
namespace {

std::map<std::uint32_t, int> by_node(const Harness& harness, const std::string& job,
                                     std::uint32_t nodes) {
    std::map<std::uint32_t, int> counts;
    for (std::uint32_t number = 1; number <= nodes; ++number) {
        for (const auto& row : harness.live(job)) {
            if (row->node_id == node_id(number)) ++counts[number];
        }
    }
    return counts;
}

const schema::AllocMetric& failure(const schema::SchedulerOutput& output) {
    EXPECT_EQ(output.evaluation().failed_tg_allocs_size(), 1);
    return output.evaluation().failed_tg_allocs(0).value();
}

TEST(Placement, places_the_whole_count_with_names_of_their_own) {
    Harness harness;
    harness.add_nodes(3);
    const auto output = harness.run(make_job("api", 5));
    EXPECT_EQ(output.evaluation().status(), "complete");
    EXPECT_EQ(to_map(output.evaluation().queued_allocations()).at("web"), 0);
    std::set<std::string> names;
    for (const auto& row : harness.live("api")) {
        names.emplace(row->body.name());
        EXPECT_EQ(row->body.desired_status(), "run");
        EXPECT_EQ(row->body.client_status(), "pending");
        EXPECT_EQ(row->usage.cpu_mhz, 500);
    }
    EXPECT_EQ(names, (std::set<std::string>{"api.web[0]", "api.web[1]", "api.web[2]", "api.web[3]",
                                            "api.web[4]"}));
}

TEST(Placement, a_second_run_has_nothing_to_do) {
    Harness harness;
    harness.add_nodes(3);
    harness.run(make_job("api", 5));
    const auto again = harness.evaluate("api");
    EXPECT_EQ(again.plan().placements_size(), 0);
    EXPECT_EQ(again.plan().stops_size(), 0);
    EXPECT_EQ(again.created_size(), 0);
    EXPECT_EQ(desired(again).ignore(), 5U);
}

TEST(Placement, equal_inputs_give_equal_plans) {
    Harness first{3}, second{3};
    for (Harness* harness : {&first, &second}) harness->add_nodes(10);
    const auto left = first.run(make_job("api", 20));
    const auto right = second.run(make_job("api", 20));
    EXPECT_EQ(left.SerializeAsString(), right.SerializeAsString());
}

TEST(Placement, fills_a_node_before_it_starts_another_and_spreads_where_told_to) {
    for (const auto algorithm : {Algorithm::binpack, Algorithm::spread}) {
        Harness harness;
        harness.algorithm = algorithm;
        harness.add_nodes(2);
        harness.run(make_job("first", 1));
        harness.run(make_job("second", 1));
        const bool together =
            harness.live("first")[0]->node_id == harness.live("second")[0]->node_id;
        EXPECT_EQ(together, algorithm == Algorithm::binpack);
    }
}

TEST(Placement, allocations_of_one_group_avoid_each_other) {
    Harness harness;
    harness.add_nodes(4);
    harness.run(make_job("api", 4));
    EXPECT_EQ(by_node(harness, "api", 4).size(), 4U);
}

TEST(Placement, what_does_not_fit_is_explained_and_waits) {
    Harness harness;
    harness.add_nodes(2);
    auto job = make_job("big", 3);
    group_of(job).mutable_tasks(0)->mutable_resources()->set_memory_mb(6000);
    const auto output = harness.run(job);
    EXPECT_EQ(harness.live("big").size(), 2U);
    const auto& metrics = failure(output);
    EXPECT_EQ(metrics.nodes_evaluated(), 2);
    EXPECT_EQ(metrics.nodes_exhausted(), 2);
    EXPECT_EQ(metrics.nodes_filtered(), 0);
    EXPECT_EQ(to_map(metrics.dimension_exhausted()),
              (std::map<std::string, std::int64_t>{{"memory", 2}}));
    EXPECT_EQ(to_map(metrics.nodes_available()), (std::map<std::string, std::int64_t>{{"dc1", 2}}));
    EXPECT_EQ(metrics.nodes_in_pool(), 2);
    EXPECT_EQ(metrics.resources_exhausted(0).value().memory_mb(), 6000);
    EXPECT_EQ(to_map(output.evaluation().queued_allocations()).at("web"), 1);
    ASSERT_EQ(output.created_size(), 1);
    const auto& blocked = output.created(0);
    EXPECT_EQ(blocked.status(), "blocked");
    EXPECT_EQ(blocked.triggered_by(), "queued-allocs");
    EXPECT_EQ(output.evaluation().blocked_eval(), blocked.id());
    ASSERT_EQ(blocked.class_eligibility_size(), 1);
    EXPECT_TRUE(blocked.class_eligibility(0).value());
    EXPECT_FALSE(blocked.escaped_computed_class());
}

TEST(Placement, further_failures_of_a_group_are_counted_and_not_repeated) {
    Harness harness;
    harness.add_nodes(1);
    auto job = make_job("big", 5);
    group_of(job).mutable_tasks(0)->mutable_resources()->set_cpu(3000);
    const auto output = harness.run(job);
    EXPECT_EQ(failure(output).coalesced_failures(), 3);
    EXPECT_EQ(failure(output).resources_exhausted(0).value().cpu(), 4 * 3000);
    EXPECT_EQ(to_map(output.evaluation().queued_allocations()).at("web"), 4);
}

TEST(Placement, a_blocked_evaluation_stays_blocked_under_its_own_name) {
    Harness harness;
    harness.add_nodes(1);
    auto job = make_job("big", 2);
    group_of(job).mutable_tasks(0)->mutable_resources()->set_cpu(3000);
    const auto first = harness.run(job);
    const auto again = harness.commit(first.created(0));
    EXPECT_EQ(again.evaluation().status(), "blocked");
    EXPECT_EQ(again.evaluation().id(), first.created(0).id());
    EXPECT_EQ(again.created_size(), 0);
    harness.add(make_node(2));
    const auto last = harness.commit(again.evaluation());
    EXPECT_EQ(last.evaluation().status(), "complete");
    EXPECT_EQ(harness.live("big").size(), 2U);
}

TEST(Placement, filters_say_which_constraint_and_which_class) {
    Harness harness;
    for (std::uint32_t number = 1; number <= 4; ++number) {
        auto node = make_node(number);
        set_attribute(node, "kernel.name", number <= 3 ? "linux" : "windows");
        if (number <= 3) node.set_node_class("penguin");
        harness.add(std::move(node));
    }
    auto job = make_job("picky", 1);
    add_constraint(job, "${attr.kernel.name}", "=", "plan9");
    const auto output = harness.run(job);
    const auto& metrics = failure(output);
    EXPECT_EQ(metrics.nodes_evaluated(), 4);
    EXPECT_EQ(metrics.nodes_filtered(), 4);
    EXPECT_EQ(to_map(metrics.constraint_filtered()),
              (std::map<std::string, std::int64_t>{{"${attr.kernel.name} = plan9", 4}}));
    EXPECT_EQ(to_map(metrics.class_filtered()),
              (std::map<std::string, std::int64_t>{{"penguin", 3}}));
    EXPECT_EQ(output.created(0).class_eligibility_size(), 2);
    for (const auto& pair : output.created(0).class_eligibility()) EXPECT_FALSE(pair.value());
}

TEST(Placement, a_constraint_on_one_node_escapes_the_classes) {
    Harness harness;
    harness.add_nodes(3);
    auto job = make_job("there", 1);
    add_constraint(job, "${node.unique.name}", "=", "node-2");
    harness.run(job);
    ASSERT_EQ(harness.live("there").size(), 1U);
    EXPECT_EQ(harness.live("there")[0]->node_id, node_id(2));
    auto nowhere = make_job("nowhere", 1);
    add_constraint(nowhere, "${node.unique.name}", "=", "node-9");
    const auto output = harness.run(nowhere);
    EXPECT_TRUE(output.created(0).escaped_computed_class());
    EXPECT_EQ(output.created(0).class_eligibility_size(), 0);
}

TEST(Placement, nodes_out_of_reach_are_not_looked_at) {
    struct Row {
        const char* why;
        std::function<void(schema::Node&)> make;
    };
    const Row rows[]{
        {"another datacenter", [](schema::Node& node) { node.set_datacenter("dc2"); }},
        {"another pool", [](schema::Node& node) { node.set_node_pool("gpu"); }},
        {"not ready", [](schema::Node& node) { node.set_status("down"); }},
        {"ineligible", nullptr},
        {"draining", [](schema::Node& node) { node.mutable_drain_strategy(); }},
    };
    for (const auto& row : rows) {
        Harness harness;
        auto node = make_node(1);
        if (row.make != nullptr) row.make(node);
        harness.add(std::move(node));
        if (row.make == nullptr) harness.set_eligibility(1, "ineligible");
        auto job = make_job("api", 1);
        job.clear_datacenters();
        job.add_datacenters("dc1");
        const auto output = harness.run(job);
        EXPECT_EQ(failure(output).nodes_evaluated(), 0) << row.why;
        EXPECT_EQ(to_map(failure(output).nodes_available()).at("dc1"), 0) << row.why;
    }
}

TEST(Placement, a_task_needs_its_driver_healthy) {
    Harness harness;
    auto sick = make_node(1);
    auto& driver = *sick.add_drivers();
    driver.set_name("mock");
    driver.set_detected(true);
    driver.set_healthy(false);
    harness.add(std::move(sick));
    auto without = make_node(2);
    without.clear_attributes();
    harness.add(std::move(without));
    const auto output = harness.run(make_job("api", 1));
    EXPECT_EQ(to_map(failure(output).constraint_filtered()),
              (std::map<std::string, std::int64_t>{{"missing drivers", 2}}));
    harness.add(make_node(3));
    EXPECT_EQ(placements(harness.evaluate("api")).at(0).node_id(), node_id(3).raw());
}

TEST(Placement, distinct_hosts_takes_each_node_once) {
    Harness harness;
    harness.add_nodes(2);
    auto job = make_job("api", 3);
    add_constraint(job, "", "distinct_hosts", "");
    const auto output = harness.run(job);
    EXPECT_EQ(by_node(harness, "api", 2), (std::map<std::uint32_t, int>{{1, 1}, {2, 1}}));
    EXPECT_EQ(to_map(failure(output).constraint_filtered()),
              (std::map<std::string, std::int64_t>{{"distinct_hosts", 2}}));
}

TEST(Placement, distinct_property_takes_each_value_as_often_as_allowed) {
    Harness harness;
    for (std::uint32_t number = 1; number <= 6; ++number) {
        auto node = make_node(number);
        if (number < 6) set_meta(node, "rack", number <= 3 ? "r1" : "r2");
        harness.add(std::move(node));
    }
    auto job = make_job("api", 5);
    add_constraint(job, "${meta.rack}", "distinct_property", "2");
    const auto output = harness.run(job);
    std::map<std::string, int> racks;
    for (const auto& [node, count] : by_node(harness, "api", 6))
        racks[node <= 3 ? "r1" : "r2"] += count;
    EXPECT_EQ(racks, (std::map<std::string, int>{{"r1", 2}, {"r2", 2}}));
    EXPECT_EQ(failure(output).nodes_filtered(), 6);
}

TEST(Placement, affinities_draw_and_repel) {
    for (const int weight : {100, -100}) {
        Harness harness;
        for (std::uint32_t number = 1; number <= 2; ++number) {
            auto node = make_node(number);
            set_meta(node, "disk", number == 1 ? "ssd" : "tape");
            harness.add(std::move(node));
        }
        auto job = make_job("api", 1);
        auto& affinity = *job.add_affinities();
        affinity.set_l_target("${meta.disk}");
        affinity.set_r_target("ssd");
        affinity.set_operand("=");
        affinity.set_weight(weight);
        harness.run(job);
        EXPECT_EQ(harness.live("api").at(0)->node_id, node_id(weight > 0 ? 1 : 2));
    }
}

TEST(Placement, spread_follows_its_targets) {
    Harness harness;
    for (std::uint32_t number = 1; number <= 10; ++number) {
        auto node = make_node(number);
        set_meta(node, "rack", number <= 5 ? "r1" : "r2");
        harness.add(std::move(node));
    }
    auto job = make_job("api", 10);
    auto& spread = *job.add_spreads();
    spread.set_attribute("${meta.rack}");
    spread.set_weight(100);
    for (const auto& [rack, percent] : {std::pair{"r1", 70U}, {"r2", 30U}}) {
        auto& target = *spread.add_spread_target();
        target.set_value(rack);
        target.set_percent(percent);
    }
    harness.run(job);
    int first = 0;
    for (const auto& [node, count] : by_node(harness, "api", 10)) first += node <= 5 ? count : 0;
    EXPECT_EQ(first, 7);
}

TEST(Placement, even_spread_keeps_racks_level) {
    Harness harness;
    for (std::uint32_t number = 1; number <= 9; ++number) {
        auto node = make_node(number);
        set_meta(node, "rack", "r" + std::to_string(number <= 6 ? 1 : number <= 8 ? 2 : 3));
        harness.add(std::move(node));
    }
    auto job = make_job("api", 6);
    job.add_spreads()->set_attribute("${meta.rack}");
    harness.run(job);
    std::map<int, int> racks;
    for (const auto& [node, count] : by_node(harness, "api", 9)) {
        racks[node <= 6 ? 1 : node <= 8 ? 2 : 3] += count;
    }
    EXPECT_EQ(racks, (std::map<int, int>{{1, 2}, {2, 2}, {3, 2}}));
}

TEST(Placement, a_static_port_is_given_once_per_node) {
    Harness harness;
    harness.add_nodes(2);
    auto job = make_job("api", 3);
    auto& port = *group_of(job).add_networks()->add_reserved_ports();
    port.set_label("http");
    port.set_value(8080);
    const auto output = harness.run(job);
    EXPECT_EQ(by_node(harness, "api", 2), (std::map<std::uint32_t, int>{{1, 1}, {2, 1}}));
    EXPECT_EQ(
        to_map(failure(output).dimension_exhausted()),
        (std::map<std::string, std::int64_t>{{"network: reserved port collision http=8080", 2}}));
    const auto resources = harness.live("api")[0]->body.allocated_resources();
    const auto& ports = resources.shared().ports();
    ASSERT_EQ(ports.size(), 1);
    EXPECT_EQ(ports[0].value(), 8080);
}

TEST(Placement, dynamic_ports_come_from_their_range_and_differ) {
    Harness harness;
    auto node = make_node(1);
    node.mutable_node_resources()->set_min_dynamic_port(30000);
    node.mutable_node_resources()->set_max_dynamic_port(30004);
    harness.add(std::move(node));
    auto job = make_job("api", 5);
    auto& network = *group_of(job).add_networks();
    auto& port = *network.add_dynamic_ports();
    port.set_label("http");
    port.set_to(-1);
    const auto output = harness.run(job);
    std::set<int> values;
    for (const auto& row : harness.live("api")) {
        const auto resources = row->body.allocated_resources();
        const auto& shared = resources.shared();
        values.insert(shared.ports(0).value());
        EXPECT_EQ(shared.ports(0).to(), shared.ports(0).value());
        EXPECT_EQ(shared.networks(0).dynamic_ports(0).value(), shared.ports(0).value());
    }
    EXPECT_EQ(values, (std::set<int>{30000, 30001, 30002, 30003}));
    EXPECT_EQ(to_map(failure(output).dimension_exhausted()),
              (std::map<std::string, std::int64_t>{{"network: dynamic port selection failed", 1}}));
}

TEST(Placement, the_five_best_nodes_are_shown_with_their_scores) {
    Harness harness;
    harness.add_nodes(8);
    const auto output = harness.run(make_job("api", 2));
    const auto placed = placements(output);
    for (const auto& allocation : placed) {
        auto metrics = allocation.metrics();
        schema::show_scores(metrics);
        const auto& scores = metrics.score_meta_data();
        ASSERT_EQ(scores.size(), 5);
        EXPECT_EQ(scores[0].node_id(), allocation.node_id());
        EXPECT_EQ(allocation.metrics().nodes_evaluated(), 8);
        for (int i = 1; i < scores.size(); ++i) {
            EXPECT_LE(scores[i].norm_score(), scores[i - 1].norm_score());
        }
    }
}

TEST(Placement, jobs_that_this_release_cannot_schedule_are_refused_clearly) {
    Harness harness;
    harness.register_job(make_job("agent", 1, "cron"));
    const auto output = harness.dry(harness.make_evaluation("agent", "cron"));
    EXPECT_EQ(output.evaluation().status(), "failed");
    EXPECT_NE(output.evaluation().status_description().find("cron"), std::string::npos);
    const auto odd = harness.dry(harness.make_evaluation("agent", "service", "full-moon"));
    EXPECT_EQ(odd.evaluation().status_description(),
              "scheduler cannot handle 'full-moon' evaluation reason");
}

}  // namespace
}  // namespace drover::scheduler::testing
