// See describe.hpp.
#include "tests/engine/raft/dialogue/describe.hpp"

#include <array>

#include "engine/base/match.hpp"
#include "tests/engine/raft/dialogue/script.hpp"

namespace drover::raft::dialogue {
namespace {

std::string text(Term term) { return std::to_string(term.value()); }
std::string text(Index index) { return std::to_string(index.value()); }
std::string text(EntryId id) { return text(id.term) + "/" + text(id.index); }

struct Tail {
    EntryId log;
    std::optional<Index> rejected;
    Index commit;
    std::vector<Entry> entries;
};

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
              [](const MsgReadIndex&) { return Tail{}; },
              [](const MsgReadIndexResp& one) { return Tail{{Term{}, one.index}, {}, {}, {}}; }},
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

std::string describe(const Message& message) {
    const Tail tail = tail_of(message.body);
    std::string line = std::to_string(message.from.value()) + "->" +
                       std::to_string(message.to.value()) + " " + type_name(message.body) +
                       " Term:" + text(message.term) + " Log:" + text(tail.log);
    if (tail.rejected) line += " Rejected (Hint: " + text(*tail.rejected) + ")";
    if (tail.commit != Index{}) line += " Commit:" + text(tail.commit);
    return line + describe_entries(tail.entries);
}

std::string describe_entries(const std::vector<Entry>& entries) {
    if (entries.empty()) return {};
    return entries.size() > 1 ? " Entries:[" : " Entries:[" + describe(entries.front()) + "]";
}

std::string describe(const Entry& entry) {
    const std::string id = text(entry.id());
    if (entry.kind == EntryKind::normal) {
        return id + " EntryNormal \"" + std::string{entry.payload()} + "\"";
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
