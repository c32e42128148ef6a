#include "agent/server_link.hpp"

#include <algorithm>
#include <utility>

#include "engine/schema/request.pb.h"
#include "engine/schema/server.pb.h"

namespace drover::agent {
namespace {

bool is_without_leader(const schema::Response& response) {
    return response.has_failure() &&
           response.failure().code() == static_cast<std::uint32_t>(Errc::no_leader);
}

}  // namespace

ServerLink::ServerLink(io::Transport& transport, std::vector<std::string> servers)
    : transport_{transport}, servers_{std::move(servers)} {
    // Servers reach this node over connections that it has dialled: it keeps one to each.
    for (const auto& server : servers_) transport_.keep(io::Address{server});
}

std::string ServerLink::current() const {
    const std::lock_guard lock{mutex_};
    return servers_.empty() ? std::string{} : servers_[current_ % servers_.size()];
}

void ServerLink::turn_from(const std::string& server) {
    const std::lock_guard lock{mutex_};
    if (!servers_.empty() && servers_[current_ % servers_.size()] == server) {
        current_ = (current_ + 1) % servers_.size();
    }
}

void ServerLink::learn(const std::vector<std::string>& servers) {
    if (servers.empty()) return;
    std::vector<std::string> gone;
    {
        const std::lock_guard lock{mutex_};
        if (servers == servers_) return;
        for (const auto& old : servers_) {
            if (std::find(servers.begin(), servers.end(), old) == servers.end())
                gone.push_back(old);
        }
        servers_ = servers;
        current_ %= servers_.size();
    }
    for (const auto& server : servers) transport_.keep(io::Address{server});
    for (const auto& server : gone) transport_.drop(io::Address{server});
}

void ServerLink::ask(server::RequestPtr request, Duration timeout, Reply reply) {
    std::size_t tries = 0;
    {
        const std::lock_guard lock{mutex_};
        tries = servers_.size();
    }
    try_next(std::move(request), timeout, std::move(reply), tries);
}

void ServerLink::try_next(server::RequestPtr request, Duration timeout, Reply reply,
                          std::size_t tries_left) {
    const std::string server = current();
    if (tries_left == 0 || server.empty()) {
        reply(nullptr, "no server could be reached", true);
        return;
    }
    std::string bytes = request->SerializeAsString();
    transport_.request(io::Address{server}, std::move(bytes), timeout,
                       [this, request, timeout, reply = std::move(reply), tries_left,
                        server](io::RequestOutcome outcome) {
                           if (!outcome) {
                               turn_from(server);
                               if (outcome.error().delivery == io::Delivery::never_sent) {
                                   try_next(request, timeout, reply, tries_left - 1);
                               } else {
                                   reply(nullptr, outcome.error().reason, false);
                               }
                               return;
                           }
                           auto response = std::make_shared<schema::Response>();
                           if (!response->ParseFromString(*outcome)) {
                               reply(nullptr, "the server's answer cannot be decoded", false);
                               return;
                           }
                           // It may be cut off from the others, or removed.
                           if (is_without_leader(*response)) turn_from(server);
                           if (response->has_node_written()) {
                               std::vector<std::string> servers;
                               for (const auto& one : response->node_written().servers())
                                   servers.push_back(one.address());
                               learn(servers);
                           }
                           reply(std::move(response), {}, false);
                       });
}

}  // namespace drover::agent
