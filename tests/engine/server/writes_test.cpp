// Writes: through any server, exactly once in effect, and never called failed when that is not
// known.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "tests/engine/server/cluster.hpp"
#include "tests/engine/server/requests.hpp"

namespace drover::server {
namespace {

using namespace std::chrono_literals;

// Evaluations that a registration, or a wish for an evaluation, led to.
std::ptrdiff_t registrations(const Server& server, const std::string& job) {
    const auto all = server.view().evaluations_of({"default", job});
    return std::count_if(all.begin(), all.end(), [](const auto& evaluation) {
        return evaluation->triggered_by() == "job-register";
    });
}

TEST(Writes, a_job_registered_through_any_server_is_read_back_from_every_server) {
    Cluster cluster;
    cluster.elect();
    for (std::size_t i = 0; i < 3; ++i) {
        const std::string id = "job-" + std::to_string(i);
        const auto written = cluster.call(i, register_job(service_job(id, 1)));
        EXPECT_EQ(failure_of(written), std::nullopt) << written.failure().message();
        EXPECT_GT(written.job_written().job_modify_index(), 0U);
        EXPECT_EQ(written.job_written().evaluation_id().size(), 16U);
        for (std::size_t reader = 0; reader < 3; ++reader) {
            const auto read = cluster.call(reader, read_job(id));
            EXPECT_EQ(read.job().id(), id) << "server " << reader;
            EXPECT_EQ(read.job().job_modify_index(), written.job_written().job_modify_index());
        }
    }
    cluster.run_for(1s);
    EXPECT_TRUE(cluster.digests_equal());
}

TEST(Writes, of_two_writers_that_enforce_the_same_index_exactly_one_wins) {
    Cluster cluster;
    cluster.elect();
    const Ticket first = cluster.ask(0, register_job_if(service_job("a", 1), 0));
    const Ticket second = cluster.ask(1, register_job_if(service_job("a", 2), 0));
    cluster.run_for(1s);
    ASSERT_TRUE(cluster.answer_to(first) && cluster.answer_to(second));
    const auto one = failure_of(*cluster.answer_to(first));
    const auto other = failure_of(*cluster.answer_to(second));
    EXPECT_NE(one.has_value(), other.has_value());
    EXPECT_EQ(one ? one : other, Errc::conflict);
    EXPECT_EQ(cluster.call(2, read_job("a")).job().task_groups(0).count(), one ? 2 : 1);
}

TEST(Writes, a_forwarded_write_that_the_network_repeats_takes_effect_once) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    cluster.remember_messages();
    const auto written = cluster.call(cluster.follower(), register_job(service_job("a", 1)));
    EXPECT_EQ(failure_of(written), std::nullopt) << written.failure().message();
    cluster.run_for(1s);
    EXPECT_EQ(registrations(cluster.server(leader), "a"), 1) << "repeated at once";
    cluster.repeat_messages();
    cluster.run_for(1s);
    EXPECT_EQ(registrations(cluster.server(leader), "a"), 1) << "repeated after the answer";
    EXPECT_EQ(cluster.leader(), leader);
    EXPECT_TRUE(cluster.digests_equal());
}

TEST(Writes, a_refusal_stands_when_the_network_repeats_what_was_refused) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    cluster.remember_messages();
    schema::Request evaluate;
    evaluate.mutable_evaluate_job()->set_job_id("a");
    const auto refused = cluster.call(cluster.follower(), evaluate);
    EXPECT_EQ(failure_of(refused), Errc::not_found);
    cluster.call(leader, register_job(service_job("a", 1)));
    cluster.repeat_messages();
    cluster.run_for(1s);
    EXPECT_EQ(registrations(cluster.server(leader), "a"), 1);
}

TEST(Writes, answers_to_a_servers_former_life_are_not_taken_for_answers_to_this_one) {
    Cluster cluster;
    cluster.elect();
    const std::size_t follower = cluster.follower();
    cluster.remember_messages();
    cluster.call(follower, register_job(service_job("a", 1)));
    cluster.crash(follower);
    cluster.restart(follower);
    cluster.run_for(1s);
    ASSERT_TRUE(cluster.server(follower).raft().leader());
    cluster.cut_off(follower);
    std::vector<Ticket> tickets;
    for (int i = 0; i < 8; ++i) {
        tickets.push_back(cluster.ask(follower, register_job(service_job("b", 1))));
    }
    cluster.run_for(1ms);
    cluster.repeat_messages();
    cluster.run_for(1ms);
    for (const Ticket ticket : tickets) EXPECT_EQ(cluster.answer_to(ticket), nullptr);
}

