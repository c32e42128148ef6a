// Room made by taking it: which allocations of lesser jobs would have to go so that a group fits on
// a node where it does not. Asked only where no node has room as things are.
//
// It chooses and never evicts. A job within 10 of the asking job's priority is never touched, nor
// the job itself; and of what is chosen, nothing could stay.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/scheduler/fleet.hpp"
#include "engine/scheduler/group_shape.hpp"

namespace drover::scheduler {

constexpr std::int32_t preemption_gap = 10;

struct PreemptionCandidate {
    std::int32_t priority{};
    state::Usage usage;
    // What its migrate block allows to be away at a time (0: it has none), and how many of its
    // group this run has taken already.
    std::int64_t max_parallel{};
    std::int64_t taken{};
};

// Numbers of candidates, ascending: lowest priority first, and among equals those that come nearest
// to what is still missing, until `ask` fits into `free`; then without those that it also fits
// without, the most important first. Empty where all of them are not enough, or none is needed.
[[nodiscard]] std::vector<std::size_t> least_victims(
    const state::Usage& free, const state::Usage& ask,
    const std::vector<PreemptionCandidate>& candidates);

// From 0 to 1: close to 1 where only lesser jobs lose something, falling as the victims' priority
// and number grow.
[[nodiscard]] Score preemption_score(const std::vector<std::int32_t>& priorities);

// For one run of one job.
class Preemption {
public:
    Preemption(const state::StateView& view, const Fleet& fleet, const schema::Job& job);

    // Who would have to go from the node for one more allocation of the group; nobody where that
    // would not do, or where there is room already.
    [[nodiscard]] std::vector<state::AllocationPtr> victims_on(std::uint32_t node,
                                                               const GroupShape& shape) const;
    // They were evicted by this run.
    void took(const std::vector<state::AllocationPtr>& victims);

private:
    using Group = std::pair<state::JobKey, std::string>;
    struct OnNode;

    [[nodiscard]] bool may_take(const state::AllocationRow& row) const;
    [[nodiscard]] OnNode look_at(std::uint32_t node) const;
    [[nodiscard]] bool fits_without(std::uint32_t node, const GroupShape& shape,
                                    const OnNode& there, const std::vector<bool>& gone) const;
    [[nodiscard]] bool ports_free(std::uint32_t node, const GroupShape& shape, const OnNode& there,
                                  const std::vector<bool>& gone) const;
    [[nodiscard]] bool devices_free(std::uint32_t node, const GroupShape& shape,
                                    const OnNode& there, const std::vector<bool>& gone) const;
    [[nodiscard]] bool free_devices(std::uint32_t node, const GroupShape& shape,
                                    const OnNode& there, std::vector<bool>& gone) const;
    [[nodiscard]] bool free_ports(std::uint32_t node, const GroupShape& shape, const OnNode& there,
                                  std::vector<bool>& gone) const;

    const state::StateView& view_;
    const Fleet& fleet_;
    state::JobKey key_;
    std::int32_t priority_;
    std::map<Group, std::int64_t> taken_;
};

}  // namespace drover::scheduler
