// The judge's own account of the live allocations: who holds which name, and what each node has to
// give. It is moved by what changed alone, so that a large world is judged as fast as a small one.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/state/view.hpp"

namespace drover::sim {

class PlacementLedger {
public:
    struct Clash {  // two live allocations that hold one name, or (of distinct hosts) one node
        Uuid holder;
        Uuid other;
    };

    // Of the rows that may have changed. Those that ended give back what they held before the
    // others take it, as if all had happened at once.
    [[nodiscard]] std::vector<Clash> move(const state::StateView& view,
                                          const std::vector<Uuid>& changed);
    void clear();

    // What the live allocations of a node take together.
    [[nodiscard]] state::Usage used(const Uuid& node) const;
    // How many live allocations of a job a node holds.
    [[nodiscard]] std::uint32_t count(const std::string& job, const Uuid& node) const;

private:
    struct Held {
        Uuid node;
        std::uint64_t name{};  // a hash of job and name, and of the node where each has one
        std::uint64_t job_on_node{};
        state::Usage usage;
    };
    struct IdHash {
        std::size_t operator()(const Uuid& id) const;
    };
    static Held held_by(const state::AllocationRow& row);
    void release(const Uuid& id);

    std::unordered_map<Uuid, Held, IdHash> live_;
    // Of one name more than one may be live: a canary beside the allocation that it is to replace.
    std::unordered_multimap<std::uint64_t, Uuid> names_;
    std::unordered_map<std::uint64_t, std::uint32_t> jobs_on_nodes_;
    std::unordered_map<Uuid, state::Usage, IdHash> nodes_;
};

}  // namespace drover::sim
