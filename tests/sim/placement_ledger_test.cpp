// The judge's account of who holds which name and what each node gives: it is moved by what changed
// alone, and must come to what a look at everything would say.
#include "sim/placement_ledger.hpp"

#include <gtest/gtest.h>

#include "engine/schema/job.pb.h"
#include "tests/engine/scheduler/harness.hpp"

namespace drover::sim {
namespace {

using namespace scheduler::testing;

std::vector<Uuid> ids_of(const std::vector<state::AllocationPtr>& rows) {
    std::vector<Uuid> ids;
    for (const auto& row : rows) ids.push_back(row->id);
    return ids;
}

state::Usage sum_on(const Harness& harness, const Uuid& node) {
    state::Usage sum;
    for (const auto& row : harness.view().allocations_on(node)) {
        if (!row->terminal()) sum += row->usage;
    }
    return sum;
}

// A second allocation with everything of the first but its id: what no scheduler may ever write.
Uuid store_twin(Harness& harness, const state::AllocationPtr& of, std::uint8_t number) {
    Uuid id = of->id;
    id.bytes[15] ^= number;
    schema::Allocation twin = of->body.unpack();
    twin.set_id(id.raw());
    schema::Entry entry;
    auto& list = *entry.mutable_apply_plan()->mutable_plan()->add_placements();
    list.set_node_id(twin.node_id());
    *list.add_allocations() = std::move(twin);
    harness.apply(std::move(entry));
    return id;
}

TEST(PlacementLedger, adds_up_what_the_live_allocations_of_a_node_take) {
    Harness harness;
    harness.add_nodes(3);
    harness.run(make_job("web", 7));
    harness.run(make_job("api", 4));
    auto rows = harness.allocations("web");
    const auto others = harness.allocations("api");
    rows.insert(rows.end(), others.begin(), others.end());
    PlacementLedger ledger;
    EXPECT_TRUE(ledger.move(harness.view(), ids_of(rows)).empty());
    EXPECT_TRUE(ledger.move(harness.view(), ids_of(rows)).empty()) << "told twice, counted once";
    for (std::uint32_t node = 1; node <= 3; ++node) {
        EXPECT_EQ(ledger.used(node_id(node)), sum_on(harness, node_id(node))) << node;
    }
    harness.report(rows.front(), "complete");
    const Uuid node = rows.front()->node_id;
    const std::uint32_t before = ledger.count("web", node);
    EXPECT_TRUE(ledger.move(harness.view(), {rows.front()->id}).empty());
    EXPECT_EQ(ledger.used(node), sum_on(harness, node));
    EXPECT_EQ(ledger.count("web", node), before - 1);
    ledger.clear();
    EXPECT_EQ(ledger.used(node), state::Usage{});
    EXPECT_EQ(ledger.count("web", node), 0U);
}

TEST(PlacementLedger, two_live_allocations_of_one_name_clash) {
    Harness harness;
    harness.add_nodes(2);
    harness.run(make_job("web", 2));
    harness.run(make_job("api", 2));
    PlacementLedger ledger;
    const auto web = harness.allocations("web");
    EXPECT_TRUE(ledger.move(harness.view(), ids_of(web)).empty());
    EXPECT_TRUE(ledger.move(harness.view(), ids_of(harness.allocations("api"))).empty());
    const Uuid twin = store_twin(harness, web.front(), 1);
    const auto clashes = ledger.move(harness.view(), {twin});
    ASSERT_EQ(clashes.size(), 1U);
    EXPECT_EQ(clashes.front().holder, web.front()->id);
    EXPECT_EQ(clashes.front().other, twin);
}

TEST(PlacementLedger, two_that_come_at_once_with_one_name_clash_too) {
    Harness harness;
    harness.add_nodes(1);
    harness.run(make_job("web", 1));
    const auto web = harness.allocations("web").front();
    const Uuid twin = store_twin(harness, web, 1);
    PlacementLedger ledger;
    EXPECT_EQ(ledger.move(harness.view(), {web->id, twin}).size(), 1U);
}

TEST(PlacementLedger, a_system_job_has_one_name_on_every_node) {
    Harness harness;
    harness.add_nodes(3);
    harness.run(make_job("shipper", 1, "system"));
    const auto rows = harness.allocations("shipper");
    ASSERT_EQ(rows.size(), 3U);
    PlacementLedger ledger;
    EXPECT_TRUE(ledger.move(harness.view(), ids_of(rows)).empty());
    EXPECT_EQ(ledger.move(harness.view(), {store_twin(harness, rows.front(), 1)}).size(), 1U)
        << "but not twice on one";
}

// One entry ends an allocation and stores what replaces it: whichever of the two is told first.
TEST(PlacementLedger, what_ended_gives_back_its_name_before_another_takes_it) {
    for (const bool ended_first : {true, false}) {
        Harness harness;
        harness.add_nodes(1);
        harness.run(make_job("web", 1));
        const auto old = harness.allocations("web").front();
        PlacementLedger ledger;
        EXPECT_TRUE(ledger.move(harness.view(), {old->id}).empty());
        harness.report(old, "failed");
        const Uuid next = store_twin(harness, old, 1);
        harness.report(harness.view().allocation(next), "running");
        const auto changed = ended_first ? std::vector{old->id, next} : std::vector{next, old->id};
        EXPECT_TRUE(ledger.move(harness.view(), changed).empty()) << ended_first;
        EXPECT_EQ(ledger.count("web", old->node_id), 1U);
        EXPECT_EQ(ledger.used(old->node_id), sum_on(harness, old->node_id));
    }
}

}  // namespace
}  // namespace drover::sim
