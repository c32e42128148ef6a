// Which nodes an operator wants empty: asked of whoever runs until a server says that it is noted.
#pragma once

#include <cstdint>
#include <map>

#include "engine/base/prng.hpp"
#include "engine/base/time.hpp"
#include "sim/requests.hpp"

namespace drover::sim {

class World;

struct DrainWish {
    bool drains{};
    Duration deadline{};  // as in the API: 0 is none, below 0 at once
    bool ignore_system{};
};

class Drains {
public:
    explicit Drains(const Prng& root) : prng_{root.stream("drains")} {}

    // The newest wish counts.
    void wish(World& world, std::uint32_t node, const DrainWish& wish);

    // Nothing that was wished for is still to be noted.
    [[nodiscard]] bool settled() const { return asked_.empty(); }

private:
    struct Asked {
        DrainWish wish;
        std::uint64_t number{};
    };
    void ask(World& world, std::uint32_t node, std::uint64_t number);
    void answered(World& world, std::uint32_t node, std::uint64_t number, const Answer& answer);

    Prng prng_;
    std::uint64_t wishes_ = 0;
    std::map<std::uint32_t, Asked> asked_;  // not acknowledged
};

}  // namespace drover::sim
