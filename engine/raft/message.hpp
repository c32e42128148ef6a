// What members of a group say to each other, with the names of etcd-io/raft. A message may be lost,
// delayed, repeated or overtaken: the protocol expects it. wire.hpp turns messages into bytes.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "engine/raft/types.hpp"

namespace drover::raft {

// Entries that follow `previous`; none of them only to tell the commit index or to probe.
struct MsgApp {
    EntryId previous;
    Index commit;
    std::vector<Entry> entries;
    friend bool operator==(const MsgApp&, const MsgApp&) = default;
};
// Accepted: the sender's log agrees with the leader's through `index`, durably. Rejected: it holds
// nothing at `index` that fits, and `hint` is its guess of where the logs may still agree.
struct MsgAppResp {
    Index index;
    std::optional<EntryId> hint;  // set means rejected

    [[nodiscard]] bool rejected() const { return hint.has_value(); }
    friend bool operator==(const MsgAppResp&, const MsgAppResp&) = default;
};
struct MsgVote {
    EntryId last;
    bool transfer{false};  // asked for by the leader: leases do not count
    friend bool operator==(const MsgVote&, const MsgVote&) = default;
};
// A refusal also tells what its sender knows to be committed: members that were just removed may be
// the only ones to know that their removal is committed, and they would else block with their
// longer logs every candidate of the configuration that follows.
struct MsgVoteResp {
    bool granted{false};
    EntryId commit{};
    friend bool operator==(const MsgVoteResp&, const MsgVoteResp&) = default;
};
// Would you vote for me in the message's term? Nobody's term or vote changes by it (thesis 9.6).
struct MsgPreVote {
    EntryId last;
    friend bool operator==(const MsgPreVote&, const MsgPreVote&) = default;
};
struct MsgPreVoteResp {
    bool granted{false};
    EntryId commit{};
    friend bool operator==(const MsgPreVoteResp&, const MsgPreVoteResp&) = default;
};
struct MsgHeartbeat {
    Index commit;           // never beyond what the receiver is known to hold
    std::uint64_t round{};  // 0, or the newest read round that waits for a quorum
    friend bool operator==(const MsgHeartbeat&, const MsgHeartbeat&) = default;
};
struct MsgHeartbeatResp {
    std::uint64_t round{};  // as in the heartbeat
    friend bool operator==(const MsgHeartbeatResp&, const MsgHeartbeatResp&) = default;
};
struct MsgSnap {
    Snapshot snapshot;
    friend bool operator==(const MsgSnap& a, const MsgSnap& b) {
        return a.snapshot.meta == b.snapshot.meta && (a.snapshot.data ? *a.snapshot.data : "") ==
                                                         (b.snapshot.data ? *b.snapshot.data : "");
    }
};
struct MsgTimeoutNow {
    friend bool operator==(const MsgTimeoutNow&, const MsgTimeoutNow&) = default;
};
// A follower passes on what only the leader can do.
struct MsgTransferLeader {
    RaftId target;
    friend bool operator==(const MsgTransferLeader&, const MsgTransferLeader&) = default;
};
struct MsgReadIndex {
    std::uint64_t context{};
    friend bool operator==(const MsgReadIndex&, const MsgReadIndex&) = default;
};
struct MsgReadIndexResp {
    Index index;
    std::uint64_t context{};
    friend bool operator==(const MsgReadIndexResp&, const MsgReadIndexResp&) = default;
};

using MessageBody = std::variant<MsgApp, MsgAppResp, MsgVote, MsgVoteResp, MsgPreVote,
                                 MsgPreVoteResp, MsgHeartbeat, MsgHeartbeatResp, MsgSnap,
                                 MsgTimeoutNow, MsgTransferLeader, MsgReadIndex, MsgReadIndexResp>;

struct Message {
    RaftId from;
    RaftId to;
    Term term;  // the sender's; that of the wished-for election in a pre-vote and its grant
    MessageBody body;
    friend bool operator==(const Message&, const Message&) = default;
};

}  // namespace drover::raft