TEST(Writes, malformed_jobs_are_refused_with_the_field_that_is_wrong) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    struct Row {
        const char* why;
        schema::Request request;
        const char* says;
    };
    schema::Job nameless = service_job("a", 1);
    nameless.clear_id();
    schema::Job negative = service_job("a", -1);
    const Row rows[]{
        {"nothing at all", schema::Request{}, "no body"},
        {"no job",
         [] {
             schema::Request r;
             r.mutable_register_job();
             return r;
         }(),
         "job is missing"},
        {"no id", register_job(nameless), "job.id"},
        {"a negative count", register_job(negative), "ount"},
        {"no job to plan",
         [] {
             schema::Request r;
             r.mutable_plan_job();
             return r;
         }(),
         "job"},
        {"no job of that name",
         [] {
             schema::Request r;
             r.mutable_evaluate_job()->set_job_id("ghost");
             return r;
         }(),
         "ghost"},
        {"a region that is not ours",
         [] {
             schema::Request r = read_job("a");
             r.set_region("mars");
             return r;
         }(),
         "mars"},
    };
    for (const Row& row : rows) {
        const auto response = cluster.call(leader, row.request);
        ASSERT_TRUE(response.has_failure()) << row.why;
        EXPECT_NE(response.failure().message().find(row.says), std::string::npos)
            << row.why << ": " << response.failure().message();
    }
}

TEST(Writes, without_a_quorum_a_proposed_write_has_an_unknown_outcome) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    schema::Request request = register_job(service_job("a", 1));
    request.set_timeout_ns(Duration{2s}.count());
    cluster.cut_off(leader);
    const Ticket ticket = cluster.ask(leader, request);
    cluster.run_for(3s);
    ASSERT_TRUE(cluster.answer_to(ticket));
    EXPECT_EQ(failure_of(*cluster.answer_to(ticket)), Errc::unknown_outcome);
}

TEST(Writes, a_write_whose_slot_was_overwritten_is_tried_again_and_happens_once) {
    Cluster cluster;
    const std::size_t old_leader = cluster.elect();
    cluster.cut_off(old_leader);
    const Ticket ticket = cluster.ask(old_leader, register_job(service_job("a", 1)));
    cluster.run_for(5s);
    const std::size_t new_leader = cluster.elect();
    ASSERT_NE(new_leader, old_leader);
    EXPECT_EQ(cluster.answer_to(ticket), nullptr) << "its fate is still open";
    cluster.call(new_leader, register_job(service_job("b", 1)));
    cluster.reconnect();
    cluster.run_for(10s);
    ASSERT_TRUE(cluster.answer_to(ticket));
    EXPECT_EQ(failure_of(*cluster.answer_to(ticket)), std::nullopt);
    EXPECT_EQ(cluster.call(new_leader, read_job("a")).job().version(), 0U);
    EXPECT_TRUE(cluster.digests_equal());
}

TEST(Writes, without_any_leader_nothing_is_proposed_and_that_is_said) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    const std::size_t follower = cluster.follower();
    for (std::size_t i = 0; i < 3; ++i) {
        if (i != follower) cluster.crash(i);
    }
    (void)leader;
    cluster.run_for(5s);
    for (const auto& request : {register_job(service_job("a", 1)), read_job("a")}) {
        const Ticket ticket = cluster.ask(follower, request);
        cluster.run_for(7s);
        ASSERT_TRUE(cluster.answer_to(ticket));
        EXPECT_EQ(failure_of(*cluster.answer_to(ticket)), Errc::no_leader);
    }
    const auto read = cluster.call(follower, stale(read_job("a")));
    EXPECT_EQ(failure_of(read), Errc::not_found) << "a stale read needs no leader";
    EXPECT_FALSE(read.known_leader());
    EXPECT_GT(read.last_contact_ns(), Duration{4s}.count());
}

TEST(Writes, a_forwarded_write_is_answered_from_the_own_log_when_the_leader_dies) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    const std::size_t follower = cluster.follower();
    // The leader's own disk hangs: the others can commit, but it cannot count itself.
    const Ticket ticket = cluster.ask(follower, register_job(service_job("a", 1)));
    cluster.stall_disk(follower);
    cluster.run_for(20ms);
    cluster.crash(leader);
    cluster.release_disk(follower);
    cluster.run_for(10s);
    ASSERT_TRUE(cluster.answer_to(ticket));
    const bool happened = failure_of(cluster.call(follower, read_job("a"))) == std::nullopt;
    const auto failure = failure_of(*cluster.answer_to(ticket));
    EXPECT_TRUE(failure == std::nullopt ? happened : failure == Errc::unknown_outcome);
}

