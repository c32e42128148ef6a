// Requests on their way to servers and back. Each is answered exactly once: by the server's
// response, or by nothing (the connection failed, the server crashed, the time ran out).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "engine/server/boundary.hpp"
#include "sim/network.hpp"

namespace drover::sim {

class World;

struct Answer {
    server::ResponsePtr response;  // null: none came
    // Nobody saw the request: the connection was refused. It certainly did nothing.
    bool never_sent{};
};
using OnAnswer = std::function<void(World&, const Answer&)>;

class Requests {
public:
    // `from` is absent for clients at the server's own side: they add no latency, because latency
    // hides anomalies.
    void ask(World& world, std::optional<Endpoint> from, std::uint32_t server,
             server::RequestPtr request, Duration timeout, OnAnswer on_answer);
    // The server answered.
    void respond(World& world, std::uint32_t server, server::Ticket ticket,
                 server::ResponsePtr response);
    // The server's process is gone: whoever waited for it learns that the connection broke.
    void server_crashed(World& world, std::uint32_t server);
    // The asker itself is gone: its requests die with it, unanswered.
    void asker_crashed(World& world, Endpoint from);

private:
    struct Open {
        std::optional<Endpoint> from;
        std::uint32_t server{};
        OnAnswer on_answer;
        bool delivered{};
    };
    void arrive(World& world, std::uint64_t id, server::RequestPtr request);
    void connection_breaks(World& world, std::uint64_t id);
    void close(World& world, std::uint64_t id, Answer answer);
    void time_out(World& world, std::uint64_t id);

    std::map<std::uint64_t, Open> open_;
    std::uint64_t next_{1};
};

}  // namespace drover::sim
