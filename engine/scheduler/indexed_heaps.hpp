// Several max-heaps over the same dense items, each item in at most one of them, found and moved by
// its number in O(log n). It knows nothing of nodes and scores.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/base/ensure.hpp"

namespace drover::scheduler {

template <class Key>
class IndexedHeaps {
public:
    struct Slot {
        Key key;
        std::uint32_t item;
    };

    IndexedHeaps(std::size_t items, std::size_t heaps)
        : heaps_(heaps), places_(items, Place{nowhere, 0}) {}

    [[nodiscard]] std::size_t heap_count() const { return heaps_.size(); }
    // Slot 0 is the greatest; the children of slot i are first_child(i) and those after it.
    [[nodiscard]] const std::vector<Slot>& heap(std::size_t number) const { return heaps_[number]; }
    static constexpr std::size_t arity = 4;
    static constexpr std::size_t first_child(std::size_t slot) { return slot * arity + 1; }

    [[nodiscard]] bool contains(std::uint32_t item) const { return places_[item].heap != nowhere; }

    // Many items at first: they are appended in any order, and then put in order at once. Nothing
    // else may be called in between.
    void append(std::uint32_t item, std::size_t heap, Key key) {
        places_[item] = {static_cast<std::uint32_t>(heap),
                         static_cast<std::uint32_t>(heaps_[heap].size())};
        heaps_[heap].push_back(Slot{key, item});
    }
    void put_in_order() {
        for (std::size_t heap = 0; heap < heaps_.size(); ++heap) {
            const std::size_t size = heaps_[heap].size();
            if (size < 2) continue;
            for (std::size_t at = (size - 2) / arity + 1; at > 0; --at) sink(heap, at - 1);
        }
    }

    // Inserts the item, moves it from another heap, or changes its key.
    void put(std::uint32_t item, std::size_t heap, Key key) {
        Place& place = places_[item];
        if (place.heap != heap) {
            erase(item);
            place = {static_cast<std::uint32_t>(heap),
                     static_cast<std::uint32_t>(heaps_[heap].size())};
            heaps_[heap].push_back(Slot{key, item});
            rise(heap, place.slot);
            return;
        }
        const bool greater = heaps_[heap][place.slot].key < key;
        heaps_[heap][place.slot].key = key;
        greater ? rise(heap, place.slot) : sink(heap, place.slot);
    }

    void erase(std::uint32_t item) {
        const Place place = places_[item];
        if (place.heap == nowhere) return;
        auto& slots = heaps_[place.heap];
        const Slot last = slots.back();
        slots.pop_back();
        places_[item].heap = nowhere;
        if (place.slot == slots.size()) return;
        slots[place.slot] = last;
        places_[last.item].slot = place.slot;
        rise(place.heap, place.slot);
        sink(place.heap, places_[last.item].slot);
    }

private:
    static constexpr std::uint32_t nowhere = UINT32_MAX;
    struct Place {
        std::uint32_t heap;
        std::uint32_t slot;
    };

    void move(std::vector<Slot>& slots, std::size_t to, const Slot& slot) {
        slots[to] = slot;
        places_[slot.item].slot = static_cast<std::uint32_t>(to);
    }

    void rise(std::size_t heap, std::size_t at) {
        auto& slots = heaps_[heap];
        const Slot rising = slots[at];
        while (at > 0) {
            const std::size_t parent = (at - 1) / arity;
            if (!(slots[parent].key < rising.key)) break;
            move(slots, at, slots[parent]);
            at = parent;
        }
        move(slots, at, rising);
    }

    void sink(std::size_t heap, std::size_t at) {
        auto& slots = heaps_[heap];
        const Slot sinking = slots[at];
        while (true) {
            const std::size_t first = first_child(at);
            if (first >= slots.size()) break;
            std::size_t greatest = first;
            const std::size_t end = std::min(first + arity, slots.size());
            for (std::size_t child = first + 1; child < end; ++child) {
                if (slots[greatest].key < slots[child].key) greatest = child;
            }
            if (!(sinking.key < slots[greatest].key)) break;
            move(slots, at, slots[greatest]);
            at = greatest;
        }
        move(slots, at, sinking);
    }

    std::vector<std::vector<Slot>> heaps_;
    std::vector<Place> places_;
};

}  // namespace drover::scheduler
