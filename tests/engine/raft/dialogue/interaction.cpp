// A group as etcd-io/raft's interaction scripts expect it: one bag of messages in order of sending,
// disks and state machines that work when told to, and time that passes for one member at a time.
#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "engine/raft/raft.hpp"
#include "tests/engine/raft/dialogue/describe.hpp"
#include "tests/engine/raft/dialogue/script.hpp"

namespace drover::raft::dialogue {
namespace {

using Lines = std::vector<std::string>;

// Something in the bag: a message, or the news that a disk or a state machine has done its work.
struct Envelope {
    RaftId to;
    std::string type;
    std::string line;
    std::optional<Message> message;    // to be received by `to`
    std::optional<WriteId> completed;  // the write whose last news this is
    std::optional<Index> applied;
};

struct Append {
    WriteLog write;
    std::string line;
    std::vector<Envelope> responses;
};

struct Node {
    Raft raft;
    bool async{};
    Instant now{};
    std::deque<Append> appends;
    std::deque<std::vector<Entry>> applies;
    std::vector<Message> sent_already;  // with a write; the core hands them out when it completes
};

class Interaction {
public:
    [[nodiscard]] Lines run(const Block& block) {
        Lines out;
        if (block.command == "add-nodes") {
            add_nodes(block);
        } else if (block.command == "stabilize") {
            stabilize(selected(block), out);
        } else if (block.command == "deliver-msgs") {
            deliver_messages(block, out);
        } else if (!run_each(block, out) && !run_one(block, out)) {
            out.push_back("unknown command");
        }
        return out;
    }

private:
    [[nodiscard]] Node& node(std::uint64_t id) { return nodes_.at(id - 1); }

    [[nodiscard]] std::vector<std::uint64_t> selected(const Block& block) const {
        auto ids = block.word_numbers();
        if (ids.empty()) {
            for (std::uint64_t id = 1; id <= nodes_.size(); ++id) ids.push_back(id);
        }
        return ids;
    }

    [[nodiscard]] static Config config_of(const Block& block, std::uint64_t id) {
        Config config;
        config.id = RaftId{id};
        config.election_ticks = 3;
        config.heartbeat_ticks = 1;
        config.snapshot_retry_ticks = 1U << 30;
        config.pre_vote = block.flag("prevote");
        config.check_quorum = block.flag("checkquorum");
        config.step_down_on_removal = block.flag("step-down-on-removal");
        config.validate_conf_changes = !block.flag("disable-conf-change-validation");
        config.conf_change_needs_own_commit = false;
        config.learn_commit_from_refusals = false;
        config.coalesce = false;
        config.write_commit_alone = true;
        config.explicit_writes = true;
        config.apply_before_durable = !block.flag("async-storage-writes");
        config.max_message_bytes = ~std::uint64_t{0};
        config.max_uncommitted_bytes = ~std::uint64_t{0} >> 1;
        config.max_inflight_bytes = 0;
        config.max_inflight_messages = block.number("inflight", 1U << 30);
        config.max_applying_bytes = block.number("max-committed-size-per-ready", 1U << 30);
        if (block.option("read-only") == "lease-based") config.read_only = ReadOnly::lease;
        return config;
    }

    void add_nodes(const Block& block) {
        DurableState state;
        const Index index{block.number("index")};
        if (index > Index{}) {
            state.base = {Term{1}, index};
            state.hard.commit = index;
            SnapshotMeta meta{index, Term{1}, {}};
            for (const auto id : block.numbers("voters")) meta.conf.voters.insert(RaftId{id});
            for (const auto id : block.numbers("learners")) meta.conf.learners.insert(RaftId{id});
            state.snapshot = meta;
        }
        for (std::uint64_t count = std::max<std::uint64_t>(block.word(0), 1); count > 0; --count) {
            const std::uint64_t id = nodes_.size() + 1;
            nodes_.push_back(Node{Raft{config_of(block, id), state, Instant{}, Prng{id}},
                                  block.flag("async-storage-writes"),
                                  Instant{},
                                  {},
                                  {},
                                  {}});
            if (state.snapshot) nodes_.back().raft.snapshot_saved({*state.snapshot, nullptr});
        }
    }

    // Commands that do the same to every member they name.
    bool run_each(const Block& block, Lines& out) {
        const std::string& command = block.command;
        for (const std::uint64_t id : selected(block)) {
            if (command == "process-ready") {
                process_ready(node(id), out);
            } else if (command == "process-append-thread") {
                if (!node(id).appends.empty()) process_append(node(id), out);
            } else if (command == "process-apply-thread") {
                if (!node(id).applies.empty()) process_apply(node(id), out);
            } else if (command == "tick-election") {
                tick(node(id), node(id).raft.config().election_ticks);
            } else if (command == "tick-heartbeat") {
                tick(node(id), node(id).raft.config().heartbeat_ticks);
            } else if (command == "raft-state") {
                out.push_back(state_of(node(id)));
            } else {
                return false;
            }
        }
        return true;
    }

