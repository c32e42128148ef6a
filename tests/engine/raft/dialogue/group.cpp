// See group.hpp.
#include "tests/engine/raft/dialogue/group.hpp"

#include <algorithm>

#include "tests/engine/raft/dialogue/describe.hpp"

namespace drover::raft::dialogue {
namespace {

constexpr const char* disk = "AppendThread";
constexpr const char* machine = "ApplyThread";

Envelope envelope_of(const Message& message, const std::string& indent = {}) {
    const bool local = message.from == message.to;
    Envelope envelope{message.to,
                      type_name(message.body),
                      describe(message, indent),
                      local,
                      message,
                      {},
                      {},
                      {},
                      {},
                      {}};
    return envelope;
}

std::string apply_request(RaftId id, const std::vector<Entry>& entries) {
    return text(id) + "->" + machine + " MsgStorageApply Term:0 Log:0/0" +
           describe_entries(entries);
}

std::string apply_response(RaftId id, const std::vector<Entry>& entries,
                           const std::string& indent = {}) {
    return std::string{machine} + "->" + text(id) + " MsgStorageApplyResp Term:0 Log:0/0" +
           describe_entries(entries, indent);
}

// A message with the answers that wait for it.
std::string with_responses(const std::string& request, const std::vector<std::string>& responses) {
    if (responses.empty()) return request;
    std::string all = request + " Responses:[";
    for (const auto& response : responses) all += "\n  " + response;
    return all + "\n]";
}

// Only what asks for something is stepped whoever sent it.
bool is_answer(const MessageBody& body) {
    return std::holds_alternative<MsgAppResp>(body) || std::holds_alternative<MsgVoteResp>(body) ||
           std::holds_alternative<MsgPreVoteResp>(body) ||
           std::holds_alternative<MsgHeartbeatResp>(body) ||
           std::holds_alternative<MsgReadIndexResp>(body);
}

}  // namespace

void Group::add(Config config, bool async, const std::optional<Snapshot>& first) {
    Storage storage{first};
    config.id = RaftId{members_.size() + 1};
    const DurableState found = storage.found();
    members_.push_back({Raft{config, found, Instant{}, Prng{config.id.value()}},
                        std::move(storage),
                        async,
                        {},
                        {},
                        {},
                        {},
                        {},
                        {},
                        found.hard});
    Member& one = members_.back();
    if (first) one.raft.snapshot_saved(*first);
    narrator_.created(one.raft);
}

Result<std::vector<std::string>> Group::restart(Member& one, const Damage& damage) {
    auto read = recovered(one.storage.found(), damage);
    if (!read) return tl::unexpected{read.error()};
    one.storage.repaired(read->state);
    restart_with(one, read->state);
    return std::move(read->notes);
}

void Group::restart_with(Member& one, const DurableState& found) {
    one.raft = Raft{one.raft.config(), found, one.now, Prng{one.id().value() + 100}};
    if (one.storage.newest().meta.index > Index{}) one.raft.snapshot_saved(one.storage.newest());
    one.shown = found.hard;
    narrator_.created(one.raft);
    one.appends.clear();
    one.applies.clear();
    one.writes.clear();
    one.done.clear();
    one.outbox.clear();
    std::erase_if(
        bag_, [&](const Envelope& envelope) { return envelope.local && envelope.to == one.id(); });
}

// ---- what happens to one member

void Group::tick(Member& one, std::uint32_t count) {
    for (; count > 0; --count) {
        const Raft before = one.raft;
        one.now += one.raft.config().tick;
        one.raft.time_passed(one.now);
        narrator_.ticked(before, one.raft);
    }
}

void Group::campaign(Member& one) {
    narrator_.campaigned(one.raft, one.raft.config().pre_vote);
    one.raft.campaign(one.now);
}

void Group::forget_leader(Member& one) {
    narrator_.told_to_forget(one.raft);
    one.raft.forget_leader();
}

void Group::transfer_leadership(Member& one, RaftId to) {
    narrator_.told_to_transfer(one.raft, to);
    (void)one.raft.transfer_leadership(one.now, to);
}

void Group::report_unreachable(Member& one, RaftId peer) {
    one.raft.report_unreachable(peer);
    narrator_.told_unreachable(one.raft, peer);
}

bool Group::propose(Member& one, std::string data) {
    const Entry entry{{}, {}, EntryKind::normal, std::make_shared<const std::string>(data)};
    return propose_to(one, {describe_entries({entry}), EntryKind::normal, std::move(data), {}});
}

bool Group::propose_change(Member& one, const ConfChange& change) {
    const Entry entry{
        {}, {}, EntryKind::conf_change, std::make_shared<const std::string>(encode(change))};
    return propose_to(one, {describe_entries({entry}), EntryKind::conf_change, {}, change});
}

bool Group::propose_to(Member& one, Forwarded proposal) {
    Raft& raft = one.raft;
    if (raft.role() == Role::follower && raft.leader()) {
        const RaftId leader = *raft.leader();
        one.outbox.push_back(
            {leader,
             "MsgProp",
             text(raft.id()) + "->" + text(leader) + " MsgProp Term:0 Log:0/0" + proposal.line,
             false,
             {},
             {},
             {},
             std::move(proposal),
             {},
             {}});
        return true;
    }
    const Raft before = raft;
    const bool changes = proposal.kind == EntryKind::conf_change;
    if (changes) {
        const auto done = raft.propose_conf_change(one.now, proposal.change);
        if (done) return true;
        // A change that does not fit leaves an empty entry in its place.
        if (done.error().code == Errc::conflict) {
            narrator_.refused_change(before, proposal.change);
            return raft.propose(one.now, nullptr).has_value();
        }
    } else if (raft.propose(one.now, std::make_shared<const std::string>(proposal.data))) {
        return true;
    }
    narrator_.dropped_proposal(before);
    return false;
}

bool Group::read_index(Member& one, std::uint64_t context) {
    return one.raft.read_index(one.now, context).has_value();
}

void Group::send_snapshot(Member& one, RaftId to) {
    const Message message{one.id(), to, one.raft.term(), MsgSnap{one.storage.newest()}};
    bag_.push_back(envelope_of(message));
    out_.say(bag_.back().text);
}

// ---- what leaves it, and what comes of that

void Group::process_ready(Member& one) {
    const Ready ready = one.raft.drain(one.now);
    std::vector<Envelope> sent = std::exchange(one.outbox, {});
    for (const auto& message : ready.messages) sent.push_back(envelope_of(message));
    for (const auto& message : ready.withheld) {
        // Without a disk of its own pace everything leaves at once, and what goes to itself is told
        // by the write.
        if (!one.async && message.to != one.id()) sent.push_back(envelope_of(message));
    }
    std::vector<std::string> shown;
    for (const auto& envelope : sent) shown.push_back(envelope.text);
    bag_.insert(bag_.end(), sent.begin(), sent.end());
    if (one.async) hand_over(one, ready, shown);
    out_.say(describe(ready, one.shown, shown));
    if (ready.write && ready.write->hard) one.shown = *ready.write->hard;
    if (!one.async) write_sync(one, ready);
}

// To the disk and to the state machine, which answer when a script lets them.
void Group::hand_over(Member& one, const Ready& ready, std::vector<std::string>& shown) {
    if (ready.write) {
        Append append = append_of(one, ready);
        std::vector<std::string> responses;
        for (const auto& response : append.responses) {
            // Written anew, for entries over several lines stand deeper here.
            responses.push_back(response.message ? describe(*response.message, "  ")
                                                 : response.text);
        }
        shown.push_back(with_responses(append.text, responses));
        one.writes.push_back(ready.write->write);
        one.appends.push_back(std::move(append));
    }
    if (ready.committed.empty()) return;
    shown.push_back(with_responses(apply_request(one.id(), ready.committed),
                                   {apply_response(one.id(), ready.committed, "  ")}));
    one.applies.push_back(ready.committed);
}

void Group::write_sync(Member& one, const Ready& ready) {
    if (ready.write) one.storage.perform(*ready.write);
    if (ready.write && ready.write->snapshot) one.raft.snapshot_saved(*ready.write->snapshot);
    apply(one, ready.committed);
    if (ready.write) {
        const Raft before = one.raft;
        one.raft.write_completed(one.now, ready.write->write);
        for (const auto& message : ready.withheld) {
            if (message.to == one.id()) narrator_.received(before, message, one.raft);
        }
    }
    if (!ready.committed.empty()) applied(one, ready.committed.back().index);
}

void Group::applied(Member& one, Index index) {
    const Raft before = one.raft;
    one.raft.applied(one.now, index);
    narrator_.applied(before, one.raft);
}

// What is asked of the disk, and what it will answer.
Append Group::append_of(const Member& one, const Ready& ready) {
    const WriteLog& write = *ready.write;
    const HardState hard = write.hard.value_or(HardState{});
    Append append{
        write,
        text(one.id()) + "->" + disk + " MsgStorageAppend Term:" + text(hard.term) + " Log:0/0",
        {}};
    if (hard.commit != Index{}) append.text += " Commit:" + text(hard.commit);
    if (hard.vote) append.text += " Vote:" + text(*hard.vote);
    append.text += describe_entries(write.entries);
    if (write.snapshot) append.text += "\n  Snapshot: " + describe(write.snapshot->meta);
    for (const auto& message : ready.withheld) append.responses.push_back(envelope_of(message));
    const Log& log = one.raft.log();
    if (log.last_index() > log.stable() || write.snapshot) {
        const EntryId end = log.last_index() > log.stable() ? log.last() : EntryId{};
        append.responses.push_back({one.id(),
                                    "MsgStorageAppendResp",
                                    std::string{disk} + "->" + text(one.id()) +
                                        " MsgStorageAppendResp Term:" + text(one.raft.term()) +
                                        " Log:" + text(end),
                                    true,
                                    {},
                                    {},
                                    {},
                                    {},
                                    end,
                                    one.raft.term()});
    }
    return append;
}

void Group::process_append(Member& one) {
    if (one.appends.empty()) return out_.say("no append work to perform");
    Append append = std::move(one.appends.front());
    one.appends.pop_front();
    out_.say("Processing:");
    out_.say(append.text);
    one.storage.perform(append.write);
    if (append.write.snapshot) one.raft.snapshot_saved(*append.write.snapshot);
    out_.say("Responses:");
    Envelope* last = nullptr;
    for (auto& response : append.responses) {
        out_.say(response.text);
        if (response.local) last = &response;
    }
    if (last != nullptr) {
        last->completed = append.write.write;
    } else {
        complete(one, append.write.write);
    }
    bag_.insert(bag_.end(), append.responses.begin(), append.responses.end());
}

// The core is told in the order of the writes, whichever news of them is opened first.
void Group::complete(Member& one, WriteId write) {
    one.done.insert(write);
    while (!one.writes.empty() && one.done.erase(one.writes.front()) > 0) {
        const WriteId next = one.writes.front();
        one.writes.pop_front();
        one.raft.write_completed(one.now, next);
    }
}

void Group::process_apply(Member& one) {
    if (one.applies.empty()) return out_.say("no apply work to perform");
    const auto entries = std::move(one.applies.front());
    one.applies.pop_front();
    out_.say("Processing:");
    out_.say(apply_request(one.id(), entries));
    apply(one, entries);
    out_.say("Responses:");
    const std::string response = apply_response(one.id(), entries);
    out_.say(response);
    bag_.push_back({one.id(),
                    "MsgStorageApplyResp",
                    response,
                    true,
                    {},
                    {},
                    entries.back().index,
                    {},
                    {},
                    {}});
}

void Group::apply(Member& one, const std::vector<Entry>& entries) {
    for (const auto& entry : entries) {
        std::string update{entry.payload()};
        if (entry.kind == EntryKind::conf_change) {
            const auto change = decode_conf_change(entry.payload());
            const Raft before = one.raft;
            if (change && one.raft.apply_conf_change(one.now, *change)) {
                narrator_.switched(before, one.raft);
            }
            update.clear();
        }
        one.storage.apply(entry, update, one.raft.conf());
        one.raft.snapshot_saved(one.storage.newest());
    }
}

bool Group::waits(std::uint64_t to) const {
    return std::any_of(bag_.begin(), bag_.end(),
                       [to](const Envelope& envelope) { return envelope.to == RaftId{to}; });
}

std::size_t Group::deliver(std::uint64_t to, const std::string& type, bool drop) {
    std::deque<Envelope> mine;
    std::deque<Envelope> rest;
    for (auto& envelope : bag_) {
        const bool wanted = envelope.to == RaftId{to} && (type.empty() || envelope.type == type) &&
                            !(drop && envelope.local);
        (wanted ? mine : rest).push_back(std::move(envelope));
    }
    bag_ = std::move(rest);
    for (const auto& envelope : mine) {
        out_.say(drop ? "dropped: " + envelope.text : envelope.text);
        Member* one = find(to);
        if (!drop && one != nullptr) open(*one, envelope);
    }
    return mine.size();
}

void Group::open(Member& one, const Envelope& envelope) {
    const Raft before = one.raft;
    if (envelope.message && !envelope.local) {
        if (is_answer(envelope.message->body) && !before.conf().contains(envelope.message->from)) {
            return out_.say("raft: cannot step as peer not found");
        }
        one.raft.receive(one.now, *envelope.message);
    }
    if (envelope.completed) complete(one, *envelope.completed);
    if (envelope.message) narrator_.received(before, *envelope.message, one.raft);
    if (envelope.wrote) narrator_.wrote(before, envelope.term, *envelope.wrote);
    if (envelope.applied) applied(one, *envelope.applied);
    if (envelope.proposal && !propose_to(one, *envelope.proposal)) {
        out_.say("raft proposal dropped");
    }
}

bool Group::stabilize(const std::vector<std::uint64_t>& ids) {
    constexpr int rounds_max = 1000;
    const auto say = [this](std::uint64_t id, const char* what) {
        out_.say("> " + std::to_string(id) + " " + what);
    };
    for (int round = 0; round < rounds_max; ++round) {
        bool moved = false;
        for (const auto id : ids) {
            if (!has_ready(*find(id))) continue;
            moved = true;
            say(id, "handling Ready");
            out_.indented([&] { process_ready(*find(id)); });
        }
        for (const auto id : ids) {
            if (!waits(id)) continue;
            moved = true;
            say(id, "receiving messages");
            out_.indented([&] { deliver(id, {}, false); });
        }
        for (const auto id : ids) {
            if (find(id)->appends.empty()) continue;
            moved = true;
            say(id, "processing append thread");
            out_.indented([&] {
                while (!find(id)->appends.empty()) process_append(*find(id));
            });
        }
        for (const auto id : ids) {
            if (find(id)->applies.empty()) continue;
            moved = true;
            say(id, "processing apply thread");
            out_.indented([&] {
                while (!find(id)->applies.empty()) process_apply(*find(id));
            });
        }
        if (!moved) return true;
    }
    return false;
}

}  // namespace drover::raft::dialogue
