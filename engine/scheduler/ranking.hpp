// All nodes in the order in which they suit one group, kept current while a run places and stops
// allocations: every node is looked at once, and from then on a change re-scores one node. The
// numbers of nodes filtered and exhausted are kept with it, so that an explanation is always
// complete and never costs a scan.
//
// The order: greater mean of the score's components first; among equals the fleet's tie order.
// Means are compared as fractions, so the order is the one that a full scan would find.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/scheduler/fleet.hpp"
#include "engine/scheduler/group_shape.hpp"
#include "engine/scheduler/indexed_heaps.hpp"
#include "engine/scheduler/spread_scores.hpp"

namespace drover::scheduler {

// Where one placement may not, or should not, go.
struct Wish {
    std::vector<Uuid> penalised;    // nodes on which an earlier attempt failed
    std::optional<Uuid> preferred;  // taken where it fits, whatever its score
};

struct Choice {
    std::uint32_t node{};
    std::vector<schema::PortMapping> ports;
    DeviceOffer devices;
    schema::PlacementScores scores;  // of the best nodes; Ranking::metrics() has the numbers
    std::vector<state::AllocationPtr> victims;   // of other jobs, that give way
    std::optional<schema::AllocMetric> metrics;  // where `scores` cannot say it: noted in full
};

class Ranking {
public:
    Ranking(Fleet& fleet, GroupShape shape, Algorithm algorithm);

    [[nodiscard]] const GroupShape& shape() const { return shape_; }
    // From now on for this group, of another job or version, which asks the same of a node.
    void serve(GroupShape shape) { shape_ = std::move(shape); }
    // The best node and the ports there; nothing is placed. None: no node will do.
    [[nodiscard]] std::optional<Choice> choose(const Wish& wish, Prng& prng);
    // The numbers as they stand, without scores.
    [[nodiscard]] schema::AllocMetric metrics();
    // Moves whenever metrics() does.
    [[nodiscard]] std::uint64_t metrics_version() const { return metrics_version_; }
    // Computed classes of the nodes in reach, and whether the group can run on them at all.
    [[nodiscard]] const std::map<std::string, bool>& class_eligibility() const { return classes_; }

    // Nodes that would do if they had the room.
    [[nodiscard]] std::vector<std::uint32_t> exhausted_nodes();
    // A mean as a fraction.
    struct Mean {
        Score sum;
        std::int64_t count;
        std::uint32_t tie;
        [[nodiscard]] bool better_than(const Mean& other) const;
    };
    // The node's score once `freed` is gone from there, with one more component.
    [[nodiscard]] Mean mean_after(std::uint32_t node, const state::Usage& freed, Score component);

    // What choose() decides, by looking at every node again: for tests and for nothing else.
    [[nodiscard]] std::optional<std::uint32_t> choose_by_full_scan(const Wish& wish);

private:
    // The key inside a heap: all nodes there have equally many components and the same spread.
    struct Key {
        Score sum;
        std::uint32_t tie;
        bool operator<(const Key& other) const {
            return sum != other.sum ? sum < other.sum : tie > other.tie;
        }
    };
    enum class Fate : std::uint8_t { candidate, filtered, exhausted };
    struct Seat {
        Score affinity{};
        std::uint32_t bucket{};
        std::uint32_t node_class{};  // a number for the class that operators gave it
        std::uint32_t objection{};   // permanent: a reason's number; 0: none
        std::uint32_t reason{};      // why it is no candidate now
        Fate fate = Fate::candidate;
        bool in_reach = false;
        bool penalised = false;
        bool ports_failed = false;  // until something changes there
        std::int32_t group_allocations{};
        std::int32_t job_allocations{};
    };
    struct Components {
        Score fitness{};
        Score anti_affinity{};
        Score penalty{};
        Score affinity{};
        Score devices{};
        Score sum{};
        std::int64_t count{};
    };
    struct Counts {
        std::int32_t filtered{};
        std::int32_t exhausted{};
    };
    struct PropertyUse {
        DistinctProperty property;
        std::map<std::string, std::int64_t> used;
        std::map<std::string, std::vector<std::uint32_t>> nodes;
        std::vector<std::optional<std::string>> values;  // by node
    };
    struct Position {
        std::size_t heap;
        std::size_t slot;
    };

    // What holds for all nodes of a class, once and for all.
    struct ClassSeat {
        Seat seat;
        std::vector<std::optional<std::string>> values;  // of the distinct properties
    };

    void look_at_nodes();
    [[nodiscard]] ClassSeat look_at_class(const Fleet::Class& one, bool unique);
    void look_at_node(std::uint32_t node);
    void count_datacenters();
    [[nodiscard]] std::uint32_t node_class_number(const std::string& name);
    void catch_up();
    void apply(const Fleet::Event& event);
    void apply_to_properties(const Fleet::Event& event);
    void seat_all();
    void seat(std::uint32_t node);
    void leave_counts(const Seat& seat);
    void enter_counts(const Seat& seat);
    [[nodiscard]] std::pair<Fate, std::uint32_t> fate_of(std::uint32_t node);
    [[nodiscard]] std::uint32_t reason_number(const std::string& reason);
    [[nodiscard]] Components components_of(std::uint32_t node) const;
    [[nodiscard]] Components components_with(std::uint32_t node, const state::Usage& used) const;
    [[nodiscard]] std::optional<std::uint32_t> look_at_devices(std::uint32_t node);
    [[nodiscard]] std::size_t heap_of(const Seat& seat, std::int64_t components) const;
    [[nodiscard]] Mean mean_at(Position position);
    [[nodiscard]] Mean mean_of(std::uint32_t node);
    [[nodiscard]] std::vector<Position> best_positions(std::size_t how_many);
    void penalise(const Wish& wish, bool on);
    [[nodiscard]] std::optional<Choice> take(std::uint32_t node, Prng& prng);
    [[nodiscard]] schema::PlacementScores scores_of(const std::vector<Position>& best);

    Fleet& fleet_;
    GroupShape shape_;
    Algorithm algorithm_;
    SpreadScores spreads_;
    std::vector<Seat> seats_;
    // Of the offer that a node makes now; only where the group has affinities for devices.
    std::vector<Score> device_scores_;
    std::int64_t components_min_;  // those that all nodes have
    std::vector<std::string> reasons_{""};
    std::map<std::string, std::uint32_t> reason_numbers_;
    std::vector<Counts> by_reason_{Counts{}};
    std::vector<std::string> node_classes_;
    std::map<std::string, std::uint32_t> node_class_numbers_;
    std::vector<Counts> by_node_class_;
    Counts totals_;
    std::uint64_t metrics_version_ = 0;
    std::vector<PropertyUse> properties_;
    std::map<std::string, bool> classes_;
    schema::AllocMetric base_;  // what never changes in a run
    std::optional<IndexedHeaps<Key>> heaps_;
    std::size_t seen_events_ = 0;
};

}  // namespace drover::scheduler
