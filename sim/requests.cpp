#include "sim/requests.hpp"

#include <string_view>
#include <vector>

#include "engine/schema/request.pb.h"

#include "sim/world.hpp"

namespace drover::sim {
namespace {

constexpr Duration silence_limit = std::chrono::seconds{5};

// The name of what is asked, as the schema calls it.
std::string_view kind_of(const schema::Request& request) {
    const google::protobuf::Message* message = &request;
    if (request.has_query()) message = &request.query();
    const auto* oneof = message->GetDescriptor()->oneof_decl(0);
    const auto* field = message->GetReflection()->GetOneofFieldDescriptor(*message, oneof);
    return field == nullptr ? std::string_view{"nothing"} : std::string_view{field->name()};
}

std::string_view outcome_of(const Answer& answer) {
    if (answer.never_sent) return "refused connection";
    if (answer.response == nullptr) return "no answer";
    return answer.response->has_failure() ? "failure" : "answered";
}

}  // namespace

void Requests::ask(World& world, std::optional<Endpoint> from, std::uint32_t server,
                   server::RequestPtr request, Duration timeout, OnAnswer on_answer) {
    const std::uint64_t id = next_++;
    open_.emplace(id, Open{from, server, std::move(on_answer), false});
    world.trace.event(world.now(), "request.sent", from ? *from + 1 : 0, id, server + 1,
                      kind_of(*request));
    world.after(timeout, [id](World& later) { later.requests.time_out(later, id); });
    if (!from) {
        world.after(Duration{},
                    [id, request](World& later) { later.requests.arrive(later, id, request); });
        return;
    }
    const auto delays = world.network.send(*from, server);
    if (delays.empty()) {
        connection_breaks(world, id);
        return;
    }
    world.after(delays.front(),
                [id, request](World& later) { later.requests.arrive(later, id, request); });
}

void Requests::arrive(World& world, std::uint64_t id, server::RequestPtr request) {
    const auto open = open_.find(id);
    if (open == open_.end()) return;
    ServerProcess& server = world.servers[open->second.server];
    if (!server.runs()) {
        close(world, id, Answer{nullptr, true});
        return;
    }
    open->second.delivered = true;
    server.tell(world, server::RequestReceived{server::Ticket{id}, std::move(request)});
}

void Requests::respond(World& world, std::uint32_t server, server::Ticket ticket,
                       server::ResponsePtr response) {
    const auto open = open_.find(ticket.value());
    if (open == open_.end()) return;
    ENSURE(open->second.server == server);
    const std::uint64_t id = ticket.value();
    if (!open->second.from) {
        close(world, id, Answer{std::move(response), false});
        return;
    }
    const auto delays = world.network.send(server, *open->second.from);
    if (delays.empty()) {
        connection_breaks(world, id);
        return;
    }
    world.after(delays.front(), [id, response](World& later) {
        later.requests.close(later, id, Answer{response, false});
    });
}

// Requests travel over connections: what is lost on the way is a broken connection, and its ends
// notice by its silence.
void Requests::connection_breaks(World& world, std::uint64_t id) {
    world.after(silence_limit, [id](World& later) { later.requests.time_out(later, id); });
}

void Requests::close(World& world, std::uint64_t id, Answer answer) {
    const auto open = open_.find(id);
    if (open == open_.end()) return;
    const OnAnswer on_answer = std::move(open->second.on_answer);
    const auto from = open->second.from;
    open_.erase(open);
    world.trace.event(world.now(), "request.closed", from ? *from + 1 : 0, id,
                      answer.response ? answer.response->index() : 0, outcome_of(answer));
    on_answer(world, answer);
}

void Requests::time_out(World& world, std::uint64_t id) {
    const auto open = open_.find(id);
    if (open == open_.end()) return;
    ServerProcess& server = world.servers[open->second.server];
    if (open->second.delivered && server.runs()) {
        server.tell(world, server::RequestAbandoned{server::Ticket{id}});
    }
    close(world, id, Answer{nullptr, false});
}

void Requests::server_crashed(World& world, std::uint32_t server) {
    for (auto& [id, open] : open_) {
        if (open.server != server || !open.delivered) continue;
        const auto delays =
            open.from ? world.network.send(server, *open.from) : std::vector<Duration>{Duration{}};
        if (delays.empty()) {
            connection_breaks(world, id);
            continue;
        }
        world.after(delays.front(),
                    [id = id](World& later) { later.requests.close(later, id, Answer{}); });
    }
}

void Requests::asker_crashed(World& world, Endpoint from) {
    std::vector<std::uint64_t> gone;
    for (const auto& [id, open] : open_) {
        if (open.from == from) gone.push_back(id);
    }
    for (const std::uint64_t id : gone) {
        const Open open = open_.at(id);
        open_.erase(id);
        ServerProcess& server = world.servers[open.server];
        if (open.delivered && server.runs()) {
            server.tell(world, server::RequestAbandoned{server::Ticket{id}});
        }
    }
}

}  // namespace drover::sim
