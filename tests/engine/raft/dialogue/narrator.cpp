// See narrator.hpp.
#include "tests/engine/raft/dialogue/narrator.hpp"

#include <algorithm>

#include "tests/engine/raft/dialogue/describe.hpp"

namespace drover::raft::dialogue {
namespace {

std::string id_of(const Raft& one) { return text(one.id()); }

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string bracketed(EntryId id) {
    return "[logterm: " + text(id.term) + ", index: " + text(id.index) + "]";
}

std::string named(EntryId id) {
    return "[index: " + text(id.index) + ", term: " + text(id.term) + "]";
}

std::set<RaftId> voters_of(const ConfState& conf) {
    std::set<RaftId> voters = conf.voters;
    voters.insert(conf.voters_outgoing.begin(), conf.voters_outgoing.end());
    return voters;
}

std::string progress_of(const Raft& one, RaftId member, const Progress& progress) {
    return "[" + describe(progress, one.conf().learners.contains(member)) + "]";
}

std::optional<EntryId> asked_last(const Message& message) {
    if (const auto* vote = std::get_if<MsgVote>(&message.body)) return vote->last;
    const auto* vote = std::get_if<MsgPreVote>(&message.body);
    return vote != nullptr ? std::optional{vote->last} : std::nullopt;
}

bool is_answer_to_vote(const Message& message) {
    return std::holds_alternative<MsgVoteResp>(message.body) ||
           std::holds_alternative<MsgPreVoteResp>(message.body);
}

bool from_leader(const Message& message) {
    return std::holds_alternative<MsgApp>(message.body) ||
           std::holds_alternative<MsgHeartbeat>(message.body) ||
           std::holds_alternative<MsgSnap>(message.body);
}

std::string change_name(ConfChangeKind kind) {
    switch (kind) {
        case ConfChangeKind::add_voter:
            return "ConfChangeAddNode";
        case ConfChangeKind::remove:
            return "ConfChangeRemoveNode";
        case ConfChangeKind::update:
            return "ConfChangeUpdateNode";
        case ConfChangeKind::add_learner:
            break;
    }
    return "ConfChangeAddLearnerNode";
}

std::string change_text(const ConfChange& change) {
    static const std::array<const char*, 3> transitions{"ConfChangeTransitionAuto",
                                                        "ConfChangeTransitionJointImplicit",
                                                        "ConfChangeTransitionJointExplicit"};
    std::string list;
    for (const auto& single : change.changes) {
        if (!list.empty()) list += " ";
        list += (change.context == version_one ? "" : "{") + change_name(single.kind) + " " +
                text(single.id) + (change.context == version_one ? "" : "}");
    }
    if (change.context == version_one) return "{" + list + " [] 0}";
    return std::string{"{"} + transitions.at(static_cast<std::size_t>(change.transition)) + " [" +
           list + "] []}";
}

// "2 [logterm: 1, index: 11, vote: 0]" of the one who is asked, "MsgVote" and so on.
std::string ballot(const Raft& one, std::optional<RaftId> vote, const std::string& verdict,
                   const Message& message, Term term) {
    const EntryId last = one.log().last();
    return id_of(one) + " [logterm: " + text(last.term) + ", index: " + text(last.index) +
           ", vote: " + text(vote.value_or(RaftId{})) + "] " + verdict + " " +
           type_name(message.body) + (verdict == "cast" ? " for " : " from ") + text(message.from) +
           " " + bracketed(*asked_last(message)) + " at term " + text(term);
}

}  // namespace

void Narrator::became_follower(const Raft& one, Term term) {
    info(id_of(one) + " became follower at term " + text(term));
}

void Narrator::created(const Raft& one) {
    const EntryId last = one.log().last();
    std::string peers = join(one.conf().voters);
    std::replace(peers.begin(), peers.end(), ' ', ',');
    info(id_of(one) + " switched to configuration " + describe(one.conf()));
    became_follower(one, one.term());
    info("newRaft " + id_of(one) + " [peers: [" + peers + "], term: " + text(one.term()) +
         ", commit: " + text(one.commit_index()) + ", applied: " + text(one.applied_index()) +
         ", lastindex: " + text(last.index) + ", lastterm: " + text(last.term) + "]");
}

// ---- elections

void Narrator::stood(const Raft& one, bool pre_vote, Term term) {
    const std::string at = " at term " + text(term);
    info(id_of(one) + (pre_vote ? " became pre-candidate" : " became candidate") + at);
    for (const RaftId voter : voters_of(one.conf())) {
        if (voter == one.id()) continue;
        info(id_of(one) + " " + bracketed(one.log().last()) + " sent " +
             (pre_vote ? "MsgPreVote" : "MsgVote") + " request to " + text(voter) + at);
    }
}

void Narrator::campaigned(const Raft& before, bool pre_vote) {
    const ConfState& conf = before.conf();
    if (before.leads()) return debug(id_of(before) + " ignoring MsgHup because already leader");
    if (!conf.votes(before.id()) || before.log().snapshot_pending()) {
        return out_.log(LogLevel::warn, id_of(before) + " is unpromotable and can not campaign");
    }
    if (before.log().unapplied_conf_change()) {
        return out_.log(LogLevel::warn,
                        id_of(before) + " cannot campaign at term " + text(before.term()) +
                            " since there are still pending configuration changes to apply");
    }
    info(id_of(before) + " is starting a new election at term " + text(before.term()));
    stood(before, pre_vote, pre_vote ? before.term() : next(before.term()));
}

void Narrator::ticked(const Raft& before, const Raft& after) {
    if (before.leads() && !after.leads()) {
        out_.log(LogLevel::warn,
                 id_of(before) + " stepped down to follower since quorum is not active");
        became_follower(after, after.term());
    } else if (before.role() != after.role() || before.term() != after.term()) {
        campaigned(before, before.config().pre_vote);
    }
}

// ---- what it is told to do

void Narrator::told_to_forget(const Raft& before) {
    if (before.role() != Role::follower) return;
    if (before.config().read_only == ReadOnly::lease) {
        out_.log(LogLevel::error, "ignoring MsgForgetLeader due to ReadOnlyLeaseBased");
    } else if (before.leader()) {
        info(id_of(before) + " forgetting leader " + text(*before.leader()) + " at term " +
             text(before.term()));
    }
}

void Narrator::told_to_transfer(const Raft& before, RaftId to) {
    const std::string me = id_of(before);
    const std::string at = me + " [term " + text(before.term()) + "] ";
    if (!before.leads()) {
        if (before.leader()) return;
        return info(me + " no leader at term " + text(before.term()) +
                    "; dropping leader transfer msg");
    }
    const auto found = before.progress()->find(to);
    if (found == before.progress()->end()) return;
    if (before.conf().learners.contains(to)) {
        return debug(me + " is learner. Ignored transferring leadership");
    }
    if (before.transferee() == to) {
        return info(at + "transfer leadership to " + text(to) +
                    " is in progress, ignores request to same node " + text(to));
    }
    if (before.transferee()) {
        info(at + "abort previous transferring leadership to " + text(*before.transferee()));
    }
    if (to == before.id()) {
        return debug(me + " is already leader. Ignored transferring leadership to self");
    }
    info(at + "starts to transfer leadership to " + text(to));
    if (found->second.match == before.last_index()) {
        info(me + " sends MsgTimeoutNow to " + text(to) + " immediately as " + text(to) +
             " already has up-to-date log");
    }
}

void Narrator::told_unreachable(const Raft& after, RaftId peer) {
    if (!after.leads() || !after.progress()->contains(peer)) return;
    debug(id_of(after) + " failed to send message to " + text(peer) +
          " because it is unreachable " + progress_of(after, peer, after.progress()->at(peer)));
}

void Narrator::dropped_proposal(const Raft& before) {
    const std::string term = text(before.term());
    if (!before.leads()) {
        info(id_of(before) + " no leader at term " + term + "; dropping proposal");
    } else if (before.transferee() && before.progress()->contains(before.id())) {
        debug(id_of(before) + " [term " + term + "] transfer leadership to " +
              text(*before.transferee()) + " is in progress; dropping proposal");
    }
}

void Narrator::refused_change(const Raft& before, const ConfChange& change) {
    const auto* leader = before.leadership();
    const bool pending = leader->pending_conf_index > before.applied_index();
    const std::string why =
        pending ? "possible unapplied conf change at index " + text(leader->pending_conf_index) +
                      " (applied to " + text(before.applied_index()) + ")"
        : before.conf().joint() ? "must transition out of joint config first"
                                : "not in joint state; refusing empty conf change";
    info(id_of(before) + " ignoring conf change " + change_text(change) + " at config " +
         describe(before.conf()) + ": " + why);
}

// ---- messages

bool Narrator::heard_term(const Raft& before, const Message& message, const Raft& after) {
    const std::string at = id_of(before) + " [term: " + text(before.term()) + "] ";
    const std::string what = type_name(message.body) + " message with ";
    const std::string from =
        " term from " + text(message.from) + " [term: " + text(message.term) + "]";
    const Config& config = before.config();
    if (message.term < before.term()) {
        const bool taught = (config.check_quorum || config.pre_vote) && from_leader(message) &&
                            !std::holds_alternative<MsgSnap>(message.body);
        if (std::holds_alternative<MsgPreVote>(message.body)) {
            info(ballot(before, before.vote(), "rejected", message, before.term()));
        } else if (!taught) {
            info(at + "ignored a " + what + "lower" + from);
        }
        return false;
    }
    if (message.term == before.term()) return true;
    const auto* vote = std::get_if<MsgVote>(&message.body);
    const auto elapsed =
        static_cast<std::uint32_t>((after.now() - before.last_contact()) / config.tick);
    const bool lease = config.check_quorum && before.leader() && elapsed < config.election_ticks;
    if (asked_last(message) && !(vote != nullptr && vote->transfer) && lease) {
        info(ballot(before, before.vote(), "ignored", message, before.term()) +
             ": lease is not expired (remaining ticks: " + number(config.election_ticks - elapsed) +
             ")");
        return false;
    }
    // Asking for a pre-vote, and granting one, is about a term that may never come.
    const auto* wish = std::get_if<MsgPreVoteResp>(&message.body);
    if (std::holds_alternative<MsgPreVote>(message.body)) return true;
    if (wish != nullptr && wish->granted) return true;
    info(at + "received a " + what + "higher" + from);
    became_follower(before, message.term);
    return true;
}

void Narrator::received(const Raft& before, const Message& message, const Raft& after) {
    if (!heard_term(before, message, after)) return;
    const bool stands = before.votes() != nullptr && before.term() == message.term;
    if (stands && from_leader(message)) became_follower(after, after.term());
    if (asked_last(message)) return asked_for_vote(before, message, after);
    if (is_answer_to_vote(message)) return counted_vote(before, message, after);
    if (const auto* body = std::get_if<MsgApp>(&message.body)) {
        return appended(before, message, *body);
    }
    if (const auto* body = std::get_if<MsgSnap>(&message.body))
        return restored(before, *body, after);
    if (const auto* body = std::get_if<MsgTransferLeader>(&message.body)) {
        return told_to_transfer(before, body->target);
    }
    if (std::holds_alternative<MsgTimeoutNow>(message.body) && before.role() == Role::follower) {
        info(id_of(before) + " [term " + text(before.term()) + "] received MsgTimeoutNow from " +
             text(message.from) + " and starts an election to get leadership.");
        return campaigned(before, false);
    }
    if (before.leads() && after.leads()) answered(before, message, after);
}

void Narrator::asked_for_vote(const Raft& before, const Message& message, const Raft& after) {
    const bool fresh = after.term() != before.term();
    const auto vote = fresh ? std::nullopt : before.vote();
    const auto leader = fresh ? std::nullopt : before.leader();
    const bool free = vote == message.from || (!vote && !leader) || message.term > after.term();
    const bool granted = free && before.log().up_to_date(*asked_last(message));
    info(ballot(before, vote, granted ? "cast" : "rejected", message, after.term()));
}

void Narrator::counted_vote(const Raft& before, const Message& message, const Raft& after) {
    const auto* real = std::get_if<MsgVoteResp>(&message.body);
    const auto* wish = std::get_if<MsgPreVoteResp>(&message.body);
    const bool pre = before.role() == Role::pre_candidate;
    // A refusal of a higher term has made a follower of it.
    if (before.votes() == nullptr || pre != (wish != nullptr)) return;
    if (after.term() != before.term() && after.role() == Role::follower) return;
    const bool granted = real != nullptr ? real->granted : wish->granted;
    const std::string type = type_name(message.body);
    info(id_of(before) + " received " + type + (granted ? "" : " rejection") + " from " +
         text(message.from) + " at term " + text(before.term()));
    Votes votes = *before.votes();
    votes.emplace(message.from, granted);
    const auto yes =
        std::count_if(votes.begin(), votes.end(), [](const auto& one) { return one.second; });
    info(id_of(before) + " has received " + std::to_string(yes) + " " + type + " votes and " +
         std::to_string(static_cast<std::ptrdiff_t>(votes.size()) - yes) + " vote rejections");
    if (after.leads()) {
        info(id_of(after) + " became leader at term " + text(after.term()));
    } else if (after.role() == Role::follower) {
        became_follower(after, after.term());
    } else if (pre && after.role() == Role::candidate) {
        stood(after, false, after.term());
    }
}

void Narrator::appended(const Raft& before, const Message& message, const MsgApp& body) {
    const Log& log = before.log();
    if (body.previous.index < log.committed()) return;
    if (!log.holds(body.previous)) {
        const EntryId ours{log.term_at(body.previous.index).value_or(Term{}), body.previous.index};
        return debug(id_of(before) + " " + bracketed(ours) + " rejected MsgApp " +
                     bracketed(body.previous) + " from " + text(message.from));
    }
    for (const auto& entry : body.entries) {
        if (log.holds(entry.id())) continue;
        const auto ours = log.term_at(entry.index);
        if (!ours) return;
        info("found conflict at index " + text(entry.index) + " [existing term: " + text(*ours) +
             ", conflicting term: " + text(entry.term) + "]");
        const bool all = entry.index <= next(log.stable());
        return info((all ? "replace the unstable entries from index "
                         : "truncate the unstable entries before index ") +
                    text(entry.index));
    }
}

void Narrator::restored(const Raft& before, const MsgSnap& body, const Raft& after) {
    const Log& log = before.log();
    const EntryId id = body.snapshot.meta.id();
    const std::string me = id_of(before);
    const auto state = [&](const Log& of) {
        return me + " [commit: " + text(of.committed()) + ", lastindex: " + text(of.last().index) +
               ", lastterm: " + text(of.last().term) + "] ";
    };
    const std::string commit = me + " [commit: " + text(after.commit_index()) + "] ";
    if (after.log().last() != id || after.log().base() != id || log.holds(id)) {
        if (id.index > log.committed()) {
            info(state(log) + "fast-forwarded commit to snapshot " + named(id));
        }
        return info(commit + "ignored snapshot " + named(id));
    }
    const std::string offset = text(next(log.stable()));
    info("log [committed=" + text(log.committed()) + ", applied=" + text(log.applied()) +
         ", applying=" + text(log.applying()) + ", unstable.offset=" + offset +
         ", unstable.offsetInProgress=" + offset +
         ", len(unstable.Entries)=" + number(distance(log.stable(), log.last_index())) +
         "] starts to restore snapshot " + named(id));
    info(me + " switched to configuration " + describe(after.conf()));
    info(state(after.log()) + "restored snapshot " + named(id));
    info(commit + "restored snapshot " + named(id));
}

void Narrator::answered(const Raft& before, const Message& message, const Raft& after) {
    auto members = *before.progress();
    const auto found = members.find(message.from);
    if (found == members.end()) return;
    Progress& progress = found->second;
    const std::string from = text(message.from);
    const Log& log = before.log();
    if (std::holds_alternative<MsgHeartbeatResp>(message.body)) progress.paused_flow = false;
    progress.recent_active = true;
    const auto* body = std::get_if<MsgAppResp>(&message.body);
    if (body == nullptr) return sent_snapshots(after, members);
    if (body->rejected()) {
        debug(id_of(before) + " received MsgAppResp(rejected, hint: (index " +
              text(body->hint->index) + ", term " + text(body->hint->term) + ")) from " + from +
              " for index " + text(body->index));
        Index probe = body->hint->index;
        if (body->hint->term > Term{}) {
            const Index within = std::min(probe, log.last_index());
            probe = log.find_conflict_by_term(within, body->hint->term).index;
        }
        if (progress.maybe_decrease(body->index, probe)) {
            debug(id_of(before) + " decreased progress of " + from + " to " +
                  progress_of(after, message.from, progress));
            if (progress.state == ProgressState::replicate) progress.become_probe();
        }
        return sent_snapshots(after, members);
    }
    const bool news = progress.maybe_update(body->index);
    if (news && progress.state == ProgressState::snapshot &&
        next(progress.match) >= log.first_index()) {
        debug(id_of(before) + " recovered from needing snapshot, resumed sending replication " +
              "messages to " + from + " " + progress_of(after, message.from, progress));
    }
    sent_snapshots(after, members);
    if (news && after.transferee() == message.from && progress.match == after.last_index()) {
        info(id_of(before) + " sent MsgTimeoutNow to " + from + " after received MsgAppResp");
    }
}

void Narrator::sent_snapshots(const Raft& after, const std::map<RaftId, Progress>& before) {
    for (const auto& [member, progress] : *after.progress()) {
        const auto was = before.find(member);
        if (progress.state != ProgressState::snapshot || was == before.end()) continue;
        if (was->second.state == ProgressState::snapshot) continue;
        const Index index = progress.pending_snapshot;
        const EntryId id{after.term_at(index).value_or(Term{}), index};
        debug(id_of(after) + " [firstindex: " + text(after.first_index()) +
              ", commit: " + text(after.commit_index()) + "] sent snapshot" + named(id) + " to " +
              text(member) + " " + progress_of(after, member, was->second));
        debug(id_of(after) + " paused sending replication messages to " + text(member) + " " +
              progress_of(after, member, progress));
    }
}

// ---- the own disk and state machine

void Narrator::wrote(const Raft& before, Term term, EntryId end) {
    if (end == EntryId{}) return;
    const Log& log = before.log();
    if (term < before.term()) {
        return info(id_of(before) + " [term: " + text(before.term()) +
                    "] ignored entry appends from a MsgStorageAppendResp message with lower term " +
                    "[term: " + text(term) + "]");
    }
    if (end.index <= log.stable() || end.index > log.last_index()) {
        return info("entry at index " + text(end.index) + " missing from unstable log; ignoring");
    }
    if (log.holds(end)) return;
    const std::string index = "(" + text(end.index) + ",";
    info("entry at (index,term)=" + index + text(end.term) + ") mismatched with entry at " + index +
         text(*log.term_at(end.index)) + ") in unstable log; ignoring");
}

void Narrator::switched(const Raft& before, const Raft& after) {
    info(id_of(after) + " switched to configuration " + describe(after.conf()));
    if (before.leads() && !after.leads()) became_follower(after, after.term());
    if (before.leads() && after.leads()) sent_snapshots(after, *before.progress());
}

void Narrator::applied(const Raft& before, const Raft& after) {
    const std::string conf =
        "automatic transition out of joint configuration " + describe(after.conf());
    if (after.last_index() > before.last_index()) info("initiating " + conf);
}

}  // namespace drover::raft::dialogue
