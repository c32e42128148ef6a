#include "engine/scheduler/preemption.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <tuple>

#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"

namespace drover::scheduler {
namespace {

// Distances are fixed point with this many bits; a component beyond the limit counts as the limit.
constexpr int distance_bits = 16;
constexpr std::int64_t distance_one = std::int64_t{1} << distance_bits;
constexpr std::int64_t component_max = 8192 * distance_one;
constexpr std::int64_t group_penalty = 50 * distance_one;

std::int64_t square_root(std::int64_t value) {
    if (value < 2) return value;
    std::int64_t guess = std::int64_t{1} << 31;
    for (;;) {
        const std::int64_t next = (guess + value / guess) / 2;
        if (next >= guess) return guess;
        guess = next;
    }
}

std::int64_t component(std::int64_t needed, std::int64_t given) {
    if (needed <= 0) return 0;
    const std::int64_t gap = std::clamp<std::int64_t>(needed - given, -needed * 8192, needed);
    return std::clamp(gap * distance_one / needed, -component_max, component_max);
}

std::int64_t distance(const state::Usage& needed, const state::Usage& given) {
    const std::int64_t parts[]{component(needed.cpu_mhz, given.cpu_mhz),
                               component(needed.memory_mb, given.memory_mb),
                               component(needed.disk_mb, given.disk_mb)};
    std::int64_t sum = 0;
    for (const std::int64_t part : parts) sum += part * part;
    return square_root(sum);
}

std::int64_t penalty(const PreemptionCandidate& one) {
    if (one.max_parallel <= 0 || one.taken < one.max_parallel) return 0;
    return (one.taken + 1 - one.max_parallel) * group_penalty;
}

bool holds(const state::Usage& free, const state::Usage& ask) {
    return free.cpu_mhz >= ask.cpu_mhz && free.memory_mb >= ask.memory_mb &&
           free.disk_mb >= ask.disk_mb && free.allocations >= ask.allocations;
}

// The most important first, and among equals those that take most of what is asked for.
std::vector<std::size_t> spared_first(const std::vector<PreemptionCandidate>& candidates,
                                      const std::vector<std::size_t>& chosen,
                                      const state::Usage& ask) {
    std::vector<std::size_t> order = chosen;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        const auto rank = [&](std::size_t i) {
            return std::tuple{-candidates[i].priority, -distance(ask, candidates[i].usage), i};
        };
        return rank(a) < rank(b);
    });
    return order;
}

state::Usage sum_of(const state::Usage& free, const std::vector<PreemptionCandidate>& candidates,
                    const std::vector<bool>& gone) {
    state::Usage sum = free;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (gone[i]) sum += candidates[i].usage;
    }
    return sum;
}

std::vector<std::size_t> numbers_of(const std::vector<bool>& chosen) {
    std::vector<std::size_t> numbers;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        if (chosen[i]) numbers.push_back(i);
    }
    return numbers;
}

// Marks more of them until the ask fits; false where it never does.
bool choose_more(const state::Usage& free, const state::Usage& ask,
                 const std::vector<PreemptionCandidate>& candidates, std::vector<bool>& gone) {
    state::Usage room = sum_of(free, candidates, gone);
    state::Usage needed = ask;
    while (!holds(room, ask)) {
        std::size_t best = candidates.size();
        std::pair<std::int64_t, std::int64_t> best_rank;
        for (std::size_t i = 0; i < candidates.size(); ++i) {
            if (gone[i]) continue;
            const std::pair rank{std::int64_t{candidates[i].priority},
                                 distance(needed, candidates[i].usage) + penalty(candidates[i])};
            if (best < candidates.size() && !(rank < best_rank)) continue;
            best = i;
            best_rank = rank;
        }
        if (best == candidates.size()) return false;
        gone[best] = true;
        room += candidates[best].usage;
        needed -= candidates[best].usage;
    }
    return true;
}

bool holds_asked_port(const schema::AllocatedResources& resources,
                      const schema::NetworkResource& ask) {
    const auto asked = [&](std::int32_t value) {
        return std::any_of(ask.reserved_ports().begin(), ask.reserved_ports().end(),
                           [&](const auto& port) { return port.value() == value; });
    };
    const auto in_network = [&](const schema::NetworkResource& network) {
        const auto same = [&](const auto& port) { return asked(port.value()); };
        return std::any_of(network.reserved_ports().begin(), network.reserved_ports().end(),
                           same) ||
               std::any_of(network.dynamic_ports().begin(), network.dynamic_ports().end(), same);
    };
    const auto& shared = resources.shared();
    return std::any_of(shared.ports().begin(), shared.ports().end(),
                       [&](const auto& port) { return asked(port.value()); }) ||
           std::any_of(shared.networks().begin(), shared.networks().end(), in_network) ||
           std::any_of(resources.tasks().begin(), resources.tasks().end(), [&](const auto& task) {
               return std::any_of(task.networks().begin(), task.networks().end(), in_network);
           });
}

