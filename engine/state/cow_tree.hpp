// A copy-on-write ordered B+ tree: O(log n) update, O(1) copy, cheap range scans. The one container
// behind every table of the state and every derived index.
//
// A copy shares all nodes. Whether a node may be changed in place is decided by an edit epoch and
// never by a reference count, which another thread could be changing. Every node carries the epoch
// of the tree that made it, and two facts hold for every tree, by induction over its operations:
//   - no node that a tree reaches carries a greater epoch than the tree;
//   - a node that carries the tree's own epoch is reached by this tree alone.
// Copying gives the copy, and the source too, an epoch above all nodes that they now share.
//
// Threads: a frozen tree may be read and copied on any thread. A tree that is not frozen belongs to
// one thread, also for copying, since that advances its epoch.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/ensure.hpp"

namespace drover::state {

struct Present {};  // the row of a tree that is only a set

template <class Key, class Row>
class CowTree {
    struct Node;
    using NodePtr = std::shared_ptr<const Node>;

public:
    // A position in one tree; valid while that tree, or a copy of it, lives unchanged.
    class Cursor {
    public:
        [[nodiscard]] bool at_end() const { return depth_ == 0; }
        [[nodiscard]] const Key& key() const { return leaf().keys[slot()]; }
        [[nodiscard]] const Row& row() const { return leaf().rows[slot()]; }
        void next();
        // From the end to the last row; from the first row to the end.
        void previous();

        friend bool operator==(const Cursor& a, const Cursor& b) {
            if (a.depth_ == 0 || b.depth_ == 0) return a.depth_ == b.depth_;
            return &a.leaf() == &b.leaf() && a.slot() == b.slot();
        }

    private:
        friend class CowTree;
        struct Step {
            const Node* node;
            std::size_t slot;
        };
        // 64 children a node: 12 levels hold more rows than memory does.
        static constexpr std::size_t max_depth = 12;

        [[nodiscard]] const Node& leaf() const { return *path_[depth_ - 1].node; }
        [[nodiscard]] std::size_t slot() const { return path_[depth_ - 1].slot; }
        void next_leaf() {
            path_[depth_ - 1].slot = leaf().keys.size() - 1;
            next();
        }
        void push(const Node* node, std::size_t slot) {
            ENSURE(depth_ < max_depth);
            path_[depth_++] = Step{node, slot};
        }
        void descend_first(const Node* node);
        void descend_last(const Node* node);

        const Node* root_ = nullptr;
        std::array<Step, max_depth> path_{};
        std::size_t depth_ = 0;
    };

    class Iterator {
    public:
        using value_type = Row;
        using difference_type = std::ptrdiff_t;
        Iterator() = default;
        explicit Iterator(Cursor at) : at_{at} {}
        const Row& operator*() const { return at_.row(); }
        const Row* operator->() const { return &at_.row(); }
        [[nodiscard]] const Key& key() const { return at_.key(); }
        Iterator& operator++() {
            at_.next();
            return *this;
        }
        Iterator operator++(int) {
            Iterator before = *this;
            at_.next();
            return before;
        }
        friend bool operator==(const Iterator&, const Iterator&) = default;

    private:
        Cursor at_;
    };

    // Rows in key order; it holds no rows itself and must not outlive its tree.
    class Range {
    public:
        Range() = default;
        Range(Cursor begin, Cursor end) : begin_{begin}, end_{end} {}
        [[nodiscard]] Iterator begin() const { return Iterator{begin_}; }
        [[nodiscard]] Iterator end() const { return Iterator{end_}; }
        [[nodiscard]] bool empty() const { return begin_ == end_; }
        // For walking backwards: the position after the last row, and the first.
        [[nodiscard]] const Cursor& first() const { return begin_; }
        [[nodiscard]] const Cursor& past() const { return end_; }

    private:
        Cursor begin_;
        Cursor end_;
    };

