// One member under the microscope: it is told literal messages, and what leaves it is looked at.
// Its disk completes writes only when asked to.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/ensure.hpp"
#include "engine/raft/invariants.hpp"
#include "engine/raft/raft.hpp"

namespace drover::raft {

inline SharedBytes text(std::string bytes) {
    return std::make_shared<const std::string>(std::move(bytes));
}

inline Entry entry(std::uint64_t term, std::uint64_t index, std::string bytes = "x") {
    return {Term{term}, Index{index}, EntryKind::normal, text(std::move(bytes))};
}

inline EntryId at(std::uint64_t term, std::uint64_t index) { return {Term{term}, Index{index}}; }

// Voters 1, 2 and 3 as of index 1, and `terms` as the terms of the entries from index 2 on.
inline DurableState durable(std::uint64_t term, const std::vector<std::uint64_t>& terms = {}) {
    DurableState state;
    state.hard = {Term{term}, std::nullopt, Index{1}};
    state.snapshot =
        SnapshotMeta{Index{1}, Term{1}, {{RaftId{1}, RaftId{2}, RaftId{3}}, {}, {}, {}, false}};
    state.base = at(1, 1);
    for (const std::uint64_t one : terms) {
        state.entries.push_back(entry(one, state.entries.size() + 2));
    }
    return state;
}

class Solo {
public:
    explicit Solo(DurableState state, Config config = {}, std::uint64_t id = 1)
        : raft{with_id(config, id), state, Instant{}, Prng{9}} {}

    // Tells, and looks at what leaves; nothing becomes durable by itself.
    void receive(std::uint64_t from, std::uint64_t term, MessageBody body) {
        raft.receive(now, {RaftId{from}, raft.id(), Term{term}, std::move(body)});
        drain();
    }
    void drain() {
        const Ready ready = raft.drain(now);
        if (ready.write) writes.push_back(*ready.write);
        sent.insert(sent.end(), ready.messages.begin(), ready.messages.end());
        committed.insert(committed.end(), ready.committed.begin(), ready.committed.end());
        reads.insert(reads.end(), ready.reads.begin(), ready.reads.end());
        if (ready.install) installed = ready.install;
        if (const auto broken = broken_invariant(raft)) broken_rule = broken;
    }
    void sync_one() {
        const WriteId write = writes.front().write;
        writes.pop_front();
        raft.write_completed(now, write);
        drain();
    }
    void sync() {
        drain();
        while (!writes.empty()) sync_one();
    }
    void apply() {
        for (const auto& one : committed) {
            if (one.kind == EntryKind::conf_change) {
                (void)raft.apply_conf_change(now, *decode_conf_change(one.payload()));
            }
            raft.applied(now, one.index);
        }
        committed.clear();
        drain();
    }
    void wait(Duration by) {
        now += by;
        raft.time_passed(now);
        drain();
    }
    void wait_for_election() { wait(raft.config().election_timeout() * 2); }
    // By the votes of everybody, with the opening entry durable here.
    void lead() {
        wait_for_election();
        sync();
        if (raft.role() == Role::pre_candidate) {
            receive(2, raft.term().value() + 1, MsgPreVoteResp{true, {}});
        }
        sync();
        receive(2, raft.term().value(), MsgVoteResp{true, {}});
        ENSURE(raft.leads());
        sync();
        sent.clear();
    }
    void acknowledge(std::uint64_t from) {
        receive(from, raft.term().value(), MsgAppResp{raft.last_index(), std::nullopt});
    }

    // What was sent of this kind since it was asked last.
    template <class Body>
    std::vector<Body> take(std::uint64_t to = 0) {
        std::vector<Body> found;
        std::erase_if(sent, [&](const Message& message) {
            const auto* body = std::get_if<Body>(&message.body);
            if (body == nullptr || (to != 0 && message.to != RaftId{to})) return false;
            found.push_back(*body);
            return true;
        });
        return found;
    }

    Raft raft;
    Instant now{};
    std::deque<WriteLog> writes;
    std::vector<Message> sent;
    std::vector<Entry> committed;
    std::vector<ReadState> reads;
    std::optional<Snapshot> installed;
    std::optional<std::string> broken_rule;

private:
    static Config with_id(Config config, std::uint64_t id) {
        config.id = RaftId{id};
        return config;
    }
};

}  // namespace drover::raft
