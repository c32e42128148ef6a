// What a majority, or two joint majorities, have agreed on.
#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "engine/raft/types.hpp"

namespace drover::raft {

enum class VoteResult : std::uint8_t { pending, lost, won };
using Votes = std::map<RaftId, bool>;

// The highest index that a majority acknowledged; `acknowledged` answers for one voter. An empty
// set of voters agrees to everything, so that a configuration which is not joint needs no case of
// its own.
template <class Acknowledged>
[[nodiscard]] Index committed_index(const std::set<RaftId>& voters, Acknowledged acknowledged) {
    if (voters.empty()) return Index{std::numeric_limits<std::uint64_t>::max()};
    std::vector<Index> indexes;
    indexes.reserve(voters.size());
    for (const RaftId id : voters) indexes.push_back(acknowledged(id));
    // With n voters sorted ascending, all from this place on, a majority, are at least as high.
    const auto place = indexes.begin() + static_cast<std::ptrdiff_t>((indexes.size() - 1) / 2);
    std::nth_element(indexes.begin(), place, indexes.end());
    return *place;
}

template <class Acknowledged>
[[nodiscard]] Index committed_index(const ConfState& conf, Acknowledged acknowledged) {
    return std::min(committed_index(conf.voters, acknowledged),
                    committed_index(conf.voters_outgoing, acknowledged));
}

[[nodiscard]] VoteResult vote_result(const std::set<RaftId>& voters, const Votes& votes);
[[nodiscard]] VoteResult vote_result(const ConfState& conf, const Votes& votes);

}  // namespace drover::raft