    bool run_one(const Block& block, Lines& out) {
        if (block.command == "log-level") return true;
        if (block.command == "transfer-leadership") {
            Node& from = node(block.number("from"));
            (void)from.raft.transfer_leadership(from.now, RaftId{block.number("to")});
            return true;
        }
        if (block.word(0) == 0) return false;
        Node& one = node(block.word(0));
        if (block.command == "campaign") {
            one.raft.campaign(one.now);
        } else if (block.command == "compact") {
            one.raft.compact(Index{block.word(1)});
        } else if (block.command == "propose") {
            (void)one.raft.propose(one.now, std::make_shared<const std::string>(
                                                block.words.size() > 1 ? block.words[1] : ""));
        } else if (block.command == "propose-conf-change") {
            propose_change(one, block);
        } else if (block.command == "forget-leader") {
            one.raft.forget_leader();
        } else if (block.command == "report-unreachable") {
            one.raft.report_unreachable(RaftId{block.word(1)});
        } else if (block.command == "set-randomized-election-timeout") {
            one.raft.set_election_wait(one.raft.config().tick *
                                       static_cast<std::int64_t>(block.number("timeout")));
        } else if (block.command == "send-snapshot") {
            send_snapshot(one, RaftId{block.word(1)}, out);
        } else if (block.command == "raft-log") {
            log_of(one, out);
        } else if (block.command == "status") {
            status_of(one, out);
        } else {
            return false;
        }
        return true;
    }

    static void tick(Node& one, std::uint32_t count) {
        for (; count > 0; --count) {
            one.now += one.raft.config().tick;
            one.raft.time_passed(one.now);
        }
    }

    static void propose_change(Node& one, const Block& block) {
        ConfChange change = parse_change(block.input);
        if (block.flag("v1")) change.context = version_one;
        const std::string transition = block.option("transition", "auto");
        if (transition == "implicit") change.transition = Transition::joint_implicit;
        if (transition == "explicit") change.transition = Transition::joint_explicit;
        const auto proposed = one.raft.propose_conf_change(one.now, change);
        // There a change that does not fit becomes an entry without content.
        if (!proposed && proposed.error().code == Errc::conflict) {
            (void)one.raft.propose(one.now, nullptr);
        }
    }

    void send_snapshot(Node& from, RaftId to, Lines& out) {
        put(Message{from.raft.id(), to, from.raft.term(), MsgSnap{newest_.at(from.raft.id())}},
            out);
    }

    // ---- what is looked at

    [[nodiscard]] static std::string state_of(const Node& one) {
        const Raft& raft = one.raft;
        return std::to_string(raft.id().value()) + ": " + role_name(raft.role()) +
               (raft.conf().votes(raft.id()) ? " (Voter)" : " (Non-Voter)") +
               " Term:" + std::to_string(raft.term().value()) +
               " Lead:" + std::to_string(raft.leader() ? raft.leader()->value() : 0);
    }

    static void log_of(const Node& one, Lines& out) {
        const Log& log = one.raft.log();
        for (Index at = log.first_index(); at <= log.stable(); at = next(at)) {
            out.push_back(describe(log.at(at)));
        }
        if (!out.empty()) return;
        out.push_back("log is empty: first index=" + std::to_string(log.first_index().value()) +
                      ", last index=" + std::to_string(log.stable().value()));
    }

    static void status_of(const Node& one, Lines& out) {
        if (one.raft.progress() == nullptr) return;
        for (const auto& [id, progress] : *one.raft.progress()) {
            out.push_back(std::to_string(id.value()) + ": " +
                          describe(progress, one.raft.conf().learners.contains(id)));
        }
    }

    // ---- what moves

    void put(const Message& message, Lines& out) {
        out.push_back(describe(message));
        bag_.push_back({message.to, type_name(message.body), out.back(), message, {}, {}});
    }

