// Who is woken when something changes, told by small tables; and by random histories, after which
// nobody may wait for room that is there.
#include "engine/control/blocked.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "tests/engine/control/led.hpp"
#include "tests/engine/scheduler/harness.hpp"

namespace drover::control::testing {
namespace {

using namespace scheduler::testing;

struct Shape {
    std::uint32_t number;
    const char* job;
    std::uint64_t seen;
    std::vector<std::pair<const char*, bool>> classes;
    bool escaped = false;
    const char* trigger = "queued-allocs";
};

Uuid uuid(std::uint32_t number) {
    Uuid id;
    id.bytes[15] = static_cast<std::uint8_t>(number);
    return id;
}

EvaluationPtr evaluation(const Shape& shape) {
    auto made = std::make_shared<schema::Evaluation>();
    made->set_id(uuid(shape.number).raw());
    made->set_namespace_("default");
    made->set_job_id(shape.job);
    made->set_type("service");
    made->set_snapshot_index(shape.seen);
    made->set_triggered_by(shape.trigger);
    made->set_escaped_computed_class(shape.escaped);
    for (const auto& [name, eligible] : shape.classes) {
        auto* pair = made->add_class_eligibility();
        pair->set_key(name);
        pair->set_value(eligible);
    }
    return made;
}

// One node of class "big".
class OneNode : public ::testing::Test {
protected:
    OneNode() {
        auto node = make_node(1);
        node.set_computed_class("big");
        harness.add(std::move(node));
    }
    [[nodiscard]] std::size_t woken_by_change() {
        blocked.node_changed(node_id(1), 9, {});
        return blocked.take_woken(harness.view()).size();
    }
    void block(const Shape& shape) { blocked.block(evaluation(shape), harness.view()); }

