// Launches of periodic jobs: each due time once, what was missed once, and no two where the job
// forbids that.
#include "engine/control/periodic.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/periodic_launch.pb.h"
#include "engine/state/children.hpp"
#include "tests/engine/state/fixture.hpp"

namespace drover::control {
namespace {

using namespace std::chrono_literals;
using namespace state::testing;

// A second of every minute that begins a multiple of ten.
constexpr std::int64_t start_s = 1'700'000'000;

// A state, the launches over it, and a clock of seconds.
struct Clockwork {
    World world;
    Prng prng{7};
    std::int64_t second = 0;
    std::optional<Periodic> periodic;

    Clockwork() {
        world.wall_ns = start_s * 1'000'000'000;
        schema::Entry entry;
        entry.mutable_change_feature_level()->set_level(2);
        world.must(entry);
        elect();
    }
    [[nodiscard]] Moment moment() const {
        return {Instant{std::chrono::seconds{second}},
                WallTime{(start_s + second) * 1'000'000'000}};
    }
    void elect() {
        periodic.emplace(nullptr);
        periodic->take_over(world.state.view(), moment());
    }
    void apply(const schema::Entry& entry) {
        const auto result = world.state.apply(world.next++, entry);
        ASSERT_EQ(result.outcome, state::Applied::done) << result.error.message;
        periodic->changed(entry, result.changes, world.state.view(), moment());
    }
    void register_periodic(const std::string& spec, bool prohibit_overlap = false) {
        schema::Entry entry;
        schema::Job& job = *entry.mutable_register_job()->mutable_job();
        job = make_job("tick", 1, "batch");
        job.mutable_periodic()->set_enabled(true);
        job.mutable_periodic()->add_specs(spec);
        job.mutable_periodic()->set_prohibit_overlap(prohibit_overlap);
        entry.mutable_register_job()->set_periodic_launch_ns(moment().wall.value());
        entry.set_wall_ns(moment().wall.value());
        apply(entry);
    }
    // Whatever is due, applied or refused.
    std::size_t work(bool refuse = false) {
        const auto entries = periodic->work(world.state.view(), moment(), prng);
        for (const EntryPtr& entry : entries) {
            if (refuse) {
                periodic->refused(state::to_uuid(entry->request_id()), moment().now);
            } else {
                apply(*entry);
            }
        }
        return entries.size();
    }
    void run_until(std::int64_t end) {
        for (; second <= end; ++second) {
            if (periodic->next_deadline() && *periodic->next_deadline() <= moment().now) work();
        }
    }
    [[nodiscard]] std::vector<std::int64_t> launches() const {
        std::vector<std::int64_t> seconds;
        const auto prefix = std::string{"tick/periodic-"}.size();
        for (const auto& child : state::children_of(world.state.view().tables(), job_key("tick"))) {
            seconds.push_back(std::stoll(child->id().substr(prefix)) - start_s);
        }
        return seconds;
    }
    void end(std::int64_t launched) {
        const std::string id = "tick/periodic-" + std::to_string(start_s + launched);
        const auto view = world.state.view();
        for (const auto& one : view.evaluations_of(job_key(id))) {
            schema::Entry entry;
            auto& done = *entry.mutable_upsert_evaluations()->add_evaluations();
            done = *one;
            done.set_status("complete");
            apply(entry);
        }
    }
};

using Launches = std::vector<std::int64_t>;

TEST(Periodic, launches_a_child_with_its_evaluation_at_each_time) {
    Clockwork clock;
    clock.register_periodic("*/20 * * * * * *");
    clock.run_until(65);
    EXPECT_EQ(clock.launches(), (Launches{20, 40, 60}));
    const auto view = clock.world.state.view();
    const auto child = view.job(job_key("tick/periodic-" + std::to_string(start_s + 20)));
    ASSERT_TRUE(child);
    EXPECT_EQ(child->parent_id(), "tick");
    EXPECT_EQ(child->name(), child->id());
    EXPECT_FALSE(child->has_periodic());
    const auto evaluations = view.evaluations_of(state::key_of(*child));
    ASSERT_NE(evaluations.begin(), evaluations.end());
    EXPECT_EQ((*evaluations.begin())->triggered_by(), "periodic-job");
    EXPECT_EQ((*evaluations.begin())->type(), "batch");
    EXPECT_EQ(view.periodic_launch(job_key("tick"))->launch(), (start_s + 60) * 1'000'000'000);
    EXPECT_EQ(view.job_summary(job_key("tick"))->children().pending(), 3);
}

TEST(Periodic, a_new_leader_makes_up_for_what_was_missed_by_one_launch) {
    Clockwork clock;
    clock.register_periodic("*/20 * * * * * *");
    clock.run_until(25);
    clock.second = 95;
    clock.elect();
    clock.run_until(105);
    EXPECT_EQ(clock.launches(), (Launches{20, 95, 100}));
}

TEST(Periodic, one_launch_that_is_late_keeps_its_time) {
    Clockwork clock;
    clock.register_periodic("*/20 * * * * * *");
    clock.second = 31;
    clock.elect();
    clock.run_until(32);
    EXPECT_EQ(clock.launches(), (Launches{20}));
}

TEST(Periodic, where_overlap_is_forbidden_a_time_is_left_out_for_good) {
    Clockwork clock;
    clock.register_periodic("*/20 * * * * * *", true);
    clock.run_until(45);
    EXPECT_EQ(clock.launches(), (Launches{20}));
    clock.end(20);
    clock.run_until(55);
    EXPECT_EQ(clock.launches(), (Launches{20})) << "the launch of 40 is not made up for";
    clock.run_until(65);
    EXPECT_EQ(clock.launches(), (Launches{20, 60}));
}

TEST(Periodic, what_could_not_be_proposed_is_tried_again) {
    Clockwork clock;
    clock.register_periodic("*/20 * * * * * *");
    clock.second = 20;
    EXPECT_EQ(clock.work(true), 1U);
    EXPECT_EQ(clock.work(), 0U) << "it rests a second";
    clock.second = 21;
    EXPECT_EQ(clock.work(), 1U);
    EXPECT_EQ(clock.launches(), (Launches{20}));
}

TEST(Periodic, nothing_is_launched_twice_while_its_launch_is_on_its_way) {
    Clockwork clock;
    clock.register_periodic("*/20 * * * * * *");
    clock.second = 20;
    const auto entries = clock.periodic->work(clock.world.state.view(), clock.moment(), clock.prng);
    ASSERT_EQ(entries.size(), 1U);
    // Somebody changes the job, and its times with it.
    clock.register_periodic("*/10 * * * * * *");
    clock.second = 35;
    EXPECT_EQ(clock.work(), 0U);
    clock.apply(*entries.front());
    EXPECT_EQ(clock.work(), 1U);
    EXPECT_EQ(clock.launches(), (Launches{20, 30}));
}

TEST(Periodic, a_stopped_job_is_launched_no_more) {
    Clockwork clock;
    clock.register_periodic("*/20 * * * * * *");
    clock.run_until(25);
    schema::Entry stop;
    stop.mutable_deregister_job()->set_namespace_("default");
    stop.mutable_deregister_job()->set_job_id("tick");
    clock.apply(stop);
    clock.run_until(85);
    EXPECT_EQ(clock.launches(), (Launches{20}));
    EXPECT_FALSE(clock.periodic->next_deadline());
}

TEST(Periodic, below_the_second_level_nobody_launches) {
    World world;
    schema::Job job = make_job("tick", 1, "batch");
    job.mutable_periodic()->set_enabled(true);
    job.mutable_periodic()->add_specs("* * * * *");
    world.register_job(job);
    Periodic periodic{nullptr};
    periodic.take_over(world.state.view(), {Instant{}, WallTime{world.wall_ns}});
    EXPECT_FALSE(periodic.next_deadline());
}

// However often leaders change and the clock jumps: launches are times of the expression or one
// that makes up for several, never two at a time, and none is lost while somebody leads.
RC_GTEST_PROP(Periodic, every_time_is_launched_or_made_up_for, ()) {
    Clockwork clock;
    clock.register_periodic("*/10 * * * * * *");
    std::int64_t end = 0;
    for (int round = *rc::gen::inRange(1, 8); round > 0; --round) {
        end = clock.second + *rc::gen::inRange(1, 30);
        clock.run_until(end);
        clock.second += *rc::gen::element(0, 0, 3, 45, 120);
        if (*rc::gen::arbitrary<bool>()) clock.elect();
    }
    clock.run_until(clock.second + 1);
    const Launches found = clock.launches();
    RC_ASSERT(std::is_sorted(found.begin(), found.end()));
    for (std::int64_t due = 10; due < clock.second; due += 10) {
        // Somebody launched at the time or later, before the next chance was over.
        RC_ASSERT(std::any_of(found.begin(), found.end(), [&](auto at) { return at >= due; }));
    }
    RC_ASSERT(found.size() <= static_cast<std::size_t>(clock.second / 10 + 8));
}

}  // namespace
}  // namespace drover::control
