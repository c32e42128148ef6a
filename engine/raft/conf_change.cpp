// See conf_change.hpp.
#include "engine/raft/conf_change.hpp"

#include <utility>

namespace drover::raft {
namespace {

// format (1 byte), transition (1 byte), count (4 bytes), then kind (1 byte) and id (8 bytes) for
// each, then the context. Numbers are little endian.
constexpr char format = 1;
constexpr std::size_t header_size = 6;
constexpr std::size_t single_size = 9;

void put(std::string& out, std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

std::uint64_t take(std::string_view bytes, std::size_t at, std::size_t count) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        value |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
    }
    return value;
}

std::string name(RaftId id) { return "server " + std::to_string(id.value()); }

void remove_member(ConfOutcome& outcome, RaftId id) {
    outcome.conf.voters.erase(id);
    outcome.conf.learners.erase(id);
    outcome.conf.learners_next.erase(id);
    if (!outcome.conf.voters_outgoing.contains(id)) outcome.joined.erase(id);
}

void make_voter(ConfOutcome& outcome, RaftId id) {
    if (!outcome.conf.contains(id)) outcome.joined.insert(id);
    outcome.conf.learners.erase(id);
    outcome.conf.learners_next.erase(id);
    outcome.conf.voters.insert(id);
}

// A voter of the outgoing configuration cannot be a learner at the same time: it becomes one when
// the joint configuration is left.
void make_learner(ConfOutcome& outcome, RaftId id) {
    if (outcome.conf.learners.contains(id)) return;
    const bool joins = !outcome.conf.contains(id);
    outcome.conf.voters.erase(id);
    outcome.conf.learners_next.erase(id);
    if (outcome.conf.voters_outgoing.contains(id)) {
        outcome.conf.learners_next.insert(id);
    } else {
        outcome.conf.learners.insert(id);
    }
    if (joins) outcome.joined.insert(id);
}

Result<void> apply_all(ConfOutcome& outcome, const std::vector<ConfChangeSingle>& changes) {
    for (const auto& change : changes) {
        if (change.id == RaftId{}) continue;  // taken out by the user after it was proposed
        switch (change.kind) {
            case ConfChangeKind::add_voter:
                make_voter(outcome, change.id);
                break;
            case ConfChangeKind::add_learner:
                make_learner(outcome, change.id);
                break;
            case ConfChangeKind::remove:
                remove_member(outcome, change.id);
                break;
            case ConfChangeKind::update:
                break;
        }
    }
    if (outcome.conf.voters.empty()) {
        return fail(Errc::conflict, "the change would remove all voters: keep at least one");
    }
    return {};
}

std::size_t symmetric_difference(const std::set<RaftId>& a, const std::set<RaftId>& b) {
    std::size_t count = 0;
    for (const RaftId id : a) count += b.contains(id) ? 0U : 1U;
    for (const RaftId id : b) count += a.contains(id) ? 0U : 1U;
    return count;
}

}  // namespace

std::string encode(const ConfChange& change) {
    if (change == ConfChange{}) return {};
    std::string out{format, static_cast<char>(change.transition)};
    put(out, change.changes.size(), 4);
    for (const auto& single : change.changes) {
        out.push_back(static_cast<char>(single.kind));
        put(out, single.id.value(), 8);
    }
    return out + change.context;
}

Result<ConfChange> decode_conf_change(std::string_view bytes) {
    ConfChange change;
    if (bytes.empty()) return change;
    if (bytes.size() < header_size || bytes[0] != format || bytes[1] < 0 || bytes[1] > 2) {
        return fail(Errc::corrupt, "configuration change: unknown format or transition");
    }
    change.transition = static_cast<Transition>(bytes[1]);
    const std::uint64_t count = take(bytes, 2, 4);
    if (count > (bytes.size() - header_size) / single_size) {
        return fail(Errc::corrupt, "configuration change: shorter than its count of " +
                                       std::to_string(count) + " says");
    }
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::size_t at = header_size + i * single_size;
        if (bytes[at] < 0 || bytes[at] > 3) {
            return fail(Errc::corrupt, "configuration change: unknown kind");
        }
        change.changes.push_back(
            {static_cast<ConfChangeKind>(bytes[at]), RaftId{take(bytes, at + 1, 8)}});
    }
    change.context = bytes.substr(header_size + count * single_size);
    return change;
}

Result<ConfOutcome> change_simple(const ConfState& conf,
                                  const std::vector<ConfChangeSingle>& changes) {
    if (conf.joint()) {
        return fail(Errc::conflict, "a simple change cannot be made in a joint configuration");
    }
    ConfOutcome outcome{conf, {}};
    if (auto done = apply_all(outcome, changes); !done) return tl::unexpected{done.error()};
    if (symmetric_difference(conf.voters, outcome.conf.voters) > 1) {
        return fail(Errc::conflict,
                    "more than one voter would change without a joint configuration");
    }
    return outcome;
}

Result<ConfOutcome> enter_joint(const ConfState& conf, bool auto_leave,
                                const std::vector<ConfChangeSingle>& changes) {
    if (conf.joint()) return fail(Errc::conflict, "the configuration is joint already");
    if (conf.voters.empty()) {
        return fail(Errc::conflict, "a configuration without voters cannot become joint");
    }
    ConfOutcome outcome{conf, {}};
    outcome.conf.voters_outgoing = conf.voters;
    if (auto done = apply_all(outcome, changes); !done) return tl::unexpected{done.error()};
    outcome.conf.auto_leave = auto_leave;
    return outcome;
}

Result<ConfOutcome> leave_joint(const ConfState& conf) {
    if (!conf.joint()) return fail(Errc::conflict, "the configuration is not joint");
    ConfOutcome outcome{conf, {}};
    outcome.conf.learners.merge(outcome.conf.learners_next);
    outcome.conf.learners_next.clear();
    outcome.conf.voters_outgoing.clear();
    outcome.conf.auto_leave = false;
    return outcome;
}

Result<ConfOutcome> changed(const ConfState& conf, const ConfChange& change) {
    if (conf == ConfState{} && !change.changes.empty()) {
        ConfOutcome outcome;
        if (auto done = apply_all(outcome, change.changes); !done) {
            return tl::unexpected{done.error()};
        }
        return outcome;
    }
    if (change.leaves_joint()) return leave_joint(conf);
    if (change.enters_joint()) return enter_joint(conf, change.leaves_by_itself(), change.changes);
    return change_simple(conf, change.changes);
}

std::vector<std::uint64_t> departed(const ConfState& before, const ConfState& after) {
    std::vector<std::uint64_t> gone;
    for (const RaftId id : before.members()) {
        if (!after.contains(id)) gone.push_back(id.value());
    }
    return gone;
}

Result<void> validate(const ConfState& conf) {
    for (const RaftId id : conf.learners) {
        if (conf.votes(id)) {
            return fail(Errc::corrupt, name(id) + " is a learner and a voter at once");
        }
    }
    for (const RaftId id : conf.learners_next) {
        if (!conf.voters_outgoing.contains(id)) {
            return fail(Errc::corrupt, name(id) + " is to become a learner but does not vote");
        }
    }
    if (conf.auto_leave && !conf.joint()) {
        return fail(Errc::corrupt, "a configuration that is not joint cannot be left");
    }
    if (conf.votes(RaftId{}) || conf.learners.contains(RaftId{})) {
        return fail(Errc::corrupt, "a member has the id 0");
    }
    return {};
}

}  // namespace drover::raft