std::vector<std::size_t> by_priority(const std::vector<PreemptionCandidate>& candidates) {
    std::vector<std::size_t> order(candidates.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return candidates[a].priority < candidates[b].priority;
    });
    return order;
}

bool holds_asked_device(const schema::AllocatedResources& resources,
                        const std::vector<DeviceRequest>& requests) {
    const auto asked = [&](const schema::AllocatedDeviceResource& device) {
        return std::any_of(requests.begin(), requests.end(), [&](const auto& request) {
            return names_devices(request.name, device);
        });
    };
    return std::any_of(resources.tasks().begin(), resources.tasks().end(), [&](const auto& task) {
        return std::any_of(task.devices().begin(), task.devices().end(), asked);
    });
}

}  // namespace

std::vector<std::size_t> least_victims(const state::Usage& free, const state::Usage& ask,
                                       const std::vector<PreemptionCandidate>& candidates) {
    std::vector<bool> gone(candidates.size());
    if (!choose_more(free, ask, candidates, gone)) return {};
    for (const std::size_t one : spared_first(candidates, numbers_of(gone), ask)) {
        gone[one] = false;
        if (!holds(sum_of(free, candidates, gone), ask)) gone[one] = true;
    }
    return numbers_of(gone);
}

// 1 / (1 + e^(0.0048 (n - 2048))), where n is the greatest priority plus the sum over the greatest.
Score preemption_score(const std::vector<std::int32_t>& priorities) {
    constexpr std::int64_t one = std::int64_t{1} << 20;
    constexpr std::int64_t decimal_slope = 208'461;  // 0.0048 / ln 10, in parts of 10^8
    std::int64_t greatest = 1, sum = 0;
    for (const std::int32_t priority : priorities) {
        greatest = std::max<std::int64_t>(greatest, priority);
        sum += priority;
    }
    const std::int64_t net =
        std::min<std::int64_t>(greatest * one + sum * one / greatest, 4096 * one);
    const std::int64_t off = net - 2048 * one;
    std::int64_t exponent = (off < 0 ? -off : off) * decimal_slope / 100'000'000;
    Score power = power_of_ten((exponent % one) << (score_bits - 20));
    for (; exponent >= one; exponent -= one) power *= 10;
    return off < 0 ? ratio(power, power + score_one) : ratio(score_one, power + score_one);
}

struct Preemption::OnNode {
    std::vector<state::AllocationPtr> staying;  // whatever happens
    std::vector<state::AllocationPtr> rows;     // those that may be taken
    std::vector<PreemptionCandidate> candidates;
    state::Usage free;
};

Preemption::Preemption(const state::StateView& view, const Fleet& fleet, const schema::Job& job)
    : view_{view}, fleet_{fleet}, key_{state::key_of(job)}, priority_{job.priority()} {}

bool Preemption::may_take(const state::AllocationRow& row) const {
    return row.job != nullptr && row.job->priority() <= priority_ - preemption_gap &&
           state::job_of(row) != key_;
}

Preemption::OnNode Preemption::look_at(std::uint32_t node) const {
    OnNode there;
    const Capacity& capacity = fleet_.capacity(node);
    const state::Usage& used = fleet_.used(node);
    there.free = {capacity.cpu_mhz - used.cpu_mhz, capacity.memory_mb - used.memory_mb, 0,
                  capacity.disk_mb - used.disk_mb,
                  capacity.allocations > 0 ? capacity.allocations - used.allocations : INT32_MAX};
    for (const auto& row : view_.allocations_on(state::to_uuid(fleet_.node(node)->id()))) {
        if (row->terminal() || fleet_.is_stopped(row->id)) continue;
        if (!may_take(*row)) {
            there.staying.push_back(row);
            continue;
        }
        PreemptionCandidate candidate{row->job->priority(), row->usage, 0, 0};
        const std::string group{row->body.task_group()};
        for (const auto& one : row->job->task_groups()) {
            if (one.name() == group) candidate.max_parallel = one.migrate().max_parallel();
        }
        const auto taken = taken_.find({state::job_of(*row), group});
        if (taken != taken_.end()) candidate.taken = taken->second;
        there.rows.push_back(row);
        there.candidates.push_back(candidate);
    }
    return there;
}

