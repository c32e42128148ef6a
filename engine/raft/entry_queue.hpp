// The entries of a log, side by side. New ones come at the end; old ones leave at the beginning,
// and their room is used again: a log that grows and is compacted all the time allocates nothing.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "engine/raft/types.hpp"

namespace drover::raft {

class EntryQueue {
public:
    EntryQueue() = default;
    explicit EntryQueue(std::vector<Entry> entries) : all_{std::move(entries)} {}

    [[nodiscard]] bool empty() const { return size() == 0; }
    [[nodiscard]] std::size_t size() const { return all_.size() - dropped_; }
    [[nodiscard]] const Entry* begin() const { return all_.data() + dropped_; }
    [[nodiscard]] const Entry* end() const { return all_.data() + all_.size(); }
    [[nodiscard]] const Entry& operator[](std::size_t at) const { return all_[dropped_ + at]; }
    [[nodiscard]] const Entry& back() const { return all_.back(); }

    void push_back(Entry entry) { all_.push_back(std::move(entry)); }
    void clear() {
        all_.clear();
        dropped_ = 0;
    }
    // Cuts the end off.
    void shorten_to(std::size_t size) { all_.resize(dropped_ + size); }
    // Cuts the beginning off. Their bytes go at once, their places when they are the larger part:
    // so each entry that stays is moved at most once for each that goes.
    void drop(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) all_[dropped_ + i].data = {};
        dropped_ += count;
        if (dropped_ <= size()) return;
        all_.erase(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(dropped_));
        dropped_ = 0;
    }

private:
    std::vector<Entry> all_;
    std::size_t dropped_{0};
};

}  // namespace drover::raft