    void process_ready(Node& one, Lines& out) {
        Ready ready = one.raft.drain(one.now);
        for (const auto& message : ready.messages) {
            const auto before =
                std::find(one.sent_already.begin(), one.sent_already.end(), message);
            if (before == one.sent_already.end()) {
                put(message, out);
            } else {
                one.sent_already.erase(before);
            }
        }
        if (one.async) {
            if (ready.write) hand_to_disk(one, ready, out);
            if (!ready.committed.empty()) hand_to_state_machine(one, ready, out);
            return;
        }
        for (const auto& message : ready.withheld) {
            if (message.to == one.raft.id()) continue;
            put(message, out);
            one.sent_already.push_back(message);
        }
        if (ready.write && ready.write->snapshot) saved(one, *ready.write->snapshot);
        apply(one, ready.committed);
        if (ready.write) one.raft.write_completed(one.now, ready.write->write);
        if (!ready.committed.empty()) one.raft.applied(one.now, ready.committed.back().index);
    }

    void hand_to_disk(Node& one, const Ready& ready, Lines& out) {
        const WriteLog& write = *ready.write;
        const std::string name = std::to_string(one.raft.id().value());
        const HardState hard = write.hard.value_or(HardState{});
        Append append{write,
                      name + "->AppendThread MsgStorageAppend Term:" +
                          std::to_string(hard.term.value()) + " Log:0/0",
                      {}};
        if (hard.commit != Index{}) append.line += " Commit:" + std::to_string(hard.commit.value());
        if (hard.vote) append.line += " Vote:" + std::to_string(hard.vote->value());
        append.line += describe_entries(write.entries);
        for (const auto& message : ready.withheld) {
            append.responses.push_back(
                {message.to,
                 type_name(message.body),
                 describe(message),
                 message.to == one.raft.id() ? std::nullopt : std::optional{message},
                 {},
                 {}});
        }
        const Log& log = one.raft.log();
        if (log.last_index() > log.stable() || write.snapshot) {
            const EntryId end = log.last_index() > log.stable() ? log.last() : EntryId{};
            append.responses.push_back({one.raft.id(),
                                        "MsgStorageAppendResp",
                                        "AppendThread->" + name + " MsgStorageAppendResp Term:" +
                                            std::to_string(one.raft.term().value()) +
                                            " Log:" + std::to_string(end.term.value()) + "/" +
                                            std::to_string(end.index.value()),
                                        {},
                                        {},
                                        {}});
        }
        out.push_back(append.line + (append.responses.empty() ? "" : " Responses:["));
        for (const auto& response : append.responses) out.push_back(response.line);
        one.appends.push_back(std::move(append));
    }

    void hand_to_state_machine(Node& one, const Ready& ready, Lines& out) {
        const std::string name = std::to_string(one.raft.id().value());
        out.push_back(apply_line(one, ready.committed) +
                      (ready.committed.size() > 1 ? "" : " Responses:["));
        out.push_back("ApplyThread->" + name + " MsgStorageApplyResp Term:0 Log:0/0" +
                      describe_entries(ready.committed));
        one.applies.push_back(ready.committed);
    }

    [[nodiscard]] static std::string apply_line(const Node& one,
                                                const std::vector<Entry>& entries) {
        return std::to_string(one.raft.id().value()) +
               "->ApplyThread MsgStorageApply Term:0 Log:0/0" + describe_entries(entries);
    }

    void process_append(Node& one, Lines& out) {
        Append append = std::move(one.appends.front());
        one.appends.pop_front();
        out.push_back(append.line);
        if (append.write.snapshot) saved(one, *append.write.snapshot);
        Envelope* last = nullptr;
        for (auto& response : append.responses) {
            out.push_back(response.line);
            if (response.to == one.raft.id()) last = &response;
            if (response.message) one.sent_already.push_back(*response.message);
        }
        if (last != nullptr) {
            last->completed = append.write.write;
        } else {
            one.raft.write_completed(one.now, append.write.write);
        }
        bag_.insert(bag_.end(), append.responses.begin(), append.responses.end());
    }

    void process_apply(Node& one, Lines& out) {
        const auto entries = std::move(one.applies.front());
        one.applies.pop_front();
        out.push_back(apply_line(one, entries));
        apply(one, entries);
        out.push_back("ApplyThread->" + std::to_string(one.raft.id().value()) +
                      " MsgStorageApplyResp Term:0 Log:0/0" + describe_entries(entries));
        bag_.push_back(
            {one.raft.id(), "MsgStorageApplyResp", out.back(), {}, {}, entries.back().index});
    }

    void apply(Node& one, const std::vector<Entry>& entries) {
        for (const auto& entry : entries) {
            if (entry.kind == EntryKind::conf_change) {
                const auto change = decode_conf_change(entry.payload());
                if (change) (void)one.raft.apply_conf_change(one.now, *change);
            }
            saved(one, {{entry.index, entry.term, one.raft.conf()}, nullptr});
        }
    }