TEST(Writes, a_write_that_was_lost_with_its_leader_happens_as_soon_as_there_is_another) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    const std::size_t follower = cluster.follower();
    cluster.cut_off(leader);
    const Ticket ticket = cluster.ask(follower, register_job(service_job("a", 1)));
    EXPECT_TRUE(cluster.run_until([&] { return cluster.answer_to(ticket) != nullptr; }, 5s));
    ASSERT_TRUE(cluster.answer_to(ticket));
    EXPECT_EQ(failure_of(*cluster.answer_to(ticket)), std::nullopt);
    EXPECT_EQ(cluster.call(follower, read_job("a")).job().version(), 0U);
    cluster.reconnect();
    cluster.run_for(5s);
    EXPECT_EQ(cluster.call(leader, read_job("a")).job().version(), 0U);
    EXPECT_TRUE(cluster.digests_equal());
}

// It was on its way while the term ended; its sender may have found out and tried again.
TEST(Writes, a_write_that_was_passed_on_in_an_earlier_term_never_happens) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    const std::size_t follower = cluster.follower();
    const raft::Term term = cluster.server(leader).raft().term();
    struct Row {
        const char* why;
        std::optional<raft::Term> term;
        bool happens;
    };
    const Row rows[]{
        {"an earlier term", raft::Term{term.value() - 1}, false},
        {"the term that is led", term, true},
        {"a term that was never led", raft::Term{term.value() + 1}, false},
        {"a sender that names none", std::nullopt, true},
    };
    std::uint64_t number = 0;
    for (const Row& row : rows) {
        const std::string id = "job-" + std::to_string(++number);
        schema::Request late = register_job(service_job(id, 1));
        late.set_forwarded(true);
        cluster.deliver(follower, leader,
                        ForwardedRequest{Ticket{number},
                                         std::make_shared<const schema::Request>(late), row.term});
        cluster.run_for(1s);
        const auto read = cluster.call(follower, read_job(id));
        EXPECT_EQ(failure_of(read) == std::nullopt, row.happens) << row.why;
    }
}

TEST(Writes, a_server_whose_queue_is_full_says_so_and_proposes_nothing) {
    Cluster cluster{{3, [](Config& config) { config.pending_request_bytes_max = 2000; }}};
    const std::size_t leader = cluster.elect();
    cluster.cut_off(leader);
    std::vector<Ticket> tickets;
    for (int i = 0; i < 20; ++i) {
        tickets.push_back(cluster.ask(leader, register_job(service_job(std::to_string(i), 1))));
    }
    cluster.run_for(50ms);
    const auto refused = std::count_if(tickets.begin(), tickets.end(), [&](Ticket ticket) {
        const auto answer = cluster.answer_to(ticket);
        return answer && failure_of(*answer) == Errc::overloaded;
    });
    EXPECT_GT(refused, 10);
    EXPECT_LT(refused, 20);
}

TEST(Writes, nothing_is_answered_before_it_is_durable) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    for (std::size_t i = 0; i < 3; ++i) cluster.stall_disk(i);
    const Ticket ticket = cluster.ask(leader, register_job(service_job("a", 1)));
    cluster.run_for(200ms);
    EXPECT_EQ(cluster.answer_to(ticket), nullptr);
    for (std::size_t i = 0; i < 3; ++i) cluster.release_disk(i);
    cluster.run_for(200ms);
    EXPECT_NE(cluster.answer_to(ticket), nullptr);
}

TEST(Writes, the_first_failed_disk_write_stops_the_server_for_good) {
    Cluster cluster;
    const std::size_t leader = cluster.elect();
    cluster.fail_disk(leader);
    cluster.run_for(100ms);
    ASSERT_TRUE(cluster.halted(leader));
    EXPECT_NE(cluster.halted(leader)->find("No space left on device"), std::string::npos);
    const Ticket ticket = cluster.ask(leader, stale(read_job("a")));
    cluster.run_for(5s);
    EXPECT_EQ(cluster.answer_to(ticket), nullptr);
    EXPECT_EQ(cluster.server(leader).next_deadline(), std::nullopt);
}

}  // namespace
}  // namespace drover::server
