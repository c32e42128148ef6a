#include "engine/control/broker.hpp"

#include <gtest/gtest.h>

#include "engine/schema/evaluation.pb.h"

namespace drover::control {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{};
constexpr WallTime wall{1'000'000'000'000};

Uuid uuid(std::uint8_t number) {
    Uuid id;
    id.bytes[15] = number;
    return id;
}

std::shared_ptr<schema::Evaluation> evaluation(std::uint8_t number, const char* job, int priority,
                                               std::uint64_t index) {
    auto made = std::make_shared<schema::Evaluation>();
    made->set_id(uuid(number).raw());
    made->set_namespace_("default");
    made->set_job_id(job);
    made->set_priority(priority);
    made->set_create_index(index);
    made->set_modify_index(index);
    made->set_status("pending");
    return made;
}

int next_of(Broker& broker, Instant now = start) {
    const auto dequeued = broker.dequeue(now);
    return dequeued ? id_of(*dequeued).bytes[15] : 0;
}

TEST(Broker, serves_priority_first_and_then_age) {
    Broker broker{Config{}};
    broker.enqueue(evaluation(1, "a", 50, 10), start, wall);
    broker.enqueue(evaluation(2, "b", 80, 12), start, wall);
    broker.enqueue(evaluation(3, "c", 50, 9), start, wall);
    EXPECT_EQ(next_of(broker), 2);
    EXPECT_EQ(next_of(broker), 3);
    EXPECT_EQ(next_of(broker), 1);
    EXPECT_EQ(next_of(broker), 0);
}

TEST(Broker, hands_out_nothing_while_it_is_paused_and_loses_nothing) {
    Broker broker{Config{}};
    broker.enqueue(evaluation(1, "a", 50, 1), start, wall);
    broker.pause(true);
    broker.enqueue(evaluation(2, "b", 80, 2), start, wall);
    EXPECT_EQ(next_of(broker), 0);
    EXPECT_FALSE(broker.has_work());
    broker.pass_time(start + 1h);
    broker.pause(false);
    EXPECT_EQ(next_of(broker), 2);
    EXPECT_EQ(next_of(broker), 1);
}

TEST(Broker, never_hands_out_two_evaluations_of_one_job) {
    Broker broker{Config{}};
    broker.enqueue(evaluation(1, "a", 50, 1), start, wall);
    broker.enqueue(evaluation(2, "a", 90, 2), start, wall);
    EXPECT_EQ(next_of(broker), 1);
    EXPECT_EQ(next_of(broker), 0) << "the second waits until the first is done";
    broker.remove(uuid(1));
    EXPECT_EQ(next_of(broker), 2);
}

TEST(Broker, same_job_name_in_two_namespaces_is_two_jobs) {
    Broker broker{Config{}};
    auto other = evaluation(2, "a", 50, 2);
    other->set_namespace_("prod");
    broker.enqueue(evaluation(1, "a", 50, 1), start, wall);
    broker.enqueue(other, start, wall);
    EXPECT_EQ(next_of(broker), 1);
    EXPECT_EQ(next_of(broker), 2);
}

TEST(Broker, of_those_that_waited_for_their_job_only_the_best_runs) {
    Broker broker{Config{}};
    broker.enqueue(evaluation(1, "a", 50, 1), start, wall);
    broker.enqueue(evaluation(2, "a", 50, 2), start, wall);
    broker.enqueue(evaluation(3, "a", 50, 3), start, wall);
    EXPECT_EQ(next_of(broker), 1);
    broker.remove(uuid(1));
    EXPECT_EQ(next_of(broker), 3) << "equal priority: the newest knows most";
    const auto cancelable = broker.take_cancelable();
    ASSERT_EQ(cancelable.size(), 1U);
    EXPECT_EQ(id_of(*cancelable.front()), uuid(2));
    broker.remove(uuid(2));
    EXPECT_FALSE(broker.knows(uuid(2)));
}

TEST(Broker, retries_after_growing_delays_and_gives_up_at_the_limit) {
    Broker broker{Config{}};
    broker.enqueue(evaluation(1, "a", 50, 1), start, wall);
    Instant now = start;
    ASSERT_EQ(next_of(broker, now), 1);
    broker.nack(uuid(1), now);
    EXPECT_EQ(next_of(broker, now), 0);
    EXPECT_EQ(broker.next_deadline(), now + 1s);
    now += 1s;
    broker.pass_time(now);
    ASSERT_EQ(next_of(broker, now), 1);
    broker.nack(uuid(1), now);
    EXPECT_EQ(broker.next_deadline(), now + 20s);
    now += 20s;
    broker.pass_time(now);
    ASSERT_EQ(next_of(broker, now), 1);
    broker.nack(uuid(1), now);
    EXPECT_EQ(broker.next_deadline(), std::nullopt);
    EXPECT_EQ(broker.take_failed().size(), 1U);
}

TEST(Broker, newer_evaluation_does_not_overtake_one_that_is_being_retried) {
    Broker broker{Config{}};
    broker.enqueue(evaluation(1, "a", 50, 1), start, wall);
    ASSERT_EQ(next_of(broker), 1);
    broker.nack(uuid(1), start);
    broker.enqueue(evaluation(2, "a", 50, 2), start, wall);
    EXPECT_EQ(next_of(broker), 0);
    broker.pass_time(start + 1s);
    EXPECT_EQ(next_of(broker, start + 1s), 1);
}

TEST(Broker, run_that_never_returns_is_nacked) {
    Broker broker{Config{}};
    broker.enqueue(evaluation(1, "a", 50, 1), start, wall);
    ASSERT_EQ(next_of(broker), 1);
    EXPECT_EQ(broker.next_deadline(), start + 60s);
    broker.pass_time(start + 60s);
    broker.pass_time(start + 61s);
    EXPECT_EQ(next_of(broker, start + 61s), 1);
}

TEST(Broker, delayed_evaluations_become_ready_when_due) {
    struct Row {
        const char* why;
        Duration wait;
        Duration wait_until;
        Duration due;
    };
    const Row rows[]{
        {"a relative wait counts from now", 5s, 0s, 5s},
        {"a point in time is met on the wall", 0s, 7s, 7s},
        {"a point in the past is due at once", 0s, -3s, 0s},
    };
    for (const Row& row : rows) {
        Broker broker{Config{}};
        auto delayed = evaluation(1, "a", 50, 1);
        delayed->set_wait(row.wait.count());
        if (row.wait_until != 0s) delayed->set_wait_until((wall + row.wait_until).value());
        broker.enqueue(delayed, start, wall);
        if (row.due > 0s) {
            EXPECT_EQ(next_of(broker), 0) << row.why;
            EXPECT_EQ(broker.next_deadline(), start + row.due) << row.why;
        }
        broker.pass_time(start + row.due);
        EXPECT_EQ(next_of(broker, start + row.due), 1) << row.why;
    }
}

TEST(Broker, removed_evaluation_leaves_no_trace_wherever_it_was) {
    for (int place = 0; place < 4; ++place) {
        Broker broker{Config{}};
        auto made = evaluation(1, "a", 50, 1);
        if (place == 0) made->set_wait(Duration{5s}.count());
        if (place == 1) {
            broker.enqueue(evaluation(2, "a", 50, 1), start, wall);
            ASSERT_EQ(next_of(broker), 2);
        }
        broker.enqueue(made, start, wall);
        if (place == 2) {
            ASSERT_EQ(next_of(broker), 1);
        }
        broker.remove(uuid(1));
        broker.remove(uuid(2));
        EXPECT_EQ(broker.known_count(), 0U) << place;
        EXPECT_EQ(broker.next_deadline(), std::nullopt) << place;
        EXPECT_EQ(next_of(broker), 0) << place;
    }
}

}  // namespace
}  // namespace drover::control
