// See node_work.hpp. What is forgotten of the latest changes moves the floor, and never an answer.
#include "engine/state/node_work.hpp"

#include <algorithm>

namespace drover::state {
namespace {

// An agent pulls a few times a second: more than this seldom changes in between, and where it does,
// the whole list is as good.
constexpr std::size_t latest_max = 16;

}  // namespace

void NodeWork::changed(const Uuid& allocation, std::uint64_t index, bool fresh) {
    index_ = std::max(index_, index);
    if (fresh) {
        ids_.put(allocation, Present{});
    } else {
        std::erase_if(latest_, [&](const auto& one) { return one.second == allocation; });
    }
    if (latest_.size() < latest_max) {
        latest_.emplace_back(index, allocation);
        return;
    }
    const auto oldest = std::min_element(latest_.begin(), latest_.end());
    floor_ = std::max(floor_, oldest->first);
    *oldest = {index, allocation};
}

// Whoever has not heard of it needs the whole list.
void NodeWork::removed(const Uuid& allocation, std::uint64_t index) {
    ids_.erase(allocation);
    index_ = std::max(index_, index);
    floor_ = std::max(floor_, index);
    std::erase_if(latest_, [&](const auto& one) { return one.second == allocation; });
}

std::vector<Uuid> NodeWork::since(std::uint64_t index) const {
    std::vector<Uuid> ids;
    for (const auto& [at, id] : latest_) {
        if (at > index) ids.push_back(id);
    }
    std::sort(ids.begin(), ids.end());
    return ids;
}

}  // namespace drover::state
