// What may be forgotten, when, and how the leader goes about it.
#include "engine/control/garbage.hpp"

#include <gtest/gtest.h>

#include "engine/schema/deployment.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "tests/engine/control/led.hpp"
#include "tests/engine/state/fixture.hpp"

namespace drover::control {
namespace {

using namespace std::chrono_literals;
using namespace state::testing;

void raise_level(World& world) {
    schema::Entry entry;
    entry.mutable_change_feature_level()->set_level(2);
    world.must(entry);
}

// A job whose one evaluation is complete and whose one allocation has ended so.
void run_to_its_end(World& world, schema::Job job, std::uint32_t number,
                    const std::string& client_status = "complete") {
    const std::string id = job.id();
    const std::string type = job.type();
    world.register_job(std::move(job), number);
    schema::Allocation allocation = make_allocation(number, id);
    allocation.set_eval_id(evaluation_id(number).raw());
    world.place(std::move(allocation));
    world.report(number, client_status);
    schema::Evaluation done = make_evaluation(number, id, "complete");
    done.set_type(type);
    world.evaluate(std::move(done));
}

void stop(World& world, const std::string& id) {
    schema::Entry entry;
    entry.mutable_deregister_job()->set_namespace_("default");
    entry.mutable_deregister_job()->set_job_id(id);
    world.must(entry);
}

schema::Reaping all_of(const state::StateView& view, const GarbageAges& ages, WallTime wall) {
    GarbageWalk walk;
    schema::Reaping reaping;
    collect_garbage(view, ages, wall, 1'000'000, walk, reaping);
    EXPECT_EQ(walk.stage, GarbageWalk::Stage::over);
    return reaping;
}

std::vector<std::string> jobs_of(const schema::Reaping& reaping) {
    std::vector<std::string> jobs;
    for (const auto& one : reaping.jobs()) jobs.push_back(one.job_id());
    return jobs;
}

using Names = std::vector<std::string>;

TEST(Garbage, jobs_go_that_nobody_can_start_again) {
    World world;
    raise_level(world);
    world.register_node(1);
    run_to_its_end(world, make_job("done", 1, "batch"), 1);
    run_to_its_end(world, make_job("ended-service"), 2);
    run_to_its_end(world, make_job("stopped-service"), 3);
    stop(world, "stopped-service");
    schema::Job parent = make_job("parent", 1, "batch");
    parent.mutable_periodic()->set_enabled(true);
    world.register_job(parent);
    parent.set_id("stopped-parent");
    world.register_job(parent);
    stop(world, "stopped-parent");
    run_to_its_end(world, make_job("tagged", 1, "batch"), 4);
    schema::Entry tag;
    tag.mutable_tag_job_version()->set_namespace_("default");
    tag.mutable_tag_job_version()->set_job_id("tagged");
    tag.mutable_tag_job_version()->mutable_tag()->set_name("golden");
    world.must(tag);
    const WallTime now{world.wall_ns};
    EXPECT_EQ(jobs_of(all_of(world.state.view(), {}, now)),
              (Names{"done", "stopped-parent", "stopped-service"}));
    EXPECT_EQ(jobs_of(all_of(world.state.view(), {.job = 1h}, now)), Names{});
    EXPECT_EQ(jobs_of(all_of(world.state.view(), {.job = 1h}, now + 1h)),
              (Names{"done", "stopped-parent", "stopped-service"}));
}

TEST(Garbage, a_job_stays_while_anything_of_it_may_be_asked_for) {
    World world;
    raise_level(world);
    world.register_node(1);
    run_to_its_end(world, make_job("done", 1, "batch"), 1);
    const WallTime now{world.wall_ns};
    EXPECT_EQ(jobs_of(all_of(world.state.view(), {.evaluation = 1h}, now)), Names{});
    world.evaluate(make_evaluation(9, "done", "pending"));
    EXPECT_EQ(jobs_of(all_of(world.state.view(), {}, now + 1h)), Names{});
}

TEST(Garbage, a_job_that_was_registered_again_is_not_purged) {
    World world;
    raise_level(world);
    world.register_node(1);
    run_to_its_end(world, make_job("done", 1, "batch"), 1);
    schema::Entry reap;
    *reap.mutable_reap() = all_of(world.state.view(), {}, WallTime{world.wall_ns});
    ASSERT_EQ(reap.reap().jobs_size(), 1);
    world.register_job(make_job("done", 2, "batch"), 2);
    world.must(reap);
    EXPECT_TRUE(world.state.view().job(job_key("done")));
}

TEST(Garbage, below_the_second_level_no_job_is_purged) {
    World world;
    world.register_node(1);
    run_to_its_end(world, make_job("done", 1, "batch"), 1);
    EXPECT_EQ(jobs_of(all_of(world.state.view(), {}, WallTime{world.wall_ns})), Names{});
}

TEST(Garbage, a_purged_child_is_counted_no_more) {
    World world;
    raise_level(world);
    world.register_node(1);
    schema::Job parent = make_job("parent", 1, "batch");
    parent.mutable_parameterized_job();
    world.register_job(parent);
    schema::Job child = make_job("parent/dispatch-1", 1, "batch");
    child.set_parent_id("parent");
    child.set_dispatched(true);
    run_to_its_end(world, child, 1);
    const auto children = [&] {
        return world.state.view().job_summary(job_key("parent"))->children();
    };
    EXPECT_EQ(children().dead(), 1);
    schema::Entry reap;
    *reap.mutable_reap() = all_of(world.state.view(), {}, WallTime{world.wall_ns});
    EXPECT_EQ(jobs_of(reap.reap()), Names{"parent/dispatch-1"});
    world.must(reap);
    EXPECT_FALSE(world.state.view().job(job_key("parent/dispatch-1")));
    EXPECT_EQ(children().dead(), 0);
}

// However small the looks are: together they find what one look over everything finds.
TEST(Garbage, small_looks_find_what_a_large_one_finds) {
    World world;
    raise_level(world);
    world.register_node(1);
    for (std::uint32_t number = 1; number <= 40; ++number) {
        const bool ends = number % 3 != 0;
        run_to_its_end(world, make_job("j" + std::to_string(number), 1, "batch"), number,
                       ends ? "complete" : "running");
    }
    const WallTime wall{world.wall_ns};
    const schema::Reaping whole = all_of(world.state.view(), {}, wall);
    EXPECT_EQ(whole.jobs_size(), 27);
    for (const std::size_t rows : {1, 2, 7}) {
        GarbageWalk walk;
        schema::Reaping parts;
        std::size_t looks = 0;
        while (walk.stage != GarbageWalk::Stage::over) {
            collect_garbage(world.state.view(), {}, wall, rows, walk, parts);
            ASSERT_LT(++looks, 1000U);
        }
        EXPECT_EQ(parts.SerializeAsString(), whole.SerializeAsString()) << rows;
    }
}

TEST(Garbage, an_operators_wish_takes_everything_that_is_over_in_one_go) {
    World world;
    raise_level(world);
    world.register_node(1);
    for (std::uint32_t number = 1; number <= 30; ++number) {
        run_to_its_end(world, make_job("j" + std::to_string(number), 1, "batch"), number);
    }
    schema::Entry down;
    down.mutable_change_node_status()->set_node_id(node_id(1).raw());
    down.mutable_change_node_status()->set_status("down");
    world.must(down);
    testing::Led led{world.state.view()};
    led.pass_time(1h);  // after all of that
    const auto entry = collect_everything(led.view(), {testing::Led::start + 1h, led.ids()},
                                          std::make_shared<schema::Entry>());
    EXPECT_TRUE(entry->reap().everything());
    EXPECT_EQ(entry->level(), 2U);
    led.apply(*entry);
    for (int step = 0; step < 20; ++step) {
        led.pass_time(50ms);
        led.settle();
    }
    const auto view = led.view();
    EXPECT_EQ(view.jobs().begin(), view.jobs().end());
    EXPECT_EQ(view.evaluations().begin(), view.evaluations().end());
    EXPECT_EQ(view.allocations().begin(), view.allocations().end());
    EXPECT_EQ(view.node_count(), 0U);
}

}  // namespace
}  // namespace drover::control
