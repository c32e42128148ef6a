// Who is to belong to the cluster, as an operator wants it: servers are taken out and let in again,
// by asking whoever runs until somebody says that it is done.
#pragma once

#include <cstdint>
#include <set>

#include "engine/base/prng.hpp"
#include "sim/requests.hpp"

namespace drover::sim {

class World;

class Members {
public:
    explicit Members(const Prng& root) : prng_{root.stream("members")} {}

    void remove(World& world, std::uint32_t server);
    void add(World& world, std::uint32_t server);
    // Whoever is out is let in again.
    void add_all(World& world);

    [[nodiscard]] bool out(std::uint32_t server) const { return out_.contains(server); }
    [[nodiscard]] std::size_t out_count() const { return out_.size(); }
    // Nothing that was wished for is still to be done.
    [[nodiscard]] bool settled() const { return busy_.empty(); }

private:
    void ask(World& world, std::uint32_t server);
    void answered(World& world, std::uint32_t server, bool was_out, const Answer& answer);

    Prng prng_;
    std::set<std::uint32_t> out_;   // as it is wished
    std::set<std::uint32_t> busy_;  // what is wished for them has not been acknowledged
};

}  // namespace drover::sim
