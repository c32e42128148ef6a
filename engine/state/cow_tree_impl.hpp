// The algorithms of CowTree; included by cow_tree.hpp alone.
#pragma once

#include "engine/state/cow_tree.hpp"

namespace drover::state {

// ---- positions

template <class Key, class Row>
void CowTree<Key, Row>::Cursor::descend_first(const Node* node) {
    while (!node->is_leaf()) {
        push(node, 0);
        node = node->children.front().get();
    }
    push(node, 0);
}

template <class Key, class Row>
void CowTree<Key, Row>::Cursor::descend_last(const Node* node) {
    while (!node->is_leaf()) {
        push(node, node->children.size() - 1);
        node = node->children.back().get();
    }
    push(node, node->rows.size() - 1);
}

template <class Key, class Row>
void CowTree<Key, Row>::Cursor::next() {
    ENSURE(depth_ > 0);
    if (++path_[depth_ - 1].slot < leaf().rows.size()) return;
    --depth_;
    while (depth_ > 0) {
        Step& step = path_[depth_ - 1];
        if (++step.slot < step.node->children.size()) {
            descend_first(step.node->children[step.slot].get());
            return;
        }
        --depth_;
    }
}

template <class Key, class Row>
void CowTree<Key, Row>::Cursor::previous() {
    if (depth_ == 0) {
        if (root_ != nullptr) descend_last(root_);
        return;
    }
    if (path_[depth_ - 1].slot-- > 0) return;
    --depth_;
    while (depth_ > 0) {
        Step& step = path_[depth_ - 1];
        if (step.slot-- > 0) {
            descend_last(step.node->children[step.slot].get());
            return;
        }
        --depth_;
    }
}

template <class Key, class Row>
auto CowTree<Key, Row>::first() const -> Cursor {
    Cursor at = end_cursor();
    if (root_) at.descend_first(root_.get());
    return at;
}

template <class Key, class Row>
auto CowTree<Key, Row>::end_cursor() const -> Cursor {
    Cursor at;
    at.root_ = root_.get();
    return at;
}

template <class Key, class Row>
auto CowTree<Key, Row>::seek(const Key& key, bool above) const -> Cursor {
    Cursor at = end_cursor();
    if (!root_) return at;
    const Node* node = root_.get();
    while (!node->is_leaf()) {
        std::size_t slot = child_slot(*node, key);
        at.push(node, slot);
        node = node->children[slot].get();
    }
    auto found = above ? std::upper_bound(node->keys.begin(), node->keys.end(), key)
                       : std::lower_bound(node->keys.begin(), node->keys.end(), key);
    auto slot = static_cast<std::size_t>(found - node->keys.begin());
    if (slot < node->rows.size()) {
        at.push(node, slot);
        return at;
    }
    at.push(node, node->rows.size() - 1);
    at.next();
    return at;
}

// ---- look-up and change

template <class Key, class Row>
std::size_t CowTree<Key, Row>::child_slot(const Node& node, const Key& key) {
    auto above = std::upper_bound(node.keys.begin(), node.keys.end(), key);
    auto slot = static_cast<std::size_t>(above - node.keys.begin());
    return slot == 0 ? 0 : slot - 1;
}

template <class Key, class Row>
const Row* CowTree<Key, Row>::find(const Key& key) const {
    const Node* node = root_.get();
    if (node == nullptr) return nullptr;
    while (!node->is_leaf()) node = node->children[child_slot(*node, key)].get();
    auto at = std::lower_bound(node->keys.begin(), node->keys.end(), key);
    if (at == node->keys.end() || *at != key) return nullptr;
    return &node->rows[static_cast<std::size_t>(at - node->keys.begin())];
}

template <class Key, class Row>
auto CowTree<Key, Row>::own(NodePtr& node) -> Node& {
    if (node->epoch != epoch_) {
        auto copy = std::make_shared<Node>();
        copy->epoch = epoch_;
        copy_roomy(node->keys, copy->keys);
        copy_roomy(node->rows, copy->rows);
        copy_roomy(node->children, copy->children);
        node = std::move(copy);
    }
    // Every node is made as a mutable one; const is the promise to the trees that share it, and
    // this one is shared with nobody.
    return const_cast<Node&>(*node);
}

template <class Key, class Row>
std::optional<Row> CowTree<Key, Row>::put(const Key& key, Row row) {
    ENSURE(!frozen_);
    if (!root_) {
        auto leaf = std::make_shared<Node>();
        leaf->epoch = epoch_;
        leaf->keys.push_back(key);
        leaf->rows.push_back(std::move(row));
        root_ = std::move(leaf);
        size_ = 1;
        return std::nullopt;
    }
    NodePtr overflow;
    std::optional<Row> before = put_in(root_, key, row, overflow);
    if (overflow) {
        auto top = std::make_shared<Node>();
        top->epoch = epoch_;
        top->keys = {root_->keys.front(), overflow->keys.front()};
        top->children = {root_, overflow};
        root_ = std::move(top);
    }
    if (!before) ++size_;
    return before;
}

template <class Key, class Row>
std::optional<Row> CowTree<Key, Row>::put_in(NodePtr& at, const Key& key, Row& row,
                                             NodePtr& overflow) {
    Node& node = own(at);
    if (!node.is_leaf()) {
        std::size_t slot = child_slot(node, key);
        if (key < node.keys[slot]) node.keys[slot] = key;  // only ever in the leftmost child
        NodePtr split;
        std::optional<Row> before = put_in(node.children[slot], key, row, split);
        if (split) {
            auto where = static_cast<std::ptrdiff_t>(slot) + 1;
            node.keys.insert(node.keys.begin() + where, split->keys.front());
            node.children.insert(node.children.begin() + where, std::move(split));
            split_if_full(node, slot + 1, overflow);
        }
        return before;
    }
    auto found = std::lower_bound(node.keys.begin(), node.keys.end(), key);
    auto slot = found - node.keys.begin();
    if (found != node.keys.end() && *found == key) {
        return std::exchange(node.rows[static_cast<std::size_t>(slot)], std::move(row));
    }
    node.keys.reserve(roomy(node.keys.size()));
    node.rows.reserve(roomy(node.rows.size()));
    node.keys.insert(node.keys.begin() + slot, key);
    node.rows.insert(node.rows.begin() + slot, std::move(row));
    split_if_full(node, static_cast<std::size_t>(slot), overflow);
    return std::nullopt;
}

// An insert at the right edge leaves the left half full: keys are ordered by time, and a split in
// the middle would leave every node half empty for good.
template <class Key, class Row>
void CowTree<Key, Row>::split_if_full(Node& node, std::size_t inserted_at, NodePtr& overflow) {
    if (node.keys.size() <= capacity) return;
    bool at_edge = inserted_at + 1 == node.keys.size();
    auto cut = static_cast<std::ptrdiff_t>(at_edge ? node.keys.size() - 1 : node.keys.size() / 2);
    auto right = std::make_shared<Node>();
    right->epoch = epoch_;
    auto take = [cut](auto& from, auto& into) {
        if (from.empty()) return;
        into.reserve(roomy(from.size() - static_cast<std::size_t>(cut)));
        into.assign(std::make_move_iterator(from.begin() + cut),
                    std::make_move_iterator(from.end()));
        from.erase(from.begin() + cut, from.end());
    };
    take(node.keys, right->keys);
    take(node.rows, right->rows);
    take(node.children, right->children);
    overflow = std::move(right);
}

template <class Key, class Row>
std::optional<Row> CowTree<Key, Row>::erase(const Key& key) {
    ENSURE(!frozen_);
    if (!contains(key)) return std::nullopt;  // nothing is copied for a key that is not there
    std::optional<Row> before = erase_in(root_, key);
    --size_;
    while (!root_->is_leaf() && root_->children.size() == 1) root_ = NodePtr{root_->children[0]};
    if (root_->keys.empty()) root_.reset();
    return before;
}

template <class Key, class Row>
std::optional<Row> CowTree<Key, Row>::erase_in(NodePtr& at, const Key& key) {
    Node& node = own(at);
    if (!node.is_leaf()) {
        std::size_t slot = child_slot(node, key);
        std::optional<Row> before = erase_in(node.children[slot], key);
        heal_child(node, slot);
        return before;
    }
    auto found = std::lower_bound(node.keys.begin(), node.keys.end(), key);
    auto slot = found - node.keys.begin();
    Row before = std::move(node.rows[static_cast<std::size_t>(slot)]);
    node.keys.erase(found);
    node.rows.erase(node.rows.begin() + slot);
    return before;
}

// Drops an empty child; merges a small one into a neighbour where both fit into one node.
template <class Key, class Row>
void CowTree<Key, Row>::heal_child(Node& parent, std::size_t slot) {
    auto remove = [&parent](std::size_t gone) {
        auto where = static_cast<std::ptrdiff_t>(gone);
        parent.keys.erase(parent.keys.begin() + where);
        parent.children.erase(parent.children.begin() + where);
    };
    if (parent.children[slot]->keys.empty()) {
        // A last child stays, empty: the caller above sees a parent without content and drops it.
        if (parent.children.size() > 1)
            remove(slot);
        else
            parent.keys.clear();
        return;
    }
    if (parent.children[slot]->keys.size() >= merge_below || parent.children.size() == 1) return;
    std::size_t left = slot + 1 < parent.children.size() ? slot : slot - 1;
    const NodePtr right_node = parent.children[left + 1];
    if (parent.children[left]->keys.size() + right_node->keys.size() > capacity) return;
    Node& into = own(parent.children[left]);
    into.keys.insert(into.keys.end(), right_node->keys.begin(), right_node->keys.end());
    into.rows.insert(into.rows.end(), right_node->rows.begin(), right_node->rows.end());
    into.children.insert(into.children.end(), right_node->children.begin(),
                         right_node->children.end());
    remove(left + 1);
}

template <class Key, class Row>
template <class Visit>
void CowTree<Key, Row>::visit_changes(const CowTree& before, const CowTree& after, Visit visit) {
    Cursor old = before.first();
    Cursor now = after.first();
    while (!old.at_end() || !now.at_end()) {
        if (now.at_end() || (!old.at_end() && old.key() < now.key())) {
            visit(old.key(), &old.row(), static_cast<const Row*>(nullptr));
            old.next();
        } else if (old.at_end() || now.key() < old.key()) {
            visit(now.key(), static_cast<const Row*>(nullptr), &now.row());
            now.next();
        } else if (&old.leaf() == &now.leaf()) {
            old.next_leaf();
            now.next_leaf();
        } else {
            visit(now.key(), &old.row(), &now.row());
            old.next();
            now.next();
        }
    }
}

// ---- the promises, checked

template <class Key, class Row>
bool CowTree<Key, Row>::well_formed() const {
    if (!root_) return size_ == 0;
    std::size_t rows = 0;
    std::size_t leaf_depth = 0;
    return node_well_formed(*root_, 1, nullptr, nullptr, rows, leaf_depth) && rows == size_;
}

template <class Key, class Row>
bool CowTree<Key, Row>::node_well_formed(const Node& node, std::size_t depth, const Key* low,
                                         const Key* high, std::size_t& rows,
                                         std::size_t& leaf_depth) const {
    if (node.epoch > epoch_ || node.keys.empty() || node.keys.size() > capacity) return false;
    for (std::size_t i = 0; i + 1 < node.keys.size(); ++i) {
        if (!(node.keys[i] < node.keys[i + 1])) return false;
    }
    if (low != nullptr && node.keys.front() < *low) return false;
    if (high != nullptr && !(node.keys.back() < *high)) return false;
    if (node.is_leaf()) {
        rows += node.rows.size();
        if (leaf_depth == 0) leaf_depth = depth;
        return node.rows.size() == node.keys.size() && depth == leaf_depth;
    }
    if (node.children.size() != node.keys.size() || !node.rows.empty()) return false;
    for (std::size_t i = 0; i < node.children.size(); ++i) {
        const Key* above = i + 1 < node.keys.size() ? &node.keys[i + 1] : high;
        if (!node_well_formed(*node.children[i], depth + 1, &node.keys[i], above, rows,
                              leaf_depth)) {
            return false;
        }
    }
    return true;
}

}  // namespace drover::state
