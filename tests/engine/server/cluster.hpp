// A small cluster for tests: servers with an instant disk and an instant, orderly network, on a
// clock that only moves when told. Servers can be crashed, restarted and cut off; nodes and tasks
// are what the test says they are.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/schema/request.pb.h"
#include "engine/server/server.hpp"

namespace drover::server {

class Cluster {
public:
    struct Options {
        std::size_t servers = 3;
        std::function<void(Config&)> configure{};
    };
    explicit Cluster(Options options);
    Cluster() : Cluster(Options{}) {}

    // ---- time and faults

    void run_for(Duration time);
    // Lets time pass until the condition holds; fails the test after a simulated minute.
    [[nodiscard]] bool run_until(const std::function<bool()>& condition,
                                 Duration limit = std::chrono::seconds{60});
    void crash(std::size_t server);
    void restart(std::size_t server);
    void cut_off(std::size_t server) { cut_off_.insert(server); }
    void reconnect() { cut_off_.clear(); }
    // Every message between servers arrives twice, and once more at repeat_messages().
    void remember_messages() { remembered_.emplace(); }
    void repeat_messages();
    // Log writes of this server are begun and not completed until released.
    void stall_disk(std::size_t server) { stalled_.insert(server); }
    void release_disk(std::size_t server);
    void fail_disk(std::size_t server);

    // ---- looking

    [[nodiscard]] Server& server(std::size_t number) { return *hosts_[number].server; }
    [[nodiscard]] bool up(std::size_t number) const { return hosts_[number].server.has_value(); }
    [[nodiscard]] std::optional<std::size_t> leader();
    // Waits for one; the number of the server.
    std::size_t elect();
    [[nodiscard]] std::size_t follower();
    [[nodiscard]] bool digests_equal();
    [[nodiscard]] const std::optional<std::string>& halted(std::size_t server) const {
        return hosts_[server].halted;
    }
    // The line that it last put on its log; empty before the first.
    [[nodiscard]] const std::string& last_report(std::size_t server) const {
        return hosts_[server].last_report;
    }
    [[nodiscard]] std::size_t snapshots_installed(std::size_t server) const {
        return hosts_[server].snapshots_installed;
    }

    // ---- asking

    Ticket ask(std::size_t server, schema::Request request);
    [[nodiscard]] ResponsePtr answer_to(Ticket ticket) const;
    // Asks and waits for the answer.
    schema::Response call(std::size_t server, schema::Request request);
    void abandon(std::size_t server, Ticket ticket);
    // As if it had been on its way until now.
    void deliver(std::size_t from, std::size_t to, PeerMessage message);

private:
    struct Host {
        ServerInfoPtr info;
        std::optional<Server> server;
        DurableState disk;
        std::deque<raft::WriteLog> stalled_writes;
        std::vector<Input> inbox;
        Planner planner;
        std::optional<std::string> halted;
        std::string last_report;
        std::size_t snapshots_installed = 0;
    };

    void start(std::size_t number);
    bool step_everybody();
    void step(std::size_t number, std::vector<Input> inputs);
    void carry_out(std::size_t number, Effect& effect);
    void write(Host& host, const raft::WriteLog& write);
    [[nodiscard]] WallTime wall() const;

    Options options_;
    Instant now_{};
    std::vector<Host> hosts_;
    std::set<std::size_t> cut_off_;
    std::optional<std::vector<std::pair<std::size_t, PeerMessageReceived>>> remembered_;
    std::set<std::size_t> stalled_;
    std::map<Ticket, ResponsePtr> answers_;
    std::uint64_t last_ticket_ = 0;
    std::uint64_t seed_ = 1;
};

}  // namespace drover::server
