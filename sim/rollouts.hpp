// What operators do about jobs and their deployments while a rollout is under way: each wish is
// asked of whoever runs until a server has decided it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "engine/base/prng.hpp"
#include "sim/requests.hpp"
#include "sim/scenario.hpp"

namespace drover::sim {

class World;

class Rollouts {
public:
    explicit Rollouts(const Prng& root) : prng_{root.stream("rollouts")} {}

    // A verb of deployments and versions, for the job that the step names. False where there is
    // nothing that it could be about: no deployment, no such job.
    bool wish(World& world, const Step& step);

    // Every wish has been decided. What became of it is a mark: "deployment.promoted", or the
    // same with ".refused".
    [[nodiscard]] bool settled() const { return open_.empty(); }

private:
    struct Wish {
        server::RequestPtr request;  // but for its id: asked again, it is another request
        std::string mark;
        std::string scaled_job;  // whose count is another once it is acknowledged
        std::uint32_t count{};
    };
    void ask(World& world, std::uint64_t number);
    void answered(World& world, std::uint64_t number, const Answer& answer);

    Prng prng_;
    std::uint64_t wishes_ = 0;
    std::map<std::uint64_t, Wish> open_;
};

}  // namespace drover::sim