    // Every applied entry leaves a snapshot behind, so that there always is one to send.
    void saved(Node& one, const Snapshot& snapshot) {
        one.raft.snapshot_saved(snapshot);
        newest_[one.raft.id()] = snapshot;
    }

    void deliver_messages(const Block& block, Lines& out) {
        const auto dropped = block.numbers("drop");
        for (const std::uint64_t id : block.word_numbers()) {
            deliver(id, block.option("type"), false, out);
        }
        for (const std::uint64_t id : dropped) deliver(id, block.option("type"), true, out);
    }

    // What is in the bag for this member now; false where there is nothing.
    bool deliver(std::uint64_t id, const std::string& type, bool drop, Lines& out) {
        std::deque<Envelope> mine;
        std::deque<Envelope> rest;
        for (auto& envelope : bag_) {
            const bool wanted =
                envelope.to == RaftId{id} && (type.empty() || envelope.type == type);
            (wanted ? mine : rest).push_back(std::move(envelope));
        }
        bag_ = std::move(rest);
        for (const auto& envelope : mine) {
            out.push_back(drop ? "dropped: " + envelope.line : envelope.line);
            if (!drop) open(node(id), envelope);
        }
        return !mine.empty();
    }

    static void open(Node& one, const Envelope& envelope) {
        if (envelope.message) one.raft.receive(one.now, *envelope.message);
        if (envelope.completed) one.raft.write_completed(one.now, *envelope.completed);
        if (envelope.applied) one.raft.applied(one.now, *envelope.applied);
    }

    // In a fixed order until nothing moves: the order is part of the scripts.
    void stabilize(const std::vector<std::uint64_t>& ids, Lines& out) {
        for (bool moved = true; moved;) {
            moved = false;
            for (const auto id : ids) {
                if (!node(id).raft.has_ready()) continue;
                process_ready(node(id), out);
                moved = true;
            }
            for (const auto id : ids) moved = deliver(id, {}, false, out) || moved;
            for (const auto id : ids) {
                for (; !node(id).appends.empty(); moved = true) process_append(node(id), out);
            }
            for (const auto id : ids) {
                for (; !node(id).applies.empty(); moved = true) process_apply(node(id), out);
            }
        }
    }

    std::vector<Node> nodes_;
    std::deque<Envelope> bag_;
    std::map<RaftId, Snapshot> newest_;
};

// "1->2 MsgApp ...", without what stands before it for the eye.
std::multiset<std::string> message_lines(const Lines& lines) {
    std::multiset<std::string> found;
    for (const auto& line : lines) {
        const auto begin = line.find_first_not_of(' ');
        if (begin == std::string::npos) continue;
        const auto first_end = line.find(' ', begin);
        const auto arrow = line.find("->", begin);
        if (arrow == std::string::npos || first_end == std::string::npos || arrow > first_end) {
            continue;
        }
        if (line.compare(first_end + 1, 3, "Msg") == 0) found.insert(line.substr(begin));
    }
    return found;
}

std::optional<std::string> difference(const Block& block, const Lines& ours, Level level) {
    // With its log switched off a script shows nothing.
    if (block.expected == Lines{"ok"}) return std::nullopt;
    const std::string where = "line " + std::to_string(block.line) + ": " + block.command + ": ";
    const bool is_state =
        block.command == "raft-log" || block.command == "raft-state" || block.command == "status";
    if (is_state) {
        if (ours == block.expected) return std::nullopt;
        for (std::size_t i = 0; i < std::max(ours.size(), block.expected.size()); ++i) {
            const std::string wanted = i < block.expected.size() ? block.expected[i] : "nothing";
            const std::string got = i < ours.size() ? ours[i] : "nothing";
            if (wanted != got) return where + "expected \"" + wanted + "\", got \"" + got + "\"";
        }
    }
    if (level < Level::messages) return std::nullopt;
    const auto wanted = message_lines(block.expected);
    const auto got = message_lines(ours);
    for (const auto& line : wanted) {
        if (got.count(line) < wanted.count(line)) return where + "missing: " + line;
    }
    for (const auto& line : got) {
        if (wanted.count(line) < got.count(line)) return where + "one too many: " + line;
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string> run_interaction(const std::vector<Block>& script, Level level) {
    Interaction interaction;
    for (const auto& block : script) {
        const Lines ours = interaction.run(block);
        if (ours == Lines{"unknown command"}) {
            return "line " + std::to_string(block.line) + ": unknown command " + block.command;
        }
        if (auto found = difference(block, ours, level)) return found;
    }
    return std::nullopt;
}

}  // namespace drover::raft::dialogue
