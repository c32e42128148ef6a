// What a server that was removed says to those who still ask it: that they should ask another one.
// It hears nothing new, so whoever it kept waiting would wait for as long as it lives.
#include <gtest/gtest.h>

#include "engine/schema/job.pb.h"
#include "tests/engine/server/cluster.hpp"
#include "tests/engine/server/requests.hpp"

namespace drover::server {
namespace {

using namespace std::chrono_literals;

// Three servers that hold a job, and one of them that is to go.
struct Group {
    Group() : leader{cluster.elect()} {
        cluster.call(leader, register_job(service_job("web", 0)));
        cluster.run_for(1s);
    }
    void remove(std::size_t server) {
        Uuid id;
        id.bytes[15] = static_cast<std::uint8_t>(server + 1);
        schema::Request request;
        request.mutable_remove_peer()->set_id(id.text());
        const auto response = cluster.call(leader, request);
        EXPECT_EQ(failure_of(response), std::nullopt) << response.failure().message();
    }
    [[nodiscard]] std::string role_of(std::size_t server) {
        return cluster.server(server).raft_state().role();
    }

    Cluster cluster;
    std::size_t leader;
    std::size_t gone = (leader + 1) % 3;
};

TEST(RemovedServer, lets_nobody_wait_for_news_that_cannot_come) {
    Group group;
    const auto now = group.cluster.call(group.gone, read_job("web")).index();
    const Ticket waits = group.cluster.ask(group.gone, blocking(read_job("web"), now, 60s));
    const Ticket waits_for_any =
        group.cluster.ask(group.gone, stale(blocking(read_job("web"), now, 60s)));
    group.cluster.run_for(100ms);
    ASSERT_EQ(group.cluster.answer_to(waits), nullptr);
    group.remove(group.gone);
    group.cluster.run_for(100ms);
    for (const Ticket one : {waits, waits_for_any}) {
        ASSERT_NE(group.cluster.answer_to(one), nullptr);
        EXPECT_EQ(failure_of(*group.cluster.answer_to(one)), Errc::no_leader);
    }
    const Ticket late = group.cluster.ask(group.gone, stale(blocking(read_job("web"), now, 60s)));
    group.cluster.run_for(100ms);
    ASSERT_NE(group.cluster.answer_to(late), nullptr);
    EXPECT_EQ(failure_of(*group.cluster.answer_to(late)), Errc::no_leader);
}

TEST(RemovedServer, lets_nobody_wait_for_an_index_that_it_never_reaches) {
    Group group;
    // It is told the index of the read, and not the entries up to it.
    group.cluster.stall_disk(group.gone);
    group.cluster.call(group.leader, register_job(service_job("api", 0)));
    const Ticket waits = group.cluster.ask(group.gone, read_job("api"));
    group.cluster.run_for(100ms);
    ASSERT_EQ(group.cluster.answer_to(waits), nullptr);
    group.cluster.cut_off(group.gone);
    group.remove(group.gone);
    group.cluster.reconnect();
    group.cluster.deliver(group.leader, group.gone,
                          NoMember{group.cluster.server(group.leader).raft().commit_index()});
    group.cluster.run_for(100ms);
    ASSERT_NE(group.cluster.answer_to(waits), nullptr);
    EXPECT_EQ(failure_of(*group.cluster.answer_to(waits)), Errc::no_leader);
}

// Such as the leader sends before it has itself applied that the server is gone.
TEST(RemovedServer, follows_nobody_whose_message_comes_late) {
    Group group;
    group.remove(group.gone);
    const raft::Raft& leads = group.cluster.server(group.leader).raft();
    group.cluster.deliver(group.leader, group.gone,
                          raft::Message{leads.id(), raft::RaftId{group.gone + 1}, leads.term(),
                                        raft::MsgHeartbeat{}});
    group.cluster.run_for(100ms);
    const std::vector<std::pair<schema::Request, const char*>> asked{
        {register_job(service_job("late", 0)), "a write, passed on, would come true"},
        {read_job("web"), "its index would be confirmed, and never reached"},
        {register_node(1), "a node would stay with who cannot tell it anything"}};
    for (const auto& [request, why] : asked) {
        const Ticket ticket = group.cluster.ask(group.gone, request);
        group.cluster.run_for(100ms);
        ASSERT_NE(group.cluster.answer_to(ticket), nullptr) << why;
        const schema::Response& answer = *group.cluster.answer_to(ticket);
        EXPECT_EQ(failure_of(answer), Errc::no_leader) << why;
        EXPECT_FALSE(answer.known_leader()) << why;
    }
    EXPECT_EQ(group.cluster.server(group.leader).view().job({"default", "late"}), nullptr);
    EXPECT_EQ(group.cluster.server(group.gone).raft_state().leader_raft_id(), 0U);
    EXPECT_EQ(failure_of(group.cluster.call(group.gone, stale(read_job("web")))), std::nullopt)
        << "what it knows it still tells";
}

// Who does not vote never asks for votes either: a question of any kind must tell it.
TEST(RemovedServer, hears_of_it_when_it_asks_the_leader_for_anything) {
    const std::vector<std::pair<schema::Request, const char*>> asked{
        {register_job(service_job("late", 0)), "passes on a write"},
        {read_job("web"), "asks for a read index"}};
    for (const auto& [request, why] : asked) {
        Group group;
        group.cluster.cut_off(group.gone);
        group.remove(group.gone);
        group.cluster.reconnect();
        (void)group.cluster.ask(group.gone, request);
        group.cluster.run_for(100ms);  // long before it would stand for an election
        EXPECT_EQ(group.role_of(group.gone), "removed") << why;
    }
}

}  // namespace
}  // namespace drover::server
