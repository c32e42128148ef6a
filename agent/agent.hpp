// One running agent: server, client or both, with its transport and its HTTP API, put together from
// a configuration. Everything with a decision in it lives elsewhere.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/config.hpp"
#include "engine/base/result.hpp"

namespace drover::agent {

class Agent {
public:
    // Called once, from any thread, when the agent cannot go on; the caller then destroys it.
    using OnHalt = std::function<void(std::string reason)>;

    // Up and listening when it returns; elections and registration follow.
    [[nodiscard]] static Result<std::unique_ptr<Agent>> start(Config config, OnHalt on_halt);
    // Tasks keep running; everything else stops. Dev mode takes its tasks and directory along.
    ~Agent();
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;

    [[nodiscard]] const Config& config() const;
    [[nodiscard]] std::string http_address() const;

private:
    struct Impl;
    explicit Agent(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace drover::agent
