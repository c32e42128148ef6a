// A leader's entries arrive (paper 5.3).
#include <algorithm>

#include "engine/raft/raft.hpp"

namespace drover::raft {
namespace {

bool well_formed(const MsgApp& body) {
    EntryId before = body.previous;
    for (const auto& entry : body.entries) {
        if (entry.index != next(before.index) || entry.term < before.term) return false;
        before = entry.id();
    }
    return true;
}

}  // namespace

void Raft::on(Instant now, const Message& message, const MsgApp& body) {
    if (!well_formed(body) || !follow(now, message.from)) return;
    if (body.previous.index < log_.committed()) {
        // What is committed agrees; it may even be compacted, so it is not looked at again.
        send_after_write(term_, message.from, MsgAppResp{log_.committed(), std::nullopt});
        return;
    }
    if (!log_.holds(body.previous)) {
        const Index known = std::min(body.previous.index, log_.last_index());
        send_after_write(
            term_, message.from,
            MsgAppResp{body.previous.index, log_.find_conflict_by_term(known, body.previous.term)});
        return;
    }
    if (!log_.merge(body.previous, body.entries)) {
        violate("the leader of term " + std::to_string(term_.value()) +
                " would replace a committed entry, after entry " +
                std::to_string(body.previous.index.value()));
        return;
    }
    // Only what this message has checked may be committed by it: beyond, our log may differ.
    const Index checked = advanced(body.previous.index, body.entries.size());
    log_.commit_to(std::min(body.commit, checked));
    send_after_write(term_, message.from, MsgAppResp{checked, std::nullopt});
}

}  // namespace drover::raft