bool Preemption::ports_free(std::uint32_t node, const GroupShape& shape, const OnNode& there,
                            const std::vector<bool>& gone) const {
    if (!shape.asks_ports()) return true;
    NodePorts ports{*fleet_.node(node)};
    for (const auto& row : there.staying) ports.add(row->body.allocated_resources());
    for (std::size_t i = 0; i < there.rows.size(); ++i) {
        if (!gone[i]) ports.add(there.rows[i]->body.allocated_resources());
    }
    for (const auto& resources : fleet_.placed_with_names(node)) ports.add(resources);
    // Which ports they would be does not matter here, only whether there are enough.
    Prng any{1};
    return ports.offer(shape.ports, any).has_value();
}

bool Preemption::devices_free(std::uint32_t node, const GroupShape& shape, const OnNode& there,
                              const std::vector<bool>& gone) const {
    if (!shape.asks_devices()) return true;
    NodeDevices devices{*fleet_.node(node)};
    for (const auto& row : there.staying) devices.add(row->body.allocated_resources());
    for (std::size_t i = 0; i < there.rows.size(); ++i) {
        if (!gone[i]) devices.add(there.rows[i]->body.allocated_resources());
    }
    for (const auto& resources : fleet_.placed_with_names(node)) devices.add(resources);
    return devices.offer(shape.devices).has_value();
}

bool Preemption::fits_without(std::uint32_t node, const GroupShape& shape, const OnNode& there,
                              const std::vector<bool>& gone) const {
    return holds(sum_of(there.free, there.candidates, gone), shape.ask) &&
           ports_free(node, shape, there, gone) && devices_free(node, shape, there, gone);
}

// First those who hold a port that is asked for by its number, then whoever holds any.
bool Preemption::free_ports(std::uint32_t node, const GroupShape& shape, const OnNode& there,
                            std::vector<bool>& gone) const {
    const auto order = by_priority(there.candidates);
    for (const bool by_number : {true, false}) {
        for (const std::size_t i : order) {
            if (ports_free(node, shape, there, gone)) return true;
            if (gone[i]) continue;
            const auto resources = there.rows[i]->body.allocated_resources();
            gone[i] = !by_number || holds_asked_port(resources, shape.ports);
        }
    }
    return ports_free(node, shape, there, gone);
}

// Those who hold a device that a request could be served with, until there are enough. Whoever was
// taken without need is spared later.
bool Preemption::free_devices(std::uint32_t node, const GroupShape& shape, const OnNode& there,
                              std::vector<bool>& gone) const {
    for (const std::size_t i : by_priority(there.candidates)) {
        if (devices_free(node, shape, there, gone)) return true;
        const auto resources = there.rows[i]->body.allocated_resources();
        if (holds_asked_device(resources, shape.devices)) gone[i] = true;
    }
    return devices_free(node, shape, there, gone);
}

std::vector<state::AllocationPtr> Preemption::victims_on(std::uint32_t node,
                                                         const GroupShape& shape) const {
    const OnNode there = look_at(node);
    std::vector<bool> gone(there.rows.size());
    if (there.rows.empty()) return {};
    if (!holds(sum_of(there.free, there.candidates, std::vector<bool>(gone.size(), true)),
               shape.ask)) {
        return {};
    }
    if (!free_ports(node, shape, there, gone)) return {};
    if (!free_devices(node, shape, there, gone)) return {};
    if (!choose_more(there.free, shape.ask, there.candidates, gone)) return {};
    for (const std::size_t one : spared_first(there.candidates, numbers_of(gone), shape.ask)) {
        gone[one] = false;
        if (!fits_without(node, shape, there, gone)) gone[one] = true;
    }
    std::vector<state::AllocationPtr> victims;
    for (const std::size_t one : numbers_of(gone)) victims.push_back(there.rows[one]);
    return victims;
}

void Preemption::took(const std::vector<state::AllocationPtr>& victims) {
    for (const auto& row : victims) {
        ++taken_[{state::job_of(*row), std::string{row->body.task_group()}}];
    }
}

}  // namespace drover::scheduler
