// Changes of the configuration: what an entry of kind conf_change holds, and the arithmetic that
// leads from one configuration to the next (thesis chapter 4). Pure functions; a change that must
// not happen is refused here, whoever asks.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/raft/types.hpp"

namespace drover::raft {

enum class ConfChangeKind : std::uint8_t {
    add_voter = 0,  // or promote a learner
    remove = 1,
    update = 2,       // only the user's context changes
    add_learner = 3,  // or demote a voter
};

enum class Transition : std::uint8_t {
    automatic = 0,       // joint only where needed, and then left by itself
    joint_implicit = 1,  // joint, left by itself
    joint_explicit = 2,  // joint, left when an empty change says so
};

struct ConfChangeSingle {
    ConfChangeKind kind{};
    RaftId id;
    friend bool operator==(const ConfChangeSingle&, const ConfChangeSingle&) = default;
};

// Without changes it leaves a joint configuration.
struct ConfChange {
    Transition transition{Transition::automatic};
    std::vector<ConfChangeSingle> changes;
    std::string context;  // the user's, carried along

    [[nodiscard]] bool leaves_joint() const {
        return changes.empty() && transition == Transition::automatic;
    }
    [[nodiscard]] bool enters_joint() const {
        return transition != Transition::automatic || changes.size() > 1;
    }
    [[nodiscard]] bool leaves_by_itself() const { return transition != Transition::joint_explicit; }
    friend bool operator==(const ConfChange&, const ConfChange&) = default;
};

// The empty change is the empty string.
[[nodiscard]] std::string encode(const ConfChange& change);
[[nodiscard]] Result<ConfChange> decode_conf_change(std::string_view bytes);

struct ConfOutcome {
    ConfState conf;
    std::set<RaftId> joined;  // members without a history under the new configuration
};

[[nodiscard]] Result<ConfOutcome> change_simple(const ConfState& conf,
                                                const std::vector<ConfChangeSingle>& changes);
[[nodiscard]] Result<ConfOutcome> enter_joint(const ConfState& conf, bool auto_leave,
                                              const std::vector<ConfChangeSingle>& changes);
[[nodiscard]] Result<ConfOutcome> leave_joint(const ConfState& conf);

// Whichever of the three the change asks for. The first change of an empty configuration may name
// any number of voters: that is how a group begins.
[[nodiscard]] Result<ConfOutcome> changed(const ConfState& conf, const ConfChange& change);

// The numbers of those who were members before and are none after.
[[nodiscard]] std::vector<std::uint64_t> departed(const ConfState& before, const ConfState& after);

// What is wrong with a configuration as a whole; used on what comes from outside.
[[nodiscard]] Result<void> validate(const ConfState& conf);

}  // namespace drover::raft
