// Evaluations whose runs never come back: they are tried again, then given up, and followed up
// later.
#include <gtest/gtest.h>

#include "engine/control/leader.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/state/state.hpp"

namespace drover::control {
namespace {

using namespace std::chrono_literals;

constexpr WallTime wall{1'700'000'000'000'000'000};

TEST(FailedQueue, what_is_handed_out_three_times_in_vain_fails_and_is_followed_up_later) {
    state::State state;
    Prng ids{1};
    const Mint mint{wall, ids};
    const Config config;
    Leader leader{config, state::StateConfig{}, Prng{2}, state.view(), {Instant{}, wall}};
    std::uint64_t index = 0;
    Moment moment{Instant{}, wall};
    const auto apply = [&](const EntryPtr& entry) {
        leader.proposed(++index, entry);
        const auto result = state.apply(index, *entry);
        leader.applied(index, *entry, result, state.view(), moment);
    };
    auto registration = new_entry(mint);
    schema::Job& job = *registration->mutable_register_job()->mutable_job();
    job.set_id("a");
    job.set_namespace_("default");
    job.set_type("service");
    job.set_priority(50);
    schema::Evaluation evaluation = new_evaluation(mint, job, "job-register");
    evaluation.set_priority(70);
    *registration->mutable_register_job()->mutable_evaluation() = evaluation;
    seal(*registration);
    apply(registration);

    int handed_out = 0;
    for (int seconds = 0; seconds < 600; ++seconds) {
        const Orders orders = leader.work(state.view(), moment);
        for (const EntryPtr& entry : orders.proposals) apply(entry);
        handed_out += orders.plan && id_of(*orders.plan->evaluation) == id_of(evaluation);
        if (state.view().evaluation(id_of(evaluation))->status() == "failed") break;
        moment.now += 1s;
    }
    EXPECT_EQ(handed_out, 3);
    const auto failed = state.view().evaluation(id_of(evaluation));
    EXPECT_EQ(failed->status(), "failed");
    EXPECT_EQ(failed->status_description(), "evaluation reached delivery limit (3)");
    const auto next = state.view().evaluation(state::to_uuid(failed->next_eval()));
    ASSERT_NE(next, nullptr);
    EXPECT_EQ(next->triggered_by(), "failed-follow-up");
    EXPECT_EQ(next->previous_eval(), evaluation.id());
    EXPECT_EQ(next->priority(), 70);
    EXPECT_GE(Duration{next->wait()}, 1min);
    EXPECT_LE(Duration{next->wait()}, 6min);

    const auto again = [&] {
        const Orders orders = leader.work(state.view(), moment);
        return orders.plan && orders.plan->evaluation->id() == next->id();
    };
    moment.now += 59s;
    EXPECT_FALSE(again());
    moment.now += 6min;
    EXPECT_TRUE(again());
}

}  // namespace
}  // namespace drover::control
