// See progress.hpp.
#include "engine/raft/progress.hpp"

#include <algorithm>

#include "engine/base/ensure.hpp"

namespace drover::raft {

void Progress::reset(ProgressState to) {
    state = to;
    paused_flow = false;
    pending_snapshot = Index{};
    inflights.reset();
}

void Progress::become_probe() {
    // A snapshot that was delivered lets the next probe begin behind it.
    const Index from = state == ProgressState::snapshot ? std::max(match, pending_snapshot) : match;
    reset(ProgressState::probe);
    next = raft::next(from);
    sent_commit = std::min(sent_commit, previous(next));
}

void Progress::become_replicate() {
    reset(ProgressState::replicate);
    next = raft::next(match);
    sent_commit = std::min(sent_commit, previous(next));
}

void Progress::become_snapshot(Index index) {
    reset(ProgressState::snapshot);
    pending_snapshot = index;
    next = raft::next(index);
    sent_commit = index;
}

void Progress::sent_entries(std::uint64_t count, std::uint64_t size_bytes) {
    ENSURE(state != ProgressState::snapshot);
    if (state == ProgressState::probe) {
        if (count > 0) paused_flow = true;
        return;
    }
    if (count > 0) {
        next = advanced(next, count);
        inflights.add(previous(next), size_bytes);
    }
    // A message that fills the window, or meets a full one, is itself a probe.
    paused_flow = inflights.full();
}

bool Progress::maybe_update(Index index) {
    if (index <= match) return false;
    match = index;
    next = std::max(next, raft::next(index));
    paused_flow = false;
    return true;
}

bool Progress::maybe_decrease(Index rejected, Index match_hint) {
    if (state == ProgressState::replicate) {
        if (rejected <= match) return false;
        next = raft::next(match);
        sent_commit = std::min(sent_commit, previous(next));
        return true;
    }
    // Outside of replication there is one append on its way at most; this is not its answer.
    if (previous(next) != rejected) return false;
    // It denies what it acknowledged: its disk was lost, or it spoke before the write. The same
    // question again at once would get the same answer, as fast as the network allows.
    if (rejected <= match) return false;
    next = std::max(std::min(rejected, raft::next(match_hint)), raft::next(match));
    sent_commit = std::min(sent_commit, previous(next));
    paused_flow = false;
    return true;
}

}  // namespace drover::raft
