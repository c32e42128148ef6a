// The small parts by themselves: fit and refusal, ports, names, scores, heaps, computed classes.
#include <gtest/gtest.h>

#include <set>

#include "engine/scheduler/fit.hpp"
#include "engine/scheduler/indexed_heaps.hpp"
#include "engine/scheduler/names.hpp"
#include "engine/scheduler/ports.hpp"
#include "engine/scheduler/score.hpp"
#include "engine/schema/node.pb.h"
#include "tests/engine/scheduler/harness.hpp"

namespace drover::scheduler::testing {
namespace {

// Of this node; empty where it takes its part of the plan.
std::string refusal(const state::StateView& view, const schema::Plan& plan, const Uuid& node) {
    const auto all = refusals(view, plan);
    const auto why = all.find(node);
    return why == all.end() ? std::string{} : why->second;
}

TEST(Fit, the_first_dimension_that_runs_out_is_named) {
    const Capacity capacity{1000, 512, 100, 2};
    struct Row {
        const char* why;
        state::Usage used;
        const char* dimension;
    };
    const Row rows[]{
        {"exactly full is not too full", {1000, 512, 0, 100, 2}, nullptr},
        {"too many", {0, 0, 0, 0, 3}, "max allocation exceeded"},
        {"cpu comes before memory", {1001, 513, 0, 0, 1}, "cpu"},
        {"memory", {0, 513, 0, 0, 1}, "memory"},
        {"what may be used beyond the reservation is not counted", {0, 0, 9999, 0, 1}, nullptr},
        {"disk", {0, 0, 0, 101, 1}, "disk"},
    };
    for (const auto& row : rows)
        EXPECT_STREQ(exceeded(capacity, row.used), row.dimension) << row.why;
}

TEST(Fit, what_is_reserved_for_the_host_is_not_there) {
    auto node = make_node(1);
    node.mutable_reserved_resources()->mutable_cpu()->set_cpu_shares(500);
    node.mutable_reserved_resources()->mutable_memory()->set_memory_mb(192);
    EXPECT_EQ(capacity_of(node), (Capacity{3500, 8000, 100000, 0}));
}

TEST(Refusal, a_plan_is_checked_against_the_state_that_it_meets) {
    struct Row {
        const char* why;
        std::function<void(Harness&)> meanwhile;
        const char* refusal;  // null: it may be committed
    };
    const Row rows[]{
        {"nothing happened", [](Harness&) {}, nullptr},
        {"the node went down", [](Harness& harness) { harness.set_status(1, "down"); },
         "node is down"},
        {"the node became ineligible",
         [](Harness& harness) { harness.set_eligibility(1, "ineligible"); },
         "node is not eligible"},
        {"another plan took the room",
         [](Harness& harness) {
             auto other = make_job("other", 1);
             group_of(other).mutable_tasks(0)->mutable_resources()->set_cpu(3800);
             harness.run(other);
         },
         "cpu"},
    };
    for (const auto& row : rows) {
        Harness harness;
        harness.add_nodes(1);
        harness.register_job(make_job("api", 1));
        const auto output = harness.dry(harness.make_evaluation("api"));
        row.meanwhile(harness);
        const auto why = refusal(harness.view(), output.plan(), node_id(1));
        EXPECT_EQ(why, row.refusal == nullptr ? "" : row.refusal) << row.why;
        EXPECT_EQ(refusals(harness.view(), output.plan()).size(), row.refusal == nullptr ? 0U : 1U);
    }
}

TEST(Refusal, a_node_that_never_was_or_is_gone_takes_nothing) {
    Harness harness;
    harness.add_nodes(1);
    harness.register_job(make_job("api", 1));
    auto output = harness.dry(harness.make_evaluation("api"));
    output.mutable_plan()->mutable_placements(0)->set_node_id(node_id(9).raw());
    EXPECT_EQ(refusal(harness.view(), output.plan(), node_id(9)), "node does not exist");
    EXPECT_EQ(refusal(harness.view(), output.plan(), node_id(1)), "") << "nothing is planned there";
}

TEST(Refusal, updates_in_place_and_stops_are_fine_on_any_node) {
    Harness harness;
    harness.add_nodes(1);
    harness.run(make_job("api", 2));
    auto job = make_job("api", 1);
    job.set_priority(70);
    harness.register_job(job);
    const auto output = harness.dry(harness.make_evaluation("api"));
    EXPECT_EQ(placements(output).size(), 1U);
    EXPECT_EQ(count_stops(output), 1);
    harness.set_eligibility(1, "ineligible");
    EXPECT_TRUE(refusals(harness.view(), output.plan()).empty());
}

TEST(Refusal, a_port_that_was_taken_meanwhile_is_noticed) {
    Harness harness;
    harness.add_nodes(1);
    const auto with_port = [](const char* id) {
        auto job = make_job(id, 1);
        auto& port = *group_of(job).add_networks()->add_reserved_ports();
        port.set_label("http");
        port.set_value(8080);
        return job;
    };
    harness.register_job(with_port("api"));
    const auto output = harness.dry(harness.make_evaluation("api"));
    harness.run(with_port("other"));
    EXPECT_EQ(refusal(harness.view(), output.plan(), node_id(1)),
              "reserved node/alloc port collision");
}

TEST(Ports, lists_are_read_with_ranges_and_without_nonsense) {
    EXPECT_EQ(parse_port_list("22, 80-82,443"), (std::vector<std::int32_t>{22, 80, 81, 82, 443}));
    EXPECT_EQ(parse_port_list("x,-5,70000,9-7,"), std::vector<std::int32_t>{});
    std::string absurd = "0-65535";
    for (int i = 0; i < 200; ++i) absurd += ",0-65535";
    EXPECT_EQ(parse_port_list(absurd).size(), 65536U);
}

TEST(Ports, what_the_host_keeps_is_never_offered) {
    auto node = make_node(1);
    node.mutable_reserved_resources()->mutable_networks()->set_reserved_host_ports(
        "8080,20000-31998");
    const NodePorts ports{node};
    schema::NetworkResource ask;
    auto& fixed = *ask.add_reserved_ports();
    fixed.set_label("http");
    fixed.set_value(8080);
    EXPECT_EQ(ports.offers_static(ask).error().message,
              "network: reserved port collision http=8080");
    schema::NetworkResource any;
    any.add_dynamic_ports()->set_label("a");
    Prng prng{1};
    EXPECT_EQ(ports.offer(any, prng)->at(0).value(), 31999) << "the only one that is left";
    any.add_dynamic_ports()->set_label("b");
    EXPECT_FALSE(ports.offer(any, prng)) << "one offer never holds a port twice";
}

TEST(Ports, a_host_network_has_addresses_of_its_own) {
    auto node = make_node(1);
    auto& network = *node.mutable_node_resources()->add_node_networks();
    for (const auto& [alias, ip] : {std::pair{"default", "10.0.0.1"}, {"public", "1.2.3.4"}}) {
        auto& address = *network.add_addresses();
        address.set_alias(alias);
        address.set_address(ip);
    }
    NodePorts ports{node};
    schema::NetworkResource ask;
    auto& port = *ask.add_reserved_ports();
    port.set_label("http");
    port.set_value(80);
    Prng prng{1};
    const auto first = ports.offer(ask, prng);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->at(0).host_ip(), "10.0.0.1");
    schema::AllocatedResources taken;
    *taken.mutable_shared()->add_ports() = first->at(0);
    EXPECT_TRUE(ports.add(taken));
    EXPECT_FALSE(ports.offer(ask, prng));
    port.set_host_network("public");
    EXPECT_EQ(ports.offer(ask, prng)->at(0).host_ip(), "1.2.3.4");
    ports.remove(taken);
    port.set_host_network("");
    EXPECT_TRUE(ports.offer(ask, prng));
}

TEST(Names, hold_job_group_and_index) {
    EXPECT_EQ(allocation_name("api", "web", 3), "api.web[3]");
    EXPECT_EQ(index_of("api.web[12]"), 12U);
    EXPECT_EQ(index_of("odd[1].web[2]"), 2U);
    EXPECT_EQ(index_of("api"), 0U);
    EXPECT_EQ(index_of("api.web[x]"), 0U);
    EXPECT_EQ(index_of("[]"), 0U);
}

TEST(Names, the_lowest_free_ones_come_first_and_the_highest_leave_first) {
    NameIndex names{"j", "g", 4};
    names.use("j.g[1]");
    names.use("j.g[6]");
    EXPECT_EQ(names.next(2), (std::vector<std::string>{"j.g[0]", "j.g[2]"}));
    EXPECT_EQ(names.next(2), (std::vector<std::string>{"j.g[3]", "j.g[0]"})) << "overlapping";
    EXPECT_EQ(names.take_highest(2), (NameSet{"j.g[6]", "j.g[3]"}));
    names.release("j.g[2]");
    EXPECT_EQ(names.without_duplicate("j.g[0]"), "j.g[2]");
    EXPECT_EQ(names.without_duplicate("j.g[1]"), "j.g[1]");
}

TEST(Names, canaries_take_the_names_that_they_will_inherit) {
    NameIndex names{"j", "g", 2};
    for (const char* name : {"j.g[0]", "j.g[1]"}) names.use(name);
    EXPECT_EQ(names.next_canaries(3, {}, {"j.g[1]"}),
              (std::vector<std::string>{"j.g[1]", "j.g[2]", "j.g[3]"}));
}

TEST(Score, powers_of_ten_are_close_at_the_known_points) {
    EXPECT_EQ(power_of_ten(0), score_one);
    EXPECT_EQ(power_of_ten(score_one), 10 * score_one);
    EXPECT_NEAR(to_double(power_of_ten(score_one / 2)), 3.16227766, 1e-6);
    EXPECT_NEAR(to_double(power_of_ten(score_one / 3)), 2.15443469, 1e-6);
    Score before = 0;
    for (Score x = 0; x <= score_one; x += 4099) {
        EXPECT_GT(power_of_ten(x), before);
        before = power_of_ten(x);
    }
}

TEST(Score, ratios_survive_absurd_numbers) {
    EXPECT_EQ(ratio(1, 2), score_one / 2);
    EXPECT_EQ(ratio(-3, 2), -score_one * 3 / 2);
    EXPECT_EQ(ratio(5, 0), 0);
    EXPECT_EQ(ratio(INT64_MAX, INT64_MAX), score_one);
    EXPECT_EQ(ratio(INT64_MIN + 1, INT64_MAX), -score_one);
}

TEST(Score, full_is_good_for_one_algorithm_and_empty_for_the_other) {
    const Capacity capacity{1000, 1000, 0, 0};
    const state::Usage empty{}, full{1000, 1000, 0, 0, 1};
    EXPECT_EQ(fitness(capacity, empty, Algorithm::binpack), 0);
    EXPECT_EQ(fitness(capacity, full, Algorithm::binpack), score_one);
    EXPECT_EQ(fitness(capacity, empty, Algorithm::spread), score_one);
    EXPECT_EQ(fitness(capacity, full, Algorithm::spread), 0);
}

TEST(Heaps, the_greatest_is_on_top_whatever_moves) {
    Prng prng{7};
    constexpr std::uint32_t items = 200;
    IndexedHeaps<std::uint64_t> heaps{items, 3};
    std::map<std::uint32_t, std::pair<std::size_t, std::uint64_t>> model;
    for (int step = 0; step < 20000; ++step) {
        const auto item = static_cast<std::uint32_t>(prng.below(items));
        if (prng.chance(1, 4)) {
            heaps.erase(item);
            model.erase(item);
        } else {
            const auto heap = static_cast<std::size_t>(prng.below(3));
            const std::uint64_t key = prng.below(1000);
            heaps.put(item, heap, key);
            model[item] = {heap, key};
        }
        std::array<std::size_t, 3> sizes{};
        std::array<std::uint64_t, 3> greatest{};
        for (const auto& [known, at] : model) {
            ++sizes[at.first];
            greatest[at.first] = std::max(greatest[at.first], at.second);
        }
        for (std::size_t heap = 0; heap < 3; ++heap) {
            ASSERT_EQ(heaps.heap(heap).size(), sizes[heap]);
            if (sizes[heap] == 0) continue;
            ASSERT_EQ(heaps.heap(heap)[0].key, greatest[heap]);
        }
        ASSERT_EQ(heaps.contains(item), model.contains(item));
    }
}

TEST(NodeClass, differs_by_what_schedulers_see_and_by_nothing_else) {
    const auto plain = computed_class(make_node(1));
    EXPECT_EQ(computed_class(make_node(2)), plain) << "ids and names are not seen";
    struct Row {
        const char* why;
        std::function<void(schema::Node&)> change;
        bool differs;
    };
    const Row rows[]{
        {"a unique attribute",
         [](schema::Node& node) { set_attribute(node, "unique.hostname", "a"); }, false},
        {"room",
         [](schema::Node& node) {
             node.mutable_node_resources()->mutable_cpu()->set_cpu_shares(1);
         },
         false},
        {"status", [](schema::Node& node) { node.set_status("down"); }, false},
        {"an attribute", [](schema::Node& node) { set_attribute(node, "os", "a"); }, true},
        {"meta", [](schema::Node& node) { set_meta(node, "rack", "a"); }, true},
        {"datacenter", [](schema::Node& node) { node.set_datacenter("dc9"); }, true},
        {"pool", [](schema::Node& node) { node.set_node_pool("gpu"); }, true},
        {"class", [](schema::Node& node) { node.set_node_class("large"); }, true},
        {"a driver's health", [](schema::Node& node) { node.add_drivers()->set_name("mock"); },
         true},
    };
    for (const auto& row : rows) {
        auto node = make_node(1);
        row.change(node);
        EXPECT_EQ(computed_class(node) != plain, row.differs) << row.why;
    }
    auto left = make_node(1), right = make_node(1);
    set_meta(left, "a", "1");
    set_meta(left, "b", "2");
    set_meta(right, "b", "2");
    set_meta(right, "a", "1");
    EXPECT_EQ(computed_class(left), computed_class(right)) << "order is not seen";
}

}  // namespace
}  // namespace drover::scheduler::testing
