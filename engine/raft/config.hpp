// What a member is told about timing, limits and policy when it is made.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "engine/base/time.hpp"
#include "engine/raft/types.hpp"

namespace drover::raft {

// Test-only; production never sets it. Each switch is one historic bug, so that the simulator can
// show that it would be found.
struct Sabotage {
    bool commit_old_term{false};    // count replicas of entries of older terms (paper, figure 8)
    bool acknowledge_early{false};  // vote, acknowledge and count the own copy before it is durable
};

enum class ReadOnly : std::uint8_t {
    safe,   // a quorum confirms the leader for every batch of reads
    lease,  // trusts clocks, as far as lease_drift says: check_quorum must be on
};

struct Config {
    RaftId id;

    // Timing is counted in ticks of this length; only durations are kept, nobody needs to tick.
    Duration tick = std::chrono::milliseconds{100};
    std::uint32_t election_ticks = 10;  // a follower waits for between this and twice this
    // A campaign without a result begins anew after between this and twice this: who stands has no
    // leader to wait for, and two who stood at the same moment must not both wait so long. 0: it
    // waits as a follower does.
    std::uint32_t campaign_ticks = 3;
    std::uint32_t heartbeat_ticks = 1;
    std::uint32_t snapshot_retry_ticks = 100;  // a snapshot without an answer is sent again

    bool pre_vote = true;
    bool check_quorum = true;
    bool step_down_on_removal = true;
    ReadOnly read_only = ReadOnly::safe;
    // How far the clocks of two servers may drift apart within an election timeout. Lease reads are
    // answered for that much less than an election timeout after the heartbeats that a quorum has
    // answered, and pass a quorum at all other times. None: trusted until the quorum check fails.
    std::optional<Duration> lease_drift{};

    std::uint64_t max_message_bytes = std::uint64_t{1} << 20;  // of entries; one always fits
    std::uint64_t max_inflight_messages = 256;                 // per follower
    std::uint64_t max_inflight_bytes = std::uint64_t{16} << 20;
    std::uint64_t max_uncommitted_bytes = std::uint64_t{64} << 20;
    std::uint64_t max_applying_bytes = std::uint64_t{64} << 20;  // handed out and not yet applied
    std::uint64_t max_pending_reads = 65536;

    // Appends leave at the drain, together. Off, every proposal and every commit sends its own.
    bool coalesce = true;
    // A commit index that moved alone is written too; else it waits for the next write.
    bool write_commit_alone = false;
    // Every message that rests on durability comes with a write, be it an empty one, as
    // Ready::withheld: for hosts that let the disk's own thread send it, and for tools that show
    // which message waits for which write.
    bool explicit_writes = false;
    // Committed entries are handed out even while their own copy here is still being written.
    bool apply_before_durable = false;
    // The only voter of a group stands as soon as it has applied what it knows to be committed:
    // there is nobody whose leadership it could disturb. On, it waits as others do.
    bool lone_voter_waits = false;
    // A refused candidate takes over what the refuser knows to be committed.
    bool learn_commit_from_refusals = true;
    // A configuration change is checked against the one in force when it is proposed.
    bool validate_conf_changes = true;
    // A leader changes the configuration only after it committed an entry of its own term: two
    // changes across terms could else give disjoint majorities (Ongaro, raft-dev, July 2015).
    bool conf_change_needs_own_commit = true;

    Sabotage sabotage;

    [[nodiscard]] Duration election_timeout() const { return tick * election_ticks; }
    [[nodiscard]] Duration heartbeat_interval() const { return tick * heartbeat_ticks; }
};

}  // namespace drover::raft
