// The arithmetic of majorities and of changes of members, against twins so slow and so plain that
// they can be believed: they count, try every way in which the missing votes may fall, and look at
// every pair of sets of members.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

#include "engine/raft/conf_change.hpp"
#include "engine/raft/quorum.hpp"

namespace drover::raft {
namespace {

constexpr std::uint64_t most_members = 6;

RaftId any_id() { return RaftId{*rc::gen::inRange<std::uint64_t>(1, most_members + 1)}; }

std::set<RaftId> any_members() {
    std::set<RaftId> members;
    const auto wanted = *rc::gen::inRange<std::uint64_t>(0, 1U << most_members);
    for (std::uint64_t i = 0; i < most_members; ++i) {
        if ((wanted >> i & 1U) != 0) members.insert(RaftId{i + 1});
    }
    return members;
}

ConfState any_voters() { return {any_members(), {}, any_members(), {}, false}; }

template <class Agrees>
bool majority(const std::set<RaftId>& voters, Agrees agrees) {
    std::size_t count = 0;
    for (const RaftId id : voters) count += agrees(id) ? 1U : 0U;
    return voters.empty() || 2 * count > voters.size();
}

template <class Agrees>
bool both_majorities(const ConfState& conf, Agrees agrees) {
    return majority(conf.voters, agrees) && majority(conf.voters_outgoing, agrees);
}

// ---- majorities

RC_GTEST_PROP(Rules, the_committed_index_is_the_highest_that_both_majorities_have, ()) {
    const ConfState conf = any_voters();
    std::map<RaftId, Index> acknowledged;
    for (std::uint64_t i = 1; i <= most_members; ++i) {
        acknowledged[RaftId{i}] = Index{*rc::gen::inRange<std::uint64_t>(0, 6)};
    }
    Index expected{};
    for (std::uint64_t at = 0; at < 6; ++at) {
        if (both_majorities(conf, [&](RaftId id) { return acknowledged[id] >= Index{at}; })) {
            expected = Index{at};
        }
    }
    if (conf.voters.empty() && conf.voters_outgoing.empty()) {
        expected = Index{std::numeric_limits<std::uint64_t>::max()};
    }
    RC_ASSERT(committed_index(conf, [&](RaftId id) { return acknowledged[id]; }) == expected);
}

RC_GTEST_PROP(Rules, a_vote_is_won_or_lost_when_the_missing_votes_cannot_change_it, ()) {
    const ConfState conf = any_voters();
    Votes votes;
    for (std::uint64_t i = 1; i <= most_members; ++i) {
        const int word = *rc::gen::inRange(0, 3);
        if (word != 0) votes[RaftId{i}] = word == 1;
    }
    bool may_win = false;
    bool may_lose = false;
    for (std::uint64_t way = 0; way < 1U << most_members; ++way) {
        const bool won = both_majorities(conf, [&](RaftId id) {
            const auto cast = votes.find(id);
            return cast != votes.end() ? cast->second : (way >> (id.value() - 1) & 1U) != 0;
        });
        (won ? may_win : may_lose) = true;
    }
    const VoteResult expected = !may_lose  ? VoteResult::won
                                : !may_win ? VoteResult::lost
                                           : VoteResult::pending;
    RC_ASSERT(vote_result(conf, votes) == expected);
}

// ---- changes of members

enum class Part { voter, learner };

// What each member is after the changes, one after the other; the old voters of a joint
// configuration stay what they are beside it.
struct Twin {
    std::map<RaftId, Part> parts;
    std::set<RaftId> outgoing;
    std::set<RaftId> known;  // have a history with the leader
    std::set<RaftId> joined;

