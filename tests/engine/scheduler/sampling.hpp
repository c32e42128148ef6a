// How Nomad chooses a node, as a yardstick: of the nodes in a shuffled circle it looks at a few
// that have room and takes the best of these. Slow and exact, with arithmetic of its own.
// (Semantics 3.10: the source, the limit, the highest score.)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/prng.hpp"
#include "engine/state/types.hpp"

namespace drover::scheduler::testing {

// What a load came to.
struct Packing {
    double binpack = 0;          // mean over the placements, each as it was when it was chosen
    std::uint64_t nodes_used{};  // by the end
    int placed{};
};

class Sampler {
public:
    Sampler(std::vector<state::Capacity> capacities, std::uint64_t seed);

    // Places `count` allocations that take `ask` each; batch looks at two nodes, a service at
    // log2 of all of them.
    void run(int count, const state::Usage& ask, bool batch);

    [[nodiscard]] Packing packing() const;

private:
    struct Option {
        std::size_t node;
        double binpack;
        double score;
    };
    [[nodiscard]] std::vector<Option> sample(std::size_t limit, const state::Usage& ask, int count);
    void shuffle();

    std::vector<state::Capacity> capacities_;
    std::vector<state::Usage> used_;
    std::vector<int> of_job_;  // allocations of the job that is being placed, by node
    std::vector<std::size_t> circle_;
    std::size_t next_ = 0;  // in the circle: where the next choice begins
    Prng prng_;
    double binpack_ = 0;
    int placed_ = 0;
};

// 20 less 10^(free share of CPU) less 10^(free share of memory), in [0, 18], over 18.
[[nodiscard]] double exact_binpack(const state::Capacity& capacity, const state::Usage& used);

}  // namespace drover::scheduler::testing
