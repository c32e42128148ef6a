// See wire.hpp. The only place that knows both forms.
#include "engine/raft/wire.hpp"

#include <algorithm>
#include <utility>

#include "engine/base/match.hpp"
#include "engine/raft/conf_change.hpp"
#include "engine/raft/entry_wire.hpp"
#include "engine/raft/limits.hpp"
#include "engine/raft/raft.pb.h"

namespace drover::raft {
namespace {

tl::unexpected<Error> bad(const std::string& what) {
    return fail(Errc::corrupt, "raft message: " + what);
}

// ---- to the wire

void put(EntryId id, wire::EntryId& out) {
    out.set_term(id.term.value());
    out.set_index(id.index.value());
}

void put(const MsgVote& body, wire::Vote& out) {
    put(body.last, *out.mutable_last());
    out.set_transfer(body.transfer);
}

template <class Response>
void put_response(const Response& body, wire::VoteResponse& out) {
    out.set_granted(body.granted);
    if (body.commit != EntryId{}) put(body.commit, *out.mutable_commit());
}

void put(const MsgApp& body, wire::Append& out) {
    put(body.previous, *out.mutable_previous());
    out.set_commit(body.commit.value());
}

void put(const ConfState& conf, wire::ConfState& out) {
    for (const RaftId id : conf.voters) out.add_voters(id.value());
    for (const RaftId id : conf.learners) out.add_learners(id.value());
    for (const RaftId id : conf.voters_outgoing) out.add_voters_outgoing(id.value());
    for (const RaftId id : conf.learners_next) out.add_learners_next(id.value());
    out.set_auto_leave(conf.auto_leave);
}

void put(const MsgSnap& body, wire::Snapshot& out) {
    out.set_index(body.snapshot.meta.index.value());
    out.set_term(body.snapshot.meta.term.value());
    put(body.snapshot.meta.conf, *out.mutable_conf());
    if (body.snapshot.data) out.set_data(*body.snapshot.data);
}

void put_body(const MessageBody& body, wire::Message& out) {
    std::visit(
        Match{
            [&](const MsgApp& one) { put(one, *out.mutable_append()); },
            [&](const MsgAppResp& one) {
                out.mutable_append_response()->set_index(one.index.value());
                if (one.hint) put(*one.hint, *out.mutable_append_response()->mutable_hint());
            },
            [&](const MsgVote& one) { put(one, *out.mutable_vote()); },
            [&](const MsgVoteResp& one) { put_response(one, *out.mutable_vote_response()); },
            [&](const MsgPreVote& one) { put(one.last, *out.mutable_pre_vote()->mutable_last()); },
            [&](const MsgPreVoteResp& one) { put_response(one, *out.mutable_pre_vote_response()); },
            [&](const MsgHeartbeat& one) {
                out.mutable_heartbeat()->set_commit(one.commit.value());
                out.mutable_heartbeat()->set_round(one.round);
            },
            [&](const MsgHeartbeatResp& one) {
                out.mutable_heartbeat_response()->set_round(one.round);
            },
            [&](const MsgSnap& one) { put(one, *out.mutable_snapshot()); },
            [&](const MsgTimeoutNow&) { out.mutable_timeout_now(); },
            [&](const MsgTransferLeader& one) {
                out.mutable_transfer_leader()->set_target(one.target.value());
            },
            [&](const MsgReadIndex& one) { out.mutable_read_index()->set_context(one.context); },
            [&](const MsgReadIndexResp& one) {
                out.mutable_read_index_response()->set_index(one.index.value());
                out.mutable_read_index_response()->set_context(one.context);
            }},
        body);
}

// ---- from the wire

EntryId take(const wire::EntryId& in) { return {Term{in.term()}, Index{in.index()}}; }

template <class Ids>
std::set<RaftId> take_ids(const Ids& in) {
    std::set<RaftId> ids;
    for (const std::uint64_t id : in) ids.insert(RaftId{id});
    return ids;
}

// A set takes far more memory than the bytes that it comes from: it is not built on anybody's word.
bool oversized(const wire::ConfState& in) {
    return std::max({in.voters_size(), in.learners_size(), in.voters_outgoing_size(),
                     in.learners_next_size()}) > members_max;
}

ConfState take(const wire::ConfState& in) {
    return {take_ids(in.voters()), take_ids(in.learners()), take_ids(in.voters_outgoing()),
            take_ids(in.learners_next()), in.auto_leave()};
}

// Entries are parts of `bytes`, which they keep alive.
Result<MessageBody> take(const wire::Append& in, const std::vector<RawEntry>& entries,
                         const SharedBytes& bytes) {
    MsgApp body{take(in.previous()), Index{in.commit()}, {}};
    if (body.previous.index.value() > index_max) return bad("the index is too high");
    if (!entries.empty() && entries.back().index > index_max) return bad("the index is too high");
    EntryId before = body.previous;
    body.entries.reserve(entries.size());
    for (const RawEntry& raw : entries) {
        const EntryId id{Term{raw.term}, Index{raw.index}};
        if (id.index != next(before.index) || id.term < before.term) {
            return bad("entry " + std::to_string(raw.index) + " does not follow entry " +
                       std::to_string(before.index.value()));
        }
        if (raw.kind > static_cast<std::uint64_t>(EntryKind::conf_change)) {
            return fail(Errc::unsupported, "raft message: entry " + std::to_string(raw.index) +
                                               " is of an unknown kind: upgrade this server");
        }
        before = id;
        body.entries.push_back({id.term, id.index, static_cast<EntryKind>(raw.kind),
                                raw.data.empty() ? Payload{} : Payload{bytes, raw.data}});
    }
    return body;
}

Result<MessageBody> take(wire::Snapshot& in) {
    if (oversized(in.conf())) {
        return bad("the configuration has more than " + std::to_string(members_max) + " members");
    }
    Snapshot snapshot{{Index{in.index()}, Term{in.term()}, take(in.conf())}, nullptr};
    if (in.index() == 0 || in.index() > index_max) return bad("the snapshot's index is not valid");
    if (auto sound = validate(snapshot.meta.conf); !sound) return bad(sound.error().message);
    snapshot.data = std::make_shared<const std::string>(std::move(*in.mutable_data()));
    return MsgSnap{std::move(snapshot)};
}

MsgAppResp take(const wire::AppendResponse& in) {
    return {Index{in.index()}, in.has_hint() ? std::optional{take(in.hint())} : std::nullopt};
}

// The highest term that a message speaks of: no log is of a later term than its owner.
Term term_inside(const MessageBody& body) {
    return std::visit(Match{[](const MsgApp& one) {
                                return one.entries.empty() ? one.previous.term
                                                           : one.entries.back().term;
                            },
                            [](const MsgSnap& one) { return one.snapshot.meta.term; },
                            [](const MsgVote& one) { return one.last.term; },
                            [](const MsgPreVote& one) { return one.last.term; },
                            [](const auto&) { return Term{}; }},
                      body);
}

Result<MessageBody> take_body(wire::Message& in, const std::vector<RawEntry>& entries,
                              const SharedBytes& bytes) {
    switch (in.body_case()) {
        case wire::Message::kAppend:
            return take(in.append(), entries, bytes);
        case wire::Message::kAppendResponse:
            return take(in.append_response());
        case wire::Message::kVote:
            return MsgVote{take(in.vote().last()), in.vote().transfer()};
        case wire::Message::kVoteResponse:
            return MsgVoteResp{in.vote_response().granted(), take(in.vote_response().commit())};
        case wire::Message::kPreVote:
            return MsgPreVote{take(in.pre_vote().last())};
        case wire::Message::kPreVoteResponse:
            return MsgPreVoteResp{in.pre_vote_response().granted(),
                                  take(in.pre_vote_response().commit())};
        case wire::Message::kHeartbeat:
            return MsgHeartbeat{Index{in.heartbeat().commit()}, in.heartbeat().round()};
        case wire::Message::kHeartbeatResponse:
            return MsgHeartbeatResp{in.heartbeat_response().round()};
        case wire::Message::kSnapshot:
            return take(*in.mutable_snapshot());
        case wire::Message::kTimeoutNow:
            return MsgTimeoutNow{};
        case wire::Message::kTransferLeader:
            return MsgTransferLeader{RaftId{in.transfer_leader().target()}};
        case wire::Message::kReadIndex:
            return MsgReadIndex{in.read_index().context()};
        case wire::Message::kReadIndexResponse:
            return MsgReadIndexResp{Index{in.read_index_response().index()},
                                    in.read_index_response().context()};
        case wire::Message::BODY_NOT_SET:
            break;
    }
    return fail(Errc::unsupported, "raft message: of a kind that this release does not know");
}

}  // namespace

std::string encode(const Message& message) {
    wire::Message out;
    out.set_from(message.from.value());
    out.set_to(message.to.value());
    out.set_term(message.term.value());
    put_body(message.body, out);
    std::string bytes = out.SerializeAsString();
    if (const auto* append = std::get_if<MsgApp>(&message.body)) {
        append_entries(append->entries, bytes);
    }
    return bytes;
}

Result<Message> decode(std::string_view bytes) {
    return decode(std::make_shared<const std::string>(bytes));
}

Result<Message> decode(SharedBytes bytes) {
    constexpr std::size_t bytes_max = std::size_t{1} << 30;
    if (bytes->size() > bytes_max) return bad("longer than 1 GiB");
    SplitMessage parts;
    if (!split(*bytes, parts)) return bad("the bytes do not parse");
    wire::Message in;
    if (!in.ParseFromString(parts.appends ? parts.rest : *bytes)) {
        return bad("the bytes do not parse");
    }
    if (in.from() == 0 || in.to() == 0) return bad("sender or receiver is missing");
    auto body = take_body(in, parts.entries, bytes);
    if (!body) return tl::unexpected{body.error()};
    if (in.term() > term_max) return bad("the term is too high");
    if (term_inside(*body).value() > in.term()) {
        return bad("it speaks of term " + std::to_string(term_inside(*body).value()) +
                   ", which is later than its own term " + std::to_string(in.term()));
    }
    return Message{RaftId{in.from()}, RaftId{in.to()}, Term{in.term()}, std::move(*body)};
}

}  // namespace drover::raft