    explicit Twin(const ConfState& conf) : outgoing{conf.voters_outgoing} {
        for (const RaftId id : conf.learners) parts[id] = Part::learner;
        for (const RaftId id : conf.learners_next) parts[id] = Part::learner;
        for (const RaftId id : conf.voters) parts[id] = Part::voter;
        known = outgoing;
        for (const auto& [id, part] : parts) known.insert(id);
    }
    void change(const ConfChangeSingle& single) {
        switch (single.kind) {
            case ConfChangeKind::update:
                return;
            case ConfChangeKind::remove:
                parts.erase(single.id);
                if (outgoing.contains(single.id)) return;
                known.erase(single.id);
                joined.erase(single.id);
                return;
            case ConfChangeKind::add_voter:
                parts[single.id] = Part::voter;
                break;
            case ConfChangeKind::add_learner:
                parts[single.id] = Part::learner;
                break;
        }
        if (known.insert(single.id).second) joined.insert(single.id);
    }
    [[nodiscard]] ConfState state(bool auto_leave) const {
        ConfState conf;
        conf.voters_outgoing = outgoing;
        conf.auto_leave = auto_leave;
        for (const auto& [id, part] : parts) {
            if (part == Part::voter) {
                conf.voters.insert(id);
            } else {
                (outgoing.contains(id) ? conf.learners_next : conf.learners).insert(id);
            }
        }
        return conf;
    }
};

std::vector<ConfChangeSingle> any_changes() {
    std::vector<ConfChangeSingle> changes;
    for (int count = *rc::gen::inRange(0, 5); count > 0; --count) {
        changes.push_back({static_cast<ConfChangeKind>(*rc::gen::inRange(0, 4)), any_id()});
    }
    return changes;
}

// Decisions of one configuration are seen by the next: no two sets of members, one that decides in
// the one and one that decides in the other, are without a common member.
bool overlap(const ConfState& before, const ConfState& after) {
    const auto decides = [](const ConfState& conf, std::uint64_t members) {
        return both_majorities(conf,
                               [&](RaftId id) { return (members >> (id.value() - 1) & 1U) != 0; });
    };
    for (std::uint64_t one = 0; one < 1U << most_members; ++one) {
        if (!decides(before, one)) continue;
        for (std::uint64_t other = 0; other < 1U << most_members; ++other) {
            if ((one & other) == 0 && decides(after, other)) return false;
        }
    }
    return true;
}

std::size_t differing_voters(const ConfState& a, const ConfState& b) {
    std::size_t count = 0;
    for (std::uint64_t i = 1; i <= most_members; ++i) {
        count += a.voters.contains(RaftId{i}) != b.voters.contains(RaftId{i}) ? 1U : 0U;
    }
    return count;
}

// Whether the rules allow it, and what comes of it.
Result<ConfOutcome> expected_outcome(const ConfState& conf, int step, bool auto_leave,
                                     const std::vector<ConfChangeSingle>& changes) {
    const auto refused = fail(Errc::conflict, "");
    if (step == 2) {
        if (!conf.joint()) return refused;
        Twin twin{conf};
        twin.outgoing.clear();
        return ConfOutcome{twin.state(false), {}};
    }
    if (conf.joint() || (step == 1 && conf.voters.empty())) return refused;
    Twin twin{conf};
    if (step == 1) twin.outgoing = conf.voters;
    for (const auto& single : changes) twin.change(single);
    const ConfState after = twin.state(step == 1 && auto_leave);
    if (after.voters.empty()) return refused;
    if (step == 0 && differing_voters(conf, after) > 1) return refused;
    return ConfOutcome{after, twin.joined};
}

RC_GTEST_PROP(Rules, changes_of_members_are_what_the_plain_twin_says_and_never_split_a_group, ()) {
    ConfState conf{{RaftId{1}}, {}, {}, {}, false};
    for (int steps = 20; steps > 0; --steps) {
        const int step = *rc::gen::inRange(0, 3);
        const bool auto_leave = *rc::gen::arbitrary<bool>();
        const auto changes = any_changes();
        const auto outcome = step == 0   ? change_simple(conf, changes)
                             : step == 1 ? enter_joint(conf, auto_leave, changes)
                                         : leave_joint(conf);
        const auto expected = expected_outcome(conf, step, auto_leave, changes);
        RC_ASSERT(outcome.has_value() == expected.has_value());
        if (!outcome) continue;
        RC_ASSERT(outcome->conf == expected->conf);
        RC_ASSERT(outcome->joined == expected->joined);
        RC_ASSERT(validate(outcome->conf).has_value());
        RC_ASSERT(overlap(conf, outcome->conf));
        conf = outcome->conf;
    }
}

}  // namespace
}  // namespace drover::raft
