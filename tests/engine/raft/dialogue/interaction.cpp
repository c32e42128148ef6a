// The commands of etcd-io/raft's interaction scripts, and three of our own (restart, read-index and
// a few more settings of add-nodes): what each asks of the group, and what it answers.
#include <limits>

#include "tests/engine/raft/dialogue/describe.hpp"
#include "tests/engine/raft/dialogue/group.hpp"
#include "tests/engine/raft/dialogue/script.hpp"

namespace drover::raft::dialogue {
namespace {

constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t members_limit = 100;
constexpr std::uint64_t ticks_limit = 1000000;
constexpr const char* dropped = "raft proposal dropped";

Config config_of(const Block& block) {
    Config config;
    config.election_ticks = 3;
    config.campaign_ticks = 0;
    config.heartbeat_ticks = 1;
    config.snapshot_retry_ticks = 1U << 20;
    config.tick = std::chrono::milliseconds{10};
    config.pre_vote = block.flag("prevote");
    config.check_quorum = block.flag("checkquorum");
    config.step_down_on_removal = block.flag("step-down-on-removal");
    config.validate_conf_changes = !block.flag("disable-conf-change-validation");
    config.conf_change_needs_own_commit = false;
    config.learn_commit_from_refusals = false;
    config.lone_voter_waits = true;
    config.coalesce = false;
    config.write_commit_alone = true;
    config.explicit_writes = true;
    config.apply_before_durable = !block.flag("async-storage-writes");
    config.max_message_bytes = block.number("max-size-per-msg", unlimited);
    config.max_uncommitted_bytes = block.number("max-uncommitted-size", unlimited / 2);
    config.max_inflight_bytes = block.number("inflight-bytes");
    config.max_inflight_messages = block.number("inflight", unlimited / 2);
    config.max_applying_bytes = block.number("max-committed-size-per-ready", unlimited / 2);
    if (block.option("read-only") == "lease-based") config.read_only = ReadOnly::lease;
    if (!block.option("lease-drift").empty()) {
        config.lease_drift = config.tick * static_cast<std::int64_t>(block.number("lease-drift"));
    }
    return config;
}

std::optional<Snapshot> first_snapshot(const Block& block) {
    const Index index{block.number("index")};
    if (index == Index{}) return std::nullopt;
    SnapshotMeta meta{index, Term{1}, {}};
    for (const auto id : block.numbers("voters")) meta.conf.voters.insert(RaftId{id});
    for (const auto id : block.numbers("learners")) meta.conf.learners.insert(RaftId{id});
    return Snapshot{meta, std::make_shared<const std::string>(block.option("content"))};
}

}  // namespace

class Interaction {
public:
    [[nodiscard]] Lines run(const Block& block) {
        run_one(block);
        // A block may go on with further commands, one a line; only a change of members has a body.
        if (block.command != "propose-conf-change") {
            for (const auto& line : block.input) run_one(command_of(line));
        }
        Lines lines = out_.take();
        return lines.empty() ? Lines{"ok"} : lines;
    }

private:
    void run_one(const Block& block) {
        if (const auto error = perform(block)) out_.fail(*error);
    }

    // Why it failed, if it did.
    std::optional<std::string> perform(const Block& block) {
        const std::string& command = block.command;
        if (command == "log-level") return log_level(block.words.empty() ? "" : block.words[0]);
        if (command == "add-nodes") return add_nodes(block);
        if (command == "raft-state") return raft_state();
        if (command == "stabilize") return stabilize(block);
        if (command == "deliver-msgs") return deliver(block);
        if (command == "transfer-leadership") return transfer(block);
        if (command.starts_with("process-")) return process(block);
        Member* one = group_.find(block.word(0));
        if (one == nullptr) {
            return command + ": name a member, from 1 to " + std::to_string(group_.size());
        }
        if (command.starts_with("propose")) return propose(*one, block);
        if (command == "raft-log" || command == "status" || command == "compact") {
            return look(*one, block);
        }
        return act(*one, block);
    }

