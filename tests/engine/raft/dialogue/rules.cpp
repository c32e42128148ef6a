// The scripts for the parts: majorities, and the arithmetic of configurations.
#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "engine/raft/conf_change.hpp"
#include "engine/raft/quorum.hpp"
#include "tests/engine/raft/dialogue/describe.hpp"
#include "tests/engine/raft/dialogue/script.hpp"

namespace drover::raft::dialogue {
namespace {

std::set<RaftId> ids(const Block& block, const std::string& key) {
    std::set<RaftId> found;
    for (const std::uint64_t id : block.numbers(key)) {
        if (id != 0) found.insert(RaftId{id});
    }
    return found;
}

// Values are given for the voters of both sides in the order in which they are first named.
std::map<RaftId, std::string> values(const Block& block, const std::string& key) {
    std::vector<RaftId> order;
    for (const char* side : {"cfg", "cfgj"}) {
        for (const std::uint64_t id : block.numbers(side)) {
            if (id != 0 && std::find(order.begin(), order.end(), RaftId{id}) == order.end()) {
                order.push_back(RaftId{id});
            }
        }
    }
    std::map<RaftId, std::string> found;
    if (!block.has(key)) return found;
    const auto& given = block.options.at(key);
    for (std::size_t i = 0; i < order.size() && i < given.size(); ++i) found[order[i]] = given[i];
    return found;
}

std::string vote(const Block& block, const ConfState& conf) {
    Votes votes;
    for (const auto& [id, value] : values(block, "votes")) {
        if (value != "_") votes.emplace(id, value == "y");
    }
    switch (vote_result(conf, votes)) {
        case VoteResult::won:
            return "VoteWon";
        case VoteResult::lost:
            return "VoteLost";
        case VoteResult::pending:
            break;
    }
    return "VotePending";
}

// How far each voter is, as a bar: the more voters it is ahead of, the longer.
Lines drawn(const std::set<RaftId>& voters, const std::map<RaftId, std::string>& known) {
    struct Row {
        RaftId id;
        std::uint64_t index{};
        std::size_t bar{};
    };
    std::vector<Row> rows;
    for (const RaftId id : voters) {
        const auto found = known.find(id);
        rows.push_back({id, found == known.end() ? 0 : to_number(found->second), 0});
    }
    const std::string width(rows.size(), ' ');
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
        return std::pair{a.index, a.id} < std::pair{b.index, b.id};
    });
    for (std::size_t i = 1; i < rows.size(); ++i) {
        rows[i].bar = rows[i - 1].index < rows[i].index ? i : rows[i - 1].bar;
    }
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.id < b.id; });
    Lines lines{width + "    idx"};
    for (const auto& row : rows) {
        const auto found = known.find(row.id);
        const bool unknown = found == known.end() || found->second == "_";
        const std::string index = std::to_string(row.index);
        lines.push_back(
            (unknown ? "?" + width : std::string(row.bar, 'x') + ">" + width.substr(row.bar)) +
            " " + std::string(index.size() < 5 ? 5 - index.size() : 0, ' ') + index +
            "    (id=" + text(row.id) + ")");
    }
    return lines;
}

Lines committed(const Block& block, const ConfState& conf) {
    const auto known = values(block, "idx");
    const Index index = committed_index(conf, [&known](RaftId id) {
        const auto found = known.find(id);
        return Index{found == known.end() ? 0 : to_number(found->second)};
    });
    const std::string result =
        index == Index{std::numeric_limits<std::uint64_t>::max()} ? "\u221e" : text(index);
    std::set<RaftId> voters = conf.voters;
    voters.insert(conf.voters_outgoing.begin(), conf.voters_outgoing.end());
    if (voters.empty()) return {"<empty majority quorum>" + result};
    Lines lines = drawn(voters, known);
    lines.push_back(result);
    return lines;
}

Lines answer_quorum(const Block& block) {
    ConfState conf;
    conf.voters = ids(block, "cfg");
    conf.voters_outgoing = ids(block, "cfgj");
    std::set<RaftId> voters = conf.voters;
    voters.insert(conf.voters_outgoing.begin(), conf.voters_outgoing.end());
    const bool votes = block.command == "vote";
    if (!votes && block.command != "committed") return {"unknown command"};
    const std::string key = votes ? "votes" : "idx";
    const std::size_t given = block.has(key) ? block.options.at(key).size() : 0;
    if (given != voters.size()) {
        return {"error: " + std::to_string(given) + " values for " + std::to_string(voters.size()) +
                " voters"};
    }
    return votes ? Lines{vote(block, conf)} : committed(block, conf);
}

struct Members {
    ConfState conf;
    std::map<RaftId, std::uint64_t> next;

    void take(const ConfOutcome& outcome, std::uint64_t last) {
        conf = outcome.conf;
        std::erase_if(next, [&](const auto& one) {
            return !conf.contains(one.first) || outcome.joined.contains(one.first);
        });
        for (const RaftId id : outcome.joined) next[id] = std::max<std::uint64_t>(last, 1);
    }
    [[nodiscard]] Lines lines() const {
        Lines out{describe(conf)};
        for (const auto& [id, index] : next) {
            out.push_back(text(id) + ": StateProbe match=0 next=" + std::to_string(index) +
                          (conf.learners.contains(id) ? " learner" : ""));
        }
        return out;
    }
};

// The core refuses in its own words; the scripts have theirs.
std::string refusal(const Block& block, const ConfState& conf, const Error& error) {
    if (block.command == "leave-joint") return "can't leave a non-joint config";
    if (block.command == "enter-joint") {
        if (conf.joint()) return "config is already joint";
        if (conf.voters.empty()) return "can't make a zero-voter config joint";
    } else if (conf.joint()) {
        return "can't apply simple config change in joint config";
    }
    if (error.message.find("all voters") != std::string::npos) return "removed all voters";
    return "more than one voter changed without entering joint config";
}

Lines answer_confchange(const Block& block, Members& members, std::uint64_t last) {
    const auto changes = parse_change(block.input).changes;
    Result<ConfOutcome> outcome = fail(Errc::invalid_argument, "unknown command");
    if (block.command == "simple") {
        outcome = change_simple(members.conf, changes);
    } else if (block.command == "enter-joint") {
        outcome = enter_joint(members.conf, block.flag("autoleave"), changes);
    } else if (block.command == "leave-joint") {
        if (!changes.empty()) return {"this command takes no input"};
        outcome = leave_joint(members.conf);
    } else {
        return {"unknown command"};
    }
    if (!outcome) return {refusal(block, members.conf, outcome.error())};
    members.take(*outcome, last);
    return members.lines();
}

}  // namespace

std::vector<Lines> answers_quorum(const std::vector<Block>& script) {
    std::vector<Lines> answers;
    for (const auto& block : script) answers.push_back(answer_quorum(block));
    return answers;
}

std::vector<Lines> answers_confchange(const std::vector<Block>& script) {
    Members members;
    std::vector<Lines> answers;
    for (std::uint64_t i = 0; i < script.size(); ++i) {
        answers.push_back(answer_confchange(script[i], members, i));
    }
    return answers;
}

}  // namespace drover::raft::dialogue