    Harness harness;
    BlockedEvaluations blocked;
};

TEST_F(OneNode, only_a_class_that_may_help_wakes) {
    struct Row {
        const char* why;
        Shape shape;
        bool woken;
    };
    const Row rows[]{
        {"a class found eligible", {1, "a", 5, {{"big", true}}}, true},
        {"a class never looked at", {1, "a", 5, {{"small", true}}}, true},
        {"a class found ineligible", {1, "a", 5, {{"big", false}}}, false},
        {"constraints that no class decides", {1, "a", 5, {{"big", false}}, true}, true},
        {"it has seen the change", {1, "a", 9, {{"big", true}}}, false},
    };
    for (const Row& row : rows) {
        blocked = {};
        block(row.shape);
        ASSERT_TRUE(blocked.take_woken(harness.view()).empty()) << row.why;
        EXPECT_EQ(woken_by_change(), row.woken ? 1U : 0U) << row.why;
        EXPECT_EQ(blocked.count(), row.woken ? 0U : 1U) << row.why;
    }
}

TEST_F(OneNode, change_after_the_view_but_before_the_block_is_not_missed) {
    struct Row {
        const char* why;
        Shape shape;
        bool at_once;
    };
    const Row rows[]{
        {"its view had the change already", {1, "a", 9, {}}, false},
        {"its view was older", {1, "a", 8, {}}, true},
        {"its view was older, but this class is no help", {1, "a", 8, {{"big", false}}}, false},
    };
    for (const Row& row : rows) {
        blocked = {};
        EXPECT_EQ(woken_by_change(), 0U);
        block(row.shape);
        EXPECT_EQ(blocked.take_woken(harness.view()).size(), row.at_once ? 1U : 0U) << row.why;
    }
}

TEST_F(OneNode, job_keeps_only_the_evaluation_that_saw_most) {
    block({1, "a", 5, {}});
    block({2, "a", 7, {}});
    block({3, "a", 6, {}});
    EXPECT_EQ(blocked.count(), 1U);
    const auto duplicates = blocked.take_duplicates();
    ASSERT_EQ(duplicates.size(), 2U);
    EXPECT_EQ(id_of(*duplicates[0]), uuid(1));
    EXPECT_EQ(id_of(*duplicates[1]), uuid(3));
    blocked.node_changed(node_id(1), 9, {});
    EXPECT_EQ(id_of(*blocked.take_woken(harness.view()).front()), uuid(2));
}

TEST_F(OneNode, those_out_of_attempts_wait_for_time_alone) {
    block({1, "a", 5, {}});
    block({2, "b", 5, {}, false, "max-plan-attempts"});
    blocked.retry_failed();
    const auto woken = blocked.take_woken(harness.view());
    ASSERT_EQ(woken.size(), 1U);
    EXPECT_EQ(id_of(*woken.front()), uuid(2));
}

// ---- with a leader

schema::Job sized_job(const std::string& id, int count, int cpu) {
    auto job = make_job(id, count, "batch");
    group_of(job).mutable_tasks(0)->mutable_resources()->set_cpu(cpu);
    return job;
}

schema::Entry registration(schema::Job job, Led& led) {
    schema::Entry entry;
    auto& body = *entry.mutable_register_job();
    *body.mutable_evaluation() = new_evaluation({Led::start, led.ids()}, job, "job-register");
    *body.mutable_job() = std::move(job);
    return entry;
}

schema::Entry ending(const state::AllocationRow& row) {
    schema::Entry entry;
    auto& allocation = *entry.mutable_update_allocations()->add_allocations();
    allocation.set_id(row.id.raw());
    allocation.set_client_status("complete");
    return entry;
}

std::size_t live_count(const Led& led) {
    std::size_t live = 0;
    const auto view = led.view();
    for (const auto& row : view.allocations()) live += row->terminal() ? 0 : 1;
    return live;
}

TEST(Unblocking, as_many_plans_are_made_as_there_is_room_for) {
    Harness harness;
    harness.add_nodes(2);
    Led led{harness.view()};
    led.apply(registration(sized_job("full", 8, 1000), led));
    led.settle();
    for (int i = 0; i < 100; ++i) {
        auto job = sized_job("waits-" + std::to_string(i), 1, 250);
        job.set_priority(i == 70 ? 60 : 50);
        led.apply(registration(std::move(job), led));
    }
    led.settle();
    ASSERT_EQ(live_count(led), 8U);
    ASSERT_EQ(led.leader().blocked().count(), 100U);

    const std::size_t before = led.plans();
    const auto view = led.view();
    led.apply(ending(**view.allocations_of({"default", "full"}).begin()));
    led.settle();
    EXPECT_EQ(live_count(led), 7U + 4U);
    EXPECT_EQ(led.plans() - before, 4U) << "1000 MHz came free, and each asks for 250";
    EXPECT_FALSE(led.view().allocations_of({"default", "waits-70"}).empty())
        << "the highest priority goes first";
    EXPECT_EQ(led.leader().blocked().count(), 96U);
}

TEST(Unblocking, room_that_was_offered_in_vain_is_offered_to_the_others) {
    Harness harness;
    harness.add_nodes(1);
    Led led{harness.view()};
    auto full = sized_job("full", 1, 4000);
    *group_of(full).add_networks()->add_reserved_ports() = [] {
        schema::Port port;
        port.set_label("http");
        port.set_value(8080);
        return port;
    }();
    led.apply(registration(std::move(full), led));
    for (int i = 0; i < 40; ++i) {
        auto job = sized_job("picky-" + std::to_string(i), 1, 4000);
        add_constraint(job, "${node.unique.name}", "=", "another");
        led.apply(registration(std::move(job), led));
    }
    led.apply(registration(sized_job("last", 1, 4000), led));
    led.settle();
    const auto view = led.view();
    led.apply(ending(**view.allocations_of({"default", "full"}).begin()));
    led.settle();
    EXPECT_FALSE(led.view().allocations_of({"default", "last"}).empty());
}

TEST(Unblocking, new_leader_wakes_what_the_one_before_had_woken) {
    Harness harness;
    harness.add_nodes(1);
    Led led{harness.view()};
    led.apply(registration(sized_job("full", 1, 4000), led));
    led.settle();
    led.apply(registration(sized_job("waits", 1, 4000), led));
    led.settle();
    const auto view = led.view();
    led.apply(ending(**view.allocations_of({"default", "full"}).begin()));
    led.elect();
    led.settle();
    EXPECT_EQ(live_count(led), 1U);
}

// ---- nobody waits for room that is there

constexpr std::uint32_t property_nodes = 4;

schema::Job random_job(int number, Prng& prng) {
    auto job = sized_job("job-" + std::to_string(number), static_cast<int>(prng.between(1, 4)),
                         static_cast<int>(250 * prng.between(1, 10)));
    if (prng.chance(1, 2)) job.set_type("service");
    job.set_priority(static_cast<int>(prng.between(1, 3)) * 20);
    if (prng.chance(1, 3)) {
        add_constraint(job, "${node.unique.name}", "=",
                       "node-" + std::to_string(prng.between(1, property_nodes)));
    }
    if (prng.chance(1, 4)) add_constraint(job, "", "distinct_hosts", "true");
    if (prng.chance(1, 4)) add_constraint(job, "${meta.rack}", "distinct_property", "");
    if (prng.chance(1, 5)) {
        auto& port = *group_of(job).add_networks()->add_reserved_ports();
        port.set_label("http");
        port.set_value(8080);
    }
    return job;
}

schema::Entry random_end(const Led& led, Prng& prng) {
    const auto view = led.view();
    std::vector<state::AllocationPtr> live;
    for (const auto& row : view.allocations()) {
        if (!row->terminal() || !row->client_terminal()) live.push_back(row);
    }
    if (live.empty()) return {};
    return ending(*live[prng.below(live.size())]);
}

schema::Entry random_entry(Led& led, int number, Prng& prng) {
    schema::Entry entry;
    const auto id = node_id(static_cast<std::uint32_t>(prng.between(1, property_nodes))).raw();
    switch (prng.below(8)) {
        case 0:
            entry.mutable_change_node_eligibility()->set_node_id(id);
            entry.mutable_change_node_eligibility()->set_eligibility(
                prng.chance(1, 3) ? "ineligible" : "eligible");
            return entry;
        case 1:
        case 2:
        case 3:
            return random_end(led, prng);
        default:
            return registration(random_job(number % 12, prng), led);
    }
}

schema::Entry everybody_eligible(std::uint32_t node) {
    schema::Entry entry;
    entry.mutable_change_node_eligibility()->set_node_id(node_id(node).raw());
    entry.mutable_change_node_eligibility()->set_eligibility("eligible");
    return entry;
}

void nobody_waits_in_vain(const Led& led) {
    const auto view = led.view();
    for (const EvaluationPtr& waiting : view.evaluations()) {
        if (waiting->status() != "blocked") continue;
        const auto output = led.dry(*waiting);
        RC_LOG() << waiting->job_id() << " is blocked since index " << waiting->snapshot_index()
                 << " at index " << view.applied_index() << "\n";
        RC_ASSERT(output.plan().placements().empty());
    }
}

RC_GTEST_PROP(Unblocking, nothing_that_would_be_placed_stays_blocked, (std::uint64_t seed)) {
    Prng prng{seed};
    Harness harness;
    for (std::uint32_t number = 1; number <= property_nodes; ++number) {
        auto node = make_node(number);
        set_meta(node, "rack", number % 2 == 0 ? "even" : "odd");
        harness.add(std::move(node));
    }
    Led led{harness.view()};
    for (int number = 0; number < 60; ++number) {
        auto entry = random_entry(led, number, prng);
        if (entry.body_case() != schema::Entry::BODY_NOT_SET) led.apply(std::move(entry));
        // Sometimes much happens before the leader comes to anything.
        while (prng.chance(2, 3) && led.step()) {
        }
        if (prng.chance(1, 40)) led.elect();
    }
    led.settle();
    nobody_waits_in_vain(led);
    for (std::uint32_t node = 1; node <= property_nodes; ++node) {
        led.apply(everybody_eligible(node));
    }
    led.settle();
    nobody_waits_in_vain(led);
}

}  // namespace
}  // namespace drover::control::testing
