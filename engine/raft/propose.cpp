// A leader appends entries of its own: proposals, changes of the configuration, and the empty entry
// that opens its term.
#include <utility>

#include "engine/raft/raft.hpp"

namespace drover::raft {

Result<Receipt> Raft::append_own(EntryKind kind, Payload data) {
    auto& leader = std::get<Leader>(role_);
    Entry entry{term_, next(log_.last_index()), kind, std::move(data)};
    // Whatever its size, something is always let in, and what is empty always.
    const std::uint64_t size = entry.size_bytes();
    if (leader.uncommitted_bytes > 0 && size > 0 &&
        leader.uncommitted_bytes + size > config_.max_uncommitted_bytes) {
        return fail(Errc::overloaded, std::to_string(leader.uncommitted_bytes) +
                                          " bytes of proposals wait to be committed: try again "
                                          "later");
    }
    leader.uncommitted_bytes += size;
    const Receipt receipt{entry.term, entry.index};
    log_.append(std::move(entry));
    count_own_copy(receipt.index);
    return receipt;
}

// Our own copy counts when it is durable. One message tells of all that one write brings.
void Raft::count_own_copy(Index last) {
    if (config_.coalesce && !after_write_.empty()) {
        Message& latest = after_write_.back();
        auto* const told = std::get_if<MsgAppResp>(&latest.body);
        if (told != nullptr && latest.to == id() && latest.term == term_) {
            told->index = last;
            return;
        }
    }
    send_after_write(term_, id(), MsgAppResp{last, std::nullopt});
}

namespace {

tl::unexpected<Error> not_leader(std::optional<RaftId> leader) {
    return fail(Errc::not_leader,
                leader ? "not the leader: server " + std::to_string(leader->value()) + " leads"
                       : "not the leader, and none is known");
}

}  // namespace

Result<Receipt> Raft::propose(Instant, Payload data) {
    const auto* leader = leadership();
    if (leader == nullptr || violation_) return not_leader(this->leader());
    if (!leader->progress.contains(id())) {
        return fail(Errc::not_leader, "this leader was removed from the configuration");
    }
    if (leader->transferee) {
        return fail(Errc::not_leader, "leadership is being transferred to server " +
                                          std::to_string(leader->transferee->value()));
    }
    auto receipt = append_own(EntryKind::normal, std::move(data));
    if (receipt) broadcast_append();
    return receipt;
}

Result<Receipt> Raft::propose_conf_change(Instant, const ConfChange& change) {
    auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr || violation_) return not_leader(this->leader());
    if (!leader->progress.contains(id())) {
        return fail(Errc::not_leader, "this leader was removed from the configuration");
    }
    if (leader->transferee) {
        return fail(Errc::not_leader, "leadership is being transferred");
    }
    if (auto sound = check_conf_change(change); !sound) return tl::unexpected{sound.error()};
    auto receipt =
        append_own(EntryKind::conf_change, std::make_shared<const std::string>(encode(change)));
    if (receipt) {
        leader->pending_conf_index = receipt->index;
        broadcast_append();
    }
    return receipt;
}

Result<void> Raft::check_conf_change(const ConfChange& change) const {
    const auto& leader = std::get<Leader>(role_);
    if (config_.conf_change_needs_own_commit && !committed_in_own_term()) {
        return fail(Errc::conflict,
                    "this leader has not committed an entry of its own term yet: try again");
    }
    if (!config_.validate_conf_changes) return {};
    if (leader.pending_conf_index > log_.applied()) {
        return fail(Errc::conflict, "another configuration change may be pending at index " +
                                        std::to_string(leader.pending_conf_index.value()) +
                                        ": try again");
    }
    if (conf_.joint() && !change.leaves_joint()) {
        return fail(Errc::conflict, "the joint configuration must be left first");
    }
    if (!conf_.joint() && change.leaves_joint()) {
        return fail(Errc::conflict, "the change is empty, and the configuration is not joint");
    }
    if (auto outcome = changed(conf_, change); !outcome) return tl::unexpected{outcome.error()};
    return {};
}

}  // namespace drover::raft
