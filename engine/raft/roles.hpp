// What a member knows only while it plays a role. A follower cannot hold votes, and only a leader
// has an opinion about the logs of others.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "engine/base/time.hpp"
#include "engine/raft/progress.hpp"
#include "engine/raft/quorum.hpp"
#include "engine/raft/types.hpp"

namespace drover::raft {

struct Follower {
    std::optional<RaftId> leader;
};

struct PreCandidate {
    Votes votes;
};

struct Candidate {
    Votes votes;
};

struct PendingRead {
    RaftId asker;
    std::uint64_t context{};
};

// Reads that wait until a quorum has confirmed, in a heartbeat sent after they were asked, that
// this leader still leads (thesis 6.4). Rounds are ours and only grow, so a late answer to an old
// heartbeat never confirms a new read, whatever context its asker chose.
struct ReadRound {
    std::uint64_t round{};
    Index index;  // the commit index when the round began
    std::vector<PendingRead> reads;
    Votes acknowledged;
};

// Heartbeats that begin a lease once a quorum has answered them: those who did vote for nobody else
// for an election timeout after they came, and they came after they were sent.
struct LeaseRound {
    std::uint64_t round{};
    Instant sent;
    Votes acknowledged;
};

struct Leader {
    std::map<RaftId, Progress> progress;  // one for every member of the configuration
    Index first_own;                      // the entry with which this term of office began
    // At or beyond the last configuration change that may not be applied yet.
    Index pending_conf_index;
    std::optional<RaftId> transferee;
    std::uint64_t uncommitted_bytes{0};

    std::uint64_t last_round{0};
    std::deque<ReadRound> rounds;
    std::vector<PendingRead> early_reads;  // before the first commit of the term
    std::uint64_t pending_reads{0};
    std::deque<LeaseRound> lease_rounds;
    std::optional<Instant> lease_since;
    bool lease_given_up{false};  // somebody was told to stand for election in spite of it

    Instant heartbeat_due;
    Instant quorum_check_due;  // also the end of a transfer's patience
    bool appends_due{false};   // coalesced: everybody is looked at when drained
    bool round_open{false};    // the newest round's heartbeat has not been sent yet
};

using RoleData = std::variant<Follower, PreCandidate, Candidate, Leader>;

}  // namespace drover::raft