    std::optional<std::string> log_level(const std::string& name) {
        const auto level = log_level_of(name);
        if (!level) return "log levels must be either of [DEBUG INFO WARN ERROR FATAL NONE]";
        out_.level = *level;
        return std::nullopt;
    }

    std::optional<std::string> add_nodes(const Block& block) {
        const Config config = config_of(block);
        Config checked = config;
        checked.id = RaftId{1};
        if (const auto sound = validate(checked); !sound) return sound.error().message;
        const auto first = first_snapshot(block);
        const bool bootstraps = block.has("voters") || block.has("learners") || block.has("index");
        if (bootstraps && (!first || first->meta.index == Index{1})) {
            return "index must be specified as > 1 due to bootstrap";
        }
        if (auto sound = validate(Storage{first}.found()); !sound) return sound.error().message;
        const std::uint64_t wanted = block.word(0);
        if (wanted == 0 || wanted > members_limit - group_.size()) {
            return "add-nodes: say how many, and stay within " + std::to_string(members_limit);
        }
        for (std::uint64_t count = wanted; count > 0; --count) {
            group_.add(config, block.flag("async-storage-writes"), first);
        }
        return std::nullopt;
    }

    [[nodiscard]] std::vector<std::uint64_t> selected(const Block& block) const {
        std::vector<std::uint64_t> ids;
        for (const auto id : block.word_numbers()) {
            if (id >= 1 && id <= group_.size()) ids.push_back(id);
        }
        for (std::uint64_t id = 1; block.words.empty() && id <= group_.size(); ++id) {
            ids.push_back(id);
        }
        return ids;
    }

    std::optional<std::string> stabilize(const Block& block) {
        const LogLevel before = out_.level;
        if (block.has("log-level")) {
            if (auto error = log_level(block.option("log-level"))) return error;
        }
        const bool settled = group_.stabilize(selected(block));
        out_.level = before;
        return settled ? std::nullopt : std::optional<std::string>{"this does not settle"};
    }

    std::optional<std::string> deliver(const Block& block) {
        std::size_t count = 0;
        for (const auto id : block.word_numbers()) {
            count += group_.deliver(id, block.option("type"), false);
        }
        for (const auto id : block.numbers("drop")) {
            count += group_.deliver(id, block.option("type"), true);
        }
        if (count == 0) out_.say("no messages");
        return std::nullopt;
    }

    std::optional<std::string> transfer(const Block& block) {
        Member* from = group_.find(block.number("from"));
        if (from == nullptr) return "transfer-leadership: from= must name a member";
        group_.transfer_leadership(*from, RaftId{block.number("to")});
        return std::nullopt;
    }

    std::optional<std::string> process(const Block& block) {
        const auto ids = selected(block);
        const std::string& command = block.command;
        const bool ready = command == "process-ready";
        const bool append = command == "process-append-thread";
        if (!ready && !append && command != "process-apply-thread") return "unknown command";
        const auto run = [&](Member& one) {
            ready    ? group_.process_ready(one)
            : append ? group_.process_append(one)
                     : group_.process_apply(one);
        };
        for (const auto id : ids) {
            Member& one = *group_.find(id);
            if (ids.size() == 1) {
                run(one);
                continue;
            }
            out_.say("> " + std::to_string(id) +
                     (ready    ? " handling Ready"
                      : append ? " processing append thread"
                               : " processing apply thread"));
            out_.indented([&] { run(one); });
        }
        return std::nullopt;
    }

