// See describe.hpp.
#include "tests/engine/raft/dialogue/describe.hpp"

#include <array>

#include "engine/base/match.hpp"
#include "tests/engine/raft/dialogue/script.hpp"

namespace drover::raft::dialogue {
namespace {

struct Tail {
    EntryId log;
    std::optional<Index> rejected;
    Index commit;
    std::vector<Entry> entries;
};

// A read travels as if it were an entry.
Entry context(std::uint64_t number) {
    return {{}, {}, EntryKind::normal, std::make_shared<const std::string>(std::to_string(number))};
}

// As Go writes a string between quotes; scripts hold nothing beyond ASCII.
std::string quoted(std::string_view bytes) {
    std::string out{"\""};
    for (const char one : bytes) {
        if (one == '"' || one == '\\') out.push_back('\\');
        out.push_back(one);
    }
    return out + "\"";
}

Tail tail_of(const MessageBody& body) {
    return std::visit(
        Match{[](const MsgApp& one) { return Tail{one.previous, {}, one.commit, one.entries}; },
              [](const MsgAppResp& one) {
                  if (!one.hint) return Tail{{Term{}, one.index}, {}, {}, {}};
                  return Tail{{one.hint->term, one.index}, one.hint->index, {}, {}};
              },
              [](const MsgVote& one) { return Tail{one.last, {}, {}, {}}; },
              [](const MsgVoteResp& one) {
                  return Tail{{}, one.granted ? std::nullopt : std::optional{Index{}}, {}, {}};
              },
              [](const MsgPreVote& one) { return Tail{one.last, {}, {}, {}}; },
              [](const MsgPreVoteResp& one) {
                  return Tail{{}, one.granted ? std::nullopt : std::optional{Index{}}, {}, {}};
              },
              [](const MsgHeartbeat& one) { return Tail{{}, {}, one.commit, {}}; },
              [](const MsgHeartbeatResp&) { return Tail{}; }, [](const MsgSnap&) { return Tail{}; },
              [](const MsgTimeoutNow&) { return Tail{}; },
              [](const MsgTransferLeader&) { return Tail{}; },
              [](const MsgReadIndex& one) { return Tail{{}, {}, {}, {context(one.context)}}; },
              [](const MsgReadIndexResp& one) {
                  return Tail{{Term{}, one.index}, {}, {}, {context(one.context)}};
              }},
        body);
}

}  // namespace

std::string type_name(const MessageBody& body) {
    static const std::array<const char*, 13> names{
        "MsgApp",          "MsgAppResp",     "MsgVote",           "MsgVoteResp",
        "MsgPreVote",      "MsgPreVoteResp", "MsgHeartbeat",      "MsgHeartbeatResp",
        "MsgSnap",         "MsgTimeoutNow",  "MsgTransferLeader", "MsgReadIndex",
        "MsgReadIndexResp"};
    static_assert(std::variant_size_v<MessageBody> == std::tuple_size_v<decltype(names)>);
    return names.at(body.index());
}

std::string describe(const Message& message, const std::string& indent) {
    const Tail tail = tail_of(message.body);
    // A wish that is passed on names the one it is about, and like a proposal a read has no term.
    const auto* transfer = std::get_if<MsgTransferLeader>(&message.body);
    const bool read = std::holds_alternative<MsgReadIndex>(message.body);
    std::string line = text(transfer != nullptr ? transfer->target : message.from) + "->" +
                       text(message.to) + " " + type_name(message.body) +
                       " Term:" + text(read ? Term{} : message.term) + " Log:" + text(tail.log);
    if (tail.rejected) line += " Rejected (Hint: " + text(*tail.rejected) + ")";
    if (tail.commit != Index{}) line += " Commit:" + text(tail.commit);
    line += describe_entries(tail.entries, indent);
    if (const auto* snap = std::get_if<MsgSnap>(&message.body)) {
        line += "\n" + indent + "  Snapshot: " + describe(snap->snapshot.meta);
    }
    return line;
}

std::string describe_entries(const std::vector<Entry>& entries, const std::string& indent) {
    if (entries.empty()) return {};
    if (entries.size() == 1) return " Entries:[" + describe(entries.front()) + "]";
    std::string lines = " Entries:[";
    for (const auto& entry : entries) lines += "\n" + indent + "  " + describe(entry);
    return lines + "\n" + indent + "]";
}

std::string join(const std::set<RaftId>& members) {
    std::string out;
    for (const RaftId id : members) out += (out.empty() ? "" : " ") + text(id);
    return out;
}

std::string describe(const SnapshotMeta& snapshot) {
    const ConfState& conf = snapshot.conf;
    return "Index:" + text(snapshot.index) + " Term:" + text(snapshot.term) +
           " ConfState:Voters:[" + join(conf.voters) + "] VotersOutgoing:[" +
           join(conf.voters_outgoing) + "] Learners:[" + join(conf.learners) + "] LearnersNext:[" +
           join(conf.learners_next) + "] AutoLeave:" + (conf.auto_leave ? "true" : "false");
}

std::string describe(const ConfState& conf) {
    std::string line = "voters=(" + join(conf.voters) + ")";
    if (conf.joint()) line += "&&(" + join(conf.voters_outgoing) + ")";
    if (!conf.learners.empty()) line += " learners=(" + join(conf.learners) + ")";
    if (!conf.learners_next.empty()) line += " learners_next=(" + join(conf.learners_next) + ")";
    return line + (conf.auto_leave ? " autoleave" : "");
}

std::string describe(const SoftState& soft) {
    return "Lead:" + text(soft.leader.value_or(RaftId{})) + " State:" + role_name(soft.role);
}

std::string describe(const HardState& hard) {
    return "Term:" + text(hard.term) + (hard.vote ? " Vote:" + text(*hard.vote) : "") +
           " Commit:" + text(hard.commit);
}

std::string describe(const Entry& entry) {
    const std::string id = text(entry.id());
    if (entry.kind == EntryKind::normal) {
        return id + " EntryNormal " + quoted(entry.payload());
    }
    const auto change = decode_conf_change(entry.payload()).value_or(ConfChange{});
    std::string line =
        id + (change.context == version_one ? " EntryConfChange" : " EntryConfChangeV2");
    for (const auto& single : change.changes) {
        const char kind = single.kind == ConfChangeKind::add_voter     ? 'v'
                          : single.kind == ConfChangeKind::add_learner ? 'l'
                          : single.kind == ConfChangeKind::remove      ? 'r'
                                                                       : 'u';
        line += std::string{" "} + kind + std::to_string(single.id.value());
    }
    return line;
}

std::string describe(const Progress& progress, bool learner) {
    static const std::array<const char*, 3> states{"StateProbe", "StateReplicate", "StateSnapshot"};
    std::string line = states.at(static_cast<std::size_t>(progress.state));
    line += " match=" + text(progress.match) + " next=" + text(progress.next);
    if (learner) line += " learner";
    if (progress.paused()) line += " paused";
    if (progress.pending_snapshot != Index{}) {
        line += " pendingSnap=" + text(progress.pending_snapshot);
    }
    if (!progress.recent_active) line += " inactive";
    if (progress.inflights.count() > 0) {
        line += " inflight=" + std::to_string(progress.inflights.count());
        if (progress.inflights.full()) line += "[full]";
    }
    return line;
}

std::string role_name(Role role) {
    switch (role) {
        case Role::follower:
            return "StateFollower";
        case Role::pre_candidate:
            return "StatePreCandidate";
        case Role::candidate:
            return "StateCandidate";
        case Role::leader:
            break;
    }
    return "StateLeader";
}

std::string describe(const Ready& ready, const HardState& before,
                     const std::vector<std::string>& messages) {
    std::string out;
    const auto line = [&out](const std::string& one) { out += "\n" + one; };
    const auto list = [&](const char* head, const std::vector<Entry>& entries) {
        if (!entries.empty()) line(head);
        for (const auto& entry : entries) line(describe(entry));
    };
    const WriteLog write = ready.write.value_or(WriteLog{});
    if (ready.soft) line(describe(*ready.soft));
    if (write.hard) line("HardState " + describe(*write.hard));
    std::string reads;
    for (const auto& read : ready.reads) {
        reads += (reads.empty() ? "{" : " {") + text(read.index) + " " +
                 std::to_string(read.context) + "}";
    }
    if (!reads.empty()) line("ReadStates [" + reads + "]");
    list("Entries:", write.entries);
    if (write.snapshot) line("Snapshot " + describe(write.snapshot->meta));
    list("CommittedEntries:", ready.committed);
    if (!messages.empty()) line("Messages:");
    for (const auto& message : messages) line(message);
    if (out.empty()) return "<empty Ready>";
    const bool votes =
        write.hard && (write.hard->term != before.term || write.hard->vote != before.vote);
    return std::string{"Ready MustSync="} + (votes || !write.entries.empty() ? "true:" : "false:") +
           out;
}

ConfChange parse_change(const std::vector<std::string>& lines) {
    ConfChange change;
    for (const auto& line : lines) {
        for (std::size_t from = 0; from < line.size();) {
            const auto end = std::min(line.find(' ', from), line.size());
            const std::string_view word = std::string_view{line}.substr(from, end - from);
            from = end + 1;
            if (word.size() < 2) continue;
            const ConfChangeKind kind = word[0] == 'v'   ? ConfChangeKind::add_voter
                                        : word[0] == 'l' ? ConfChangeKind::add_learner
                                        : word[0] == 'r' ? ConfChangeKind::remove
                                                         : ConfChangeKind::update;
            change.changes.push_back({kind, RaftId{to_number(word.substr(1))}});
        }
    }
    return change;
}

}  // namespace drover::raft::dialogue
