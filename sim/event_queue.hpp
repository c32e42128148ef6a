// What will happen, in the order in which it will: by time, and within one instant by the order of
// scheduling. Virtual time jumps from one event to the next.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "engine/base/time.hpp"

namespace drover::sim {

class World;

// Captures values only, never a pointer into the world: a copied world keeps its own future.
using Action = std::function<void(World&)>;

class EventQueue {
public:
    void push(Instant at, Action action) {
        heap_.push_back({at, next_++, std::move(action)});
        std::push_heap(heap_.begin(), heap_.end(), later);
    }
    [[nodiscard]] bool empty() const { return heap_.empty(); }
    [[nodiscard]] Instant next_at() const { return heap_.front().at; }
    std::pair<Instant, Action> pop() {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        std::pair<Instant, Action> first{heap_.back().at, std::move(heap_.back().action)};
        heap_.pop_back();
        return first;
    }

private:
    struct Event {
        Instant at;
        std::uint64_t number;
        Action action;
    };
    static bool later(const Event& a, const Event& b) {
        return a.at != b.at ? a.at > b.at : a.number > b.number;
    }
    std::vector<Event> heap_;
    std::uint64_t next_{0};
};

}  // namespace drover::sim
