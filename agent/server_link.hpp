// How an agent without a server of its own asks one: over the transport, to one server at a time,
// turning to the next when it cannot be reached.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/server/boundary.hpp"
#include "io/transport.hpp"

namespace drover::agent {

class ServerLink {
public:
    // A response, or the reason why there is none and whether the request may have been handled.
    using Reply =
        std::function<void(server::ResponsePtr response, std::string reason, bool never_sent)>;

    ServerLink(io::Transport& transport, std::vector<std::string> servers);

    void ask(server::RequestPtr request, Duration timeout, Reply reply);
    // The servers as the cluster knows them now; replaces what was configured.
    void learn(const std::vector<std::string>& servers);
    [[nodiscard]] std::string current() const;

private:
    void try_next(server::RequestPtr request, Duration timeout, Reply reply,
                  std::size_t tries_left);
    void turn_from(const std::string& server);

    io::Transport& transport_;
    mutable std::mutex mutex_;
    std::vector<std::string> servers_;
    std::size_t current_{0};
};

}  // namespace drover::agent