    CowTree() = default;
    CowTree(const CowTree& other)
        : root_{other.root_}, size_{other.size_}, epoch_{other.advance()} {}
    CowTree(CowTree&& other) noexcept
        : root_{std::move(other.root_)},
          size_{std::exchange(other.size_, 0)},
          epoch_{other.epoch_},
          frozen_{other.frozen_} {}
    CowTree& operator=(const CowTree& other) {
        if (this != &other) *this = CowTree{other};
        return *this;
    }
    CowTree& operator=(CowTree&& other) noexcept {
        root_ = std::move(other.root_);
        size_ = std::exchange(other.size_, 0);
        epoch_ = other.epoch_;
        frozen_ = other.frozen_;
        return *this;
    }
    ~CowTree() = default;

    // From now on it is never changed, and any thread may copy it. Copies are not frozen.
    void freeze() { frozen_ = true; }

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }

    [[nodiscard]] const Row* find(const Key& key) const;
    [[nodiscard]] bool contains(const Key& key) const { return find(key) != nullptr; }

    // Inserts or replaces; returns the row that was there.
    std::optional<Row> put(const Key& key, Row row);
    // Removes; returns the row that was there.
    std::optional<Row> erase(const Key& key);

    [[nodiscard]] Cursor first() const;
    [[nodiscard]] Cursor end_cursor() const;
    // The first row whose key is not below `key`, or the first above it.
    [[nodiscard]] Cursor lower_bound(const Key& key) const { return seek(key, false); }
    [[nodiscard]] Cursor upper_bound(const Key& key) const { return seek(key, true); }

    [[nodiscard]] Range all() const { return Range{first(), end_cursor()}; }
    // Rows with low <= key <= high.
    [[nodiscard]] Range between(const Key& low, const Key& high) const {
        return Range{lower_bound(low), upper_bound(high)};
    }
    // Rows with low <= key.
    [[nodiscard]] Range from(const Key& low) const { return Range{lower_bound(low), end_cursor()}; }

    // All of it is one and the same: a copy that neither side has changed since.
    [[nodiscard]] bool same_as(const CowTree& other) const { return root_ == other.root_; }
    // Calls visit(key, row before, row after) in order of the keys, a null pointer where there is
    // no row, for every key whose row has changed and some whose has not: what both trees share is
    // passed over, leaf by leaf.
    template <class Visit>
    static void visit_changes(const CowTree& before, const CowTree& after, Visit visit);

    // Order, fill, depth and epochs are as promised; for tests.
    [[nodiscard]] bool well_formed() const;

private:
    static constexpr std::size_t capacity = 64;
    static constexpr std::size_t merge_below = capacity / 4;

    // A leaf has rows; an inner node has children, and keys[i] is the smallest key that was ever
    // routed to children[i]: at or below every key in there, above every key to its left.
    struct Node {
        std::uint64_t epoch = 0;
        std::vector<Key> keys;
        std::vector<Row> rows;
        std::vector<NodePtr> children;
        [[nodiscard]] bool is_leaf() const { return children.empty(); }
    };

    std::uint64_t advance() const {
        if (frozen_) return epoch_ + 1;
        return ++epoch_;
    }
    // Most nodes of a large tree are touched seldom: they have room for a few more entries, where a
    // vector that grows by itself takes twice what it needs.
    static constexpr std::size_t roomy(std::size_t size) { return (size / 8 + 1) * 8; }
    template <class Values>
    static void copy_roomy(const Values& from, Values& into) {
        if (from.empty()) return;
        into.reserve(roomy(from.size()));
        into.assign(from.begin(), from.end());
    }
    static std::size_t child_slot(const Node& node, const Key& key);
    // The same node if this tree alone reaches it, else a copy in its place.
    Node& own(NodePtr& node);
    std::optional<Row> put_in(NodePtr& at, const Key& key, Row& row, NodePtr& overflow);
    std::optional<Row> erase_in(NodePtr& at, const Key& key);
    void split_if_full(Node& node, std::size_t inserted_at, NodePtr& overflow);
    void heal_child(Node& parent, std::size_t slot);
    [[nodiscard]] Cursor seek(const Key& key, bool above) const;
    [[nodiscard]] bool node_well_formed(const Node& node, std::size_t depth, const Key* low,
                                        const Key* high, std::size_t& rows,
                                        std::size_t& leaf_depth) const;

    NodePtr root_;
    std::size_t size_ = 0;
    mutable std::uint64_t epoch_ = 1;
    bool frozen_ = false;
};

}  // namespace drover::state

#include "engine/state/cow_tree_impl.hpp"
