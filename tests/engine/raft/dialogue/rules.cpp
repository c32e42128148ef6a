// The scripts for the parts: majorities, and the arithmetic of configurations.
#include <algorithm>
#include <map>
#include <set>

#include "engine/raft/conf_change.hpp"
#include "engine/raft/quorum.hpp"
#include "tests/engine/raft/dialogue/describe.hpp"
#include "tests/engine/raft/dialogue/script.hpp"

namespace drover::raft::dialogue {
namespace {

std::string at(const Block& block, const std::string& ours) {
    const std::string wanted = block.expected.empty() ? "" : block.expected.back();
    return "line " + std::to_string(block.line) + ": " + block.command + ": expected \"" + wanted +
           "\", got \"" + ours + "\"";
}

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

std::string committed(const Block& block, const ConfState& conf) {
    const auto known = values(block, "idx");
    const Index index = committed_index(conf, [&known](RaftId id) {
        const auto found = known.find(id);
        return Index{found == known.end() ? 0 : to_number(found->second)};
    });
    return index == Index{~std::uint64_t{0}} ? "∞" : std::to_string(index.value());
}

std::string list(const std::set<RaftId>& members) {
    std::string out;
    for (const RaftId id : members) out += (out.empty() ? "" : " ") + std::to_string(id.value());
    return "(" + out + ")";
}

std::vector<ConfChangeSingle> changes(const Block& block) {
    return parse_change(block.input).changes;
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
    [[nodiscard]] std::vector<std::string> lines() const {
        std::string head = "voters=" + list(conf.voters);
        if (conf.joint()) head += "&&" + list(conf.voters_outgoing);
        if (!conf.learners.empty()) head += " learners=" + list(conf.learners);
        if (!conf.learners_next.empty()) head += " learners_next=" + list(conf.learners_next);
        if (conf.auto_leave) head += " autoleave";
        std::vector<std::string> out{head};
        for (const auto& [id, index] : next) {
            out.push_back(std::to_string(id.value()) + ": StateProbe match=0 next=" +
                          std::to_string(index) + (conf.learners.contains(id) ? " learner" : ""));
        }
        return out;
    }
};

Result<ConfOutcome> outcome_of(const Block& block, const ConfState& conf) {
    if (block.command == "simple") return change_simple(conf, changes(block));
    if (block.command == "leave-joint") return leave_joint(conf);
    return enter_joint(conf, block.flag("autoleave"), changes(block));
}

}  // namespace

std::optional<std::string> run_quorum(const std::vector<Block>& script) {
    for (const auto& block : script) {
        ConfState conf;
        conf.voters = ids(block, "cfg");
        conf.voters_outgoing = ids(block, "cfgj");
        const std::string ours =
            block.command == "vote" ? vote(block, conf) : committed(block, conf);
        if (block.expected.empty() || !block.expected.back().ends_with(ours)) {
            return at(block, ours);
        }
    }
    return std::nullopt;
}

std::optional<std::string> run_confchange(const std::vector<Block>& script) {
    Members members;
    std::uint64_t last = 0;
    for (const auto& block : script) {
        const auto outcome = outcome_of(block, members.conf);
        if (outcome) members.take(*outcome, last);
        ++last;
        // Errors are compared as such: the words are ours.
        const bool expects_error =
            !block.expected.empty() && !block.expected.front().starts_with("voters=");
        if (expects_error != !outcome) {
            return at(block, outcome ? members.lines().front() : outcome.error().message);
        }
        if (outcome && members.lines() != block.expected) return at(block, members.lines().back());
    }
    return std::nullopt;
}

}  // namespace drover::raft::dialogue
