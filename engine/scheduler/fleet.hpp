// The nodes of one run as dense arrays, and what this run has done to them so far. Every change is
// noted in a log, so that rankings catch up in the order of what happened, one node at a time.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/base/uuid.hpp"
#include "engine/scheduler/devices.hpp"
#include "engine/scheduler/fit.hpp"
#include "engine/scheduler/ports.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/state/types.hpp"
#include "engine/state/view.hpp"

namespace drover::scheduler {

class Fleet {
public:
    static constexpr std::uint32_t elsewhere = UINT32_MAX;

    // Allocations of the planned job come and go; each event moves one of them.
    struct Event {
        std::uint32_t node;     // elsewhere: on a node that is not ready for placements
        state::NodePtr record;  // its node, ready or not; null where it is gone
        std::string group;
        int delta;  // +1 came, -1 left; 0: something else changed on the node
    };

    // All nodes that are ready for placement, in the order of their ids, and the live allocations
    // of the job. `order` seeds the order among equally good nodes.
    Fleet(const state::StateView& view, const state::JobKey& job, std::uint64_t order);

    // For the next run, in place of a new fleet: with the same nodes, and when it has not seen more
    // events than it costs to begin anew.
    [[nodiscard]] bool can_go_on_with(const state::StateView& view) const;
    // What the last run did is taken back, and what changed since on the nodes is taken over; the
    // log goes on, so that rankings which have followed it find out.
    void go_on_with(const state::StateView& view, const state::JobKey& job);
    // Between runs: a view holds all that there was when it was taken.
    void let_go_of_view() { view_ = state::StateView{}; }

    [[nodiscard]] std::size_t size() const { return facts_.size(); }
    [[nodiscard]] const state::NodePtr& node(std::uint32_t number) const {
        return facts_[number]->node;
    }
    [[nodiscard]] const Capacity& capacity(std::uint32_t number) const {
        return facts_[number]->capacity;
    }
    [[nodiscard]] const state::Usage& used(std::uint32_t number) const { return used_[number]; }
    // A number of its own for each node: the lower goes first among equals.
    [[nodiscard]] std::uint32_t tie(std::uint32_t number) const;

    // Nodes of one class answer alike to everything but what is unique to each. A node that nobody
    // classified is a class by itself.
    struct Class {
        std::uint32_t first;  // a node that stands for the others
        std::int32_t size;
    };
    [[nodiscard]] const std::vector<Class>& classes() const { return classes_; }
    [[nodiscard]] std::uint32_t class_of(std::uint32_t number) const { return class_of_[number]; }
    [[nodiscard]] std::uint32_t find(const Uuid& id) const;
    // Ports and devices in use, counted when they are first asked for.
    [[nodiscard]] const NodePorts& ports(std::uint32_t number);
    [[nodiscard]] const NodeDevices& devices(std::uint32_t number);

    [[nodiscard]] const std::vector<Event>& events() const { return events_; }
    // The first one of this run.
    [[nodiscard]] std::size_t first_event() const { return first_event_; }

    // A stored allocation of the job stops (or is put back, where no better place was found).
    void stop(const state::AllocationRow& row);
    void undo_stop(const state::AllocationRow& row);
    // One of another job is taken from its node, or was not after all.
    void evict(const state::AllocationRow& row);
    void undo_evict(const state::AllocationRow& row);
    [[nodiscard]] bool is_stopped(const Uuid& id) const { return stopped_.contains(id); }
    // A new one was placed.
    void place(std::uint32_t number, const std::string& group, const state::Usage& usage,
               const schema::AllocatedResources& resources);
    // What this run has placed on the node, as far as it holds ports or devices.
    [[nodiscard]] std::vector<schema::AllocatedResources> placed_with_names(
        std::uint32_t number) const;

private:
    void add_node(const Uuid& id, const state::NodeFacts& facts);
    [[nodiscard]] std::uint32_t note(const state::AllocationRow& row, int delta);
    void note_live_allocations();
    void take_back();
    template <class Known>
    void count_names(std::uint32_t number, Known& known) const;
    void give_names(std::uint32_t number, const state::AllocationRow& row);
    void take_names(std::uint32_t number, const state::AllocationRow& row);

    state::StateView view_;
    // Of the last view: what the next is compared with.
    state::FactsByNode facts_table_;
    state::UsageByNode usage_table_;
    state::JobKey job_;
    std::vector<const state::NodeFacts*> facts_;  // in the view
    std::vector<Uuid> ids_;                       // ascending
    std::vector<state::Usage> used_;
    std::vector<Class> classes_;
    std::vector<std::uint32_t> class_of_;
    std::map<std::uint64_t, std::uint32_t> class_numbers_;
    std::array<std::uint32_t, 2> tie_keys_;
    std::vector<std::unique_ptr<NodePorts>> ports_;
    std::vector<std::uint32_t> with_ports_;  // where they have been counted
    std::map<std::uint32_t, NodeDevices> devices_;
    std::set<Uuid> stopped_;
    std::map<std::uint32_t, std::vector<schema::AllocatedResources>>
        placed_;  // with ports or devices
    std::vector<Event> events_;
    std::size_t first_event_ = 0;
};

}  // namespace drover::scheduler