    std::optional<std::string> propose(Member& one, const Block& block) {
        if (block.command == "propose") {
            std::string data = block.words.size() > 1 ? block.words[1] : "";
            if (data == "\"\"") data.clear();
            if (!group_.propose(one, data)) return dropped;
            return std::nullopt;
        }
        if (block.command != "propose-conf-change") return "unknown command";
        ConfChange change = parse_change(block.input);
        const std::string transition = block.option("transition", "auto");
        if (transition == "implicit") {
            change.transition = Transition::joint_implicit;
        } else if (transition == "explicit") {
            change.transition = Transition::joint_explicit;
        } else if (transition != "auto") {
            return "unknown transition " + transition;
        }
        if (block.flag("v1")) {
            if (change.changes.size() != 1 || transition != "auto") {
                return "v1 conf change can only have one operation and no transition";
            }
            change.context = version_one;
        }
        if (!group_.propose_change(one, change)) return dropped;
        return std::nullopt;
    }

    std::optional<std::string> act(Member& one, const Block& block) {
        const std::string& command = block.command;
        if (command == "campaign") {
            group_.campaign(one);
        } else if (command == "tick-election") {
            group_.tick(one, one.raft.config().election_ticks);
        } else if (command == "tick-heartbeat") {
            group_.tick(one, one.raft.config().heartbeat_ticks);
        } else if (command == "forget-leader") {
            group_.forget_leader(one);
        } else if (command == "report-unreachable") {
            group_.report_unreachable(one, RaftId{block.word(1)});
        } else if (command == "set-randomized-election-timeout") {
            const auto ticks = std::min(block.number("timeout"), ticks_limit);
            one.raft.set_election_wait(one.raft.config().tick * static_cast<std::int64_t>(ticks));
        } else if (command == "send-snapshot") {
            group_.send_snapshot(one, RaftId{block.word(1)});
        } else if (command == "restart") {
            return restart(one, block);
        } else if (command == "read-index") {
            if (!group_.read_index(one, block.word(1))) return "raft read dropped";
        } else {
            return "unknown command";
        }
        return std::nullopt;
    }

    std::optional<std::string> restart(Member& one, const Block& block) {
        Damage damage;
        damage.torn = block.number("torn");
        if (!block.option("rotten").empty()) damage.rotten = Index{block.number("rotten")};
        damage.marked = block.flag("marked");
        const auto notes = group_.restart(one, damage);
        if (!notes) return notes.error().message;
        for (const auto& note : *notes) out_.say(note);
        return std::nullopt;
    }

    std::optional<std::string> look(Member& one, const Block& block) {
        if (block.command == "status") {
            if (one.raft.progress() == nullptr) return std::nullopt;
            for (const auto& [id, progress] : *one.raft.progress()) {
                out_.say(text(id) + ": " +
                         describe(progress, one.raft.conf().learners.contains(id)));
            }
            return std::nullopt;
        }
        if (block.command == "compact") {
            const Index through{block.word(1)};
            if (through <= one.storage.base().index) {
                return "requested index is unavailable due to compaction";
            }
            if (through > one.raft.applied_index() || through > one.raft.stable_index()) {
                return "entry " + text(through) + " is not applied yet";
            }
            one.raft.compact(through);
            one.storage.compact(through);
        }
        for (const auto& entry : one.storage.entries()) out_.say(describe(entry));
        if (one.storage.entries().empty()) {
            out_.say("log is empty: first index=" + text(next(one.storage.base().index)) +
                     ", last index=" + text(one.storage.base().index));
        }
        return std::nullopt;
    }

    std::optional<std::string> raft_state() {
        for (std::uint64_t id = 1; id <= group_.size(); ++id) {
            const Raft& raft = group_.find(id)->raft;
            out_.say(text(raft.id()) + ": " + role_name(raft.role()) +
                     (raft.conf().votes(raft.id()) ? " (Voter)" : " (Non-Voter)") + " Term:" +
                     text(raft.term()) + " Lead:" + text(raft.leader().value_or(RaftId{})));
        }
        return std::nullopt;
    }

    Output out_;
    Group group_{out_};
};

std::vector<Lines> answers_interaction(const std::vector<Block>& script) {
    Interaction interaction;
    std::vector<Lines> answers;
    for (const auto& block : script) answers.push_back(interaction.run(block));
    return answers;
}

}  // namespace drover::raft::dialogue
