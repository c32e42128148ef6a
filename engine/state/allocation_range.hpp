// The allocations that an index names, read from the table that holds them: an index that repeated
// the rows would have to be written with every change of one.
//
//     for (const AllocationPtr& row : view.allocations_on(node_id)) ...
#pragma once

#include <cstddef>

#include "engine/state/tables.hpp"

namespace drover::state {

inline const Uuid& id_in(const Uuid& key) { return key; }
template <class Owner>
const Uuid& id_in(const OwnedKey<Owner>& key) {
    return key.id;
}

// `Index` is a tree of ids, or of OwnedKey: in one owner's range ids rise, as they do in the table.
template <class Index>
class AllocationRange {
public:
    class Iterator {
    public:
        using value_type = AllocationPtr;
        using difference_type = std::ptrdiff_t;
        Iterator() = default;
        Iterator(typename Index::Iterator at, const AllocationTable& table)
            : at_{at}, table_{&table} {}

        const AllocationPtr& operator*() const { return row(); }
        const AllocationPtr* operator->() const { return &row(); }
        Iterator& operator++() {
            ++at_;
            return *this;
        }
        Iterator operator++(int) {
            Iterator before = *this;
            ++*this;
            return before;
        }
        friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }

    private:
        // What was placed together lies together: often the next row is the one that is meant.
        const AllocationPtr& row() const {
            const Uuid& id = id_in(at_.key());
            if (!found_.at_end() && found_.key() != id) found_.next();
            if (found_.at_end() || found_.key() != id) found_ = table_->lower_bound(id);
            return found_.row();
        }

        typename Index::Iterator at_;
        const AllocationTable* table_ = nullptr;
        mutable AllocationTable::Cursor found_;
    };

    AllocationRange(typename Index::Range ids, const AllocationTable& table)
        : ids_{ids}, table_{&table} {}
    [[nodiscard]] Iterator begin() const { return {ids_.begin(), *table_}; }
    [[nodiscard]] Iterator end() const { return {ids_.end(), *table_}; }
    [[nodiscard]] bool empty() const { return ids_.empty(); }

private:
    typename Index::Range ids_;
    const AllocationTable* table_;
};

}  // namespace drover::state
