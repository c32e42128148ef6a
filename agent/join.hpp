// Runs the join handshake (engine/membership) for real, on the serf port, until this server is a
// member of its cluster; after that it answers newcomers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/membership/membership.hpp"

namespace drover::agent {

struct JoinHandlers {
    // Called once: start the server with these as its first voters. Empty: an existing cluster will
    // make contact.
    std::function<void(std::vector<membership::Card> founders)> on_decided;
    // A newcomer wants to be added to the cluster that this server belongs to.
    std::function<void(membership::Card newcomer)> on_newcomer;
};

class Join {
public:
    // `listen` is "host:port"; what was promised is kept in `promise_file`.
    [[nodiscard]] static Result<std::unique_ptr<Join>> start(const std::string& listen,
                                                             membership::Config config,
                                                             const std::string& promise_file,
                                                             JoinHandlers handlers);
    ~Join();
    Join(const Join&) = delete;
    Join& operator=(const Join&) = delete;

    void became_member();

private:
    struct Impl;
    explicit Join(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace drover::agent
