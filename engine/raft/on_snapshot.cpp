// A snapshot arrives for a member whose missing entries are gone from the leader's log.
#include "engine/raft/raft.hpp"

namespace drover::raft {

void Raft::on(Instant now, const Message& message, const MsgSnap& body) {
    if (!validate(body.snapshot.meta.conf) || !follow(now, message.from)) return;
    const SnapshotMeta& meta = body.snapshot.meta;
    // A newcomer may be given a snapshot that is older than its own admission: the entry that adds
    // it comes after.
    const bool news = meta.index > log_.committed();
    if (news && !log_.holds(meta.id())) {
        log_.restore(body.snapshot);
        // The snapshot's configuration replaces ours whole: one that was only appended, and not
        // committed, must not linger.
        conf_ = meta.conf;
        abstains_ = false;
    } else if (news) {
        log_.commit_to(meta.index);  // we have all of it already
    }
    send_after_write(term_, message.from, MsgAppResp{log_.committed(), std::nullopt});
}

}  // namespace drover::raft
