// What a leader knows about one member's log, and the flow control that follows from it.
//
//   probe      the common prefix is not known: one append at a time, paused until an answer
//   replicate  it is known: appends are sent ahead, as far as the in-flight window allows
//   snapshot   the member needs entries that are gone: nothing is sent until it has the snapshot
#pragma once

#include "engine/base/time.hpp"
#include "engine/raft/inflights.hpp"
#include "engine/raft/types.hpp"

namespace drover::raft {

enum class ProgressState : std::uint8_t { probe, replicate, snapshot };

struct Progress {
    Progress(Index next_index, Inflights window) : next{next_index}, inflights{std::move(window)} {}

    ProgressState state{ProgressState::probe};
    Index match;        // durable there, and equal to ours through here
    Index next;         // the next entry to send; invariant: match < next
    Index sent_commit;  // the highest commit index on its way there
    Index pending_snapshot;
    Instant snapshot_sent;      // a snapshot that got lost is sent again some time after
    bool recent_active{false};  // heard of since the last quorum check
    bool active_before{false};  // and between the last two
    bool paused_flow{false};    // until the next answer or heartbeat answer
    Inflights inflights;

    void become_probe();
    void become_replicate();
    void become_snapshot(Index index);

    void sent_entries(std::uint64_t count, std::uint64_t size_bytes);
    // The member acknowledged `index`; false where that is old news.
    bool maybe_update(Index index);
    // The member refused an append after `rejected`; false where the refusal is out of date, or
    // where there is nothing before that it could accept.
    bool maybe_decrease(Index rejected, Index match_hint);

    [[nodiscard]] bool paused() const { return state == ProgressState::snapshot || paused_flow; }
    // Whether telling `commit` can move the member's commit index.
    [[nodiscard]] bool can_bump_commit(Index commit) const {
        return commit > sent_commit && sent_commit < previous(next);
    }

private:
    void reset(ProgressState to);
};

}  // namespace drover::raft
