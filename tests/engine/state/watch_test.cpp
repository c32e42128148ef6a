// Which waits an entry ends that changes many allocations: whoever waits for the owner of one of
// them, however many of its neighbours have other owners.
#include "engine/state/watch.hpp"

#include "tests/engine/state/fixture.hpp"

namespace drover::state {
namespace {

using namespace testing;

AllocationPtr row_of(std::uint32_t number, const std::string& job, std::uint32_t evaluation,
                     std::uint32_t deployment) {
    schema::Allocation body = make_allocation(number, job, number);
    body.set_eval_id(evaluation_id(evaluation).raw());
    body.set_deployment_id(deployment_id(deployment).raw());
    return make_allocation_row(body, std::make_shared<const schema::Job>(make_job(job)));
}

TEST(Watchers, every_owner_among_many_allocations_is_named) {
    const Table table = Table::allocations;
    Changes changes;
    changes.allocations = {row_of(1, "a", 1, 1), row_of(2, "a", 1, 1), row_of(3, "a", 2, 1),
                           row_of(4, "a", 2, 2), row_of(5, "b", 2, 2), row_of(6, "a", 1, 1)};
    Watchers watchers;
    std::vector<WatchKey> keys{watch_any(table)};
    for (const char* job : {"a", "b"}) keys.push_back(watch_of_job(table, job_key(job)));
    for (std::uint32_t i = 1; i <= 2; ++i) {
        keys.push_back(watch_by(table, WatchScope::evaluation, evaluation_id(i)));
        keys.push_back(watch_by(table, WatchScope::deployment, deployment_id(i)));
    }
    for (std::uint32_t i = 1; i <= 6; ++i) {
        keys.push_back(watch_row(table, allocation_id(i)));
        keys.push_back(watch_by(table, WatchScope::node, node_id(i)));
        keys.push_back(watch_by(table, WatchScope::work, node_id(i)));
    }
    std::vector<Watchers::Waiter> all;
    for (const auto& key : keys) {
        watchers.add(all.size(), {key});
        all.push_back(all.size());
    }
    watchers.add(100, {watch_of_job(table, job_key("c"))});
    watchers.add(101, {watch_any(Table::nodes)});
    EXPECT_EQ(watchers.woken(changes), all);
    EXPECT_EQ(changes.keys(), std::set<WatchKey>(keys.begin(), keys.end()));
}

// What nobody waits for is not looked at: somebody who comes and goes must leave it so, and whoever
// remains must not.
TEST(Watchers, who_waits_for_the_same_kind_is_woken_after_others_have_left) {
    const Table table = Table::allocations;
    Changes changes;
    changes.allocations = {row_of(1, "a", 1, 1)};
    const auto node = watch_by(table, WatchScope::node, node_id(1));
    Watchers watchers;
    EXPECT_TRUE(watchers.woken(changes).empty());
    watchers.add(1, {node, watch_any(table)});
    watchers.add(2, {node});
    watchers.remove(1);
    EXPECT_EQ(watchers.woken(changes), std::vector<Watchers::Waiter>{2});
    watchers.add(2, {watch_any(table)});
    EXPECT_EQ(watchers.woken(changes), std::vector<Watchers::Waiter>{2});
    watchers.remove(2);
    EXPECT_TRUE(watchers.woken(changes).empty());
    watchers.add(3, {node});
    EXPECT_EQ(watchers.woken(changes), std::vector<Watchers::Waiter>{3});
}

}  // namespace
}  // namespace drover::state
