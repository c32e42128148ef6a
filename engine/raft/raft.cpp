// See raft.hpp. How a member comes to be, the roles it takes, and how it puts messages on their
// way.
#include "engine/raft/raft.hpp"

#include <utility>

#include "engine/base/ensure.hpp"
#include "engine/base/match.hpp"
#include "engine/raft/limits.hpp"

namespace drover::raft {

Result<void> validate(const Config& config) {
    const auto refuse = [](const std::string& what) {
        return fail(Errc::invalid_argument, "raft configuration: " + what);
    };
    if (config.id == RaftId{}) return refuse("id must not be 0");
    if (config.tick <= Duration::zero()) return refuse("tick must be positive");
    if (config.heartbeat_ticks == 0) return refuse("heartbeat_ticks must be at least 1");
    if (config.election_ticks <= config.heartbeat_ticks) {
        return refuse("election_ticks must be greater than heartbeat_ticks");
    }
    if (config.tick > election_timeout_max / config.election_ticks) {
        return refuse("tick times election_ticks must be at most a day");
    }
    if (config.tick > election_timeout_max / std::max(config.snapshot_retry_ticks, 1U)) {
        return refuse("tick times snapshot_retry_ticks must be at most a day");
    }
    if (config.max_inflight_messages == 0)
        return refuse("max_inflight_messages must be at least 1");
    if (config.read_only == ReadOnly::lease && !config.check_quorum) {
        return refuse("lease reads need check_quorum");
    }
    if (config.lease_drift && (*config.lease_drift < Duration::zero() ||
                               *config.lease_drift >= config.election_timeout())) {
        return refuse("lease_drift must be less than the election timeout");
    }
    return {};
}

Result<void> validate(const DurableState& durable) {
    const auto refuse = [](const std::string& what) {
        return fail(Errc::corrupt,
                    "raft state on disk: " + what +
                        "; restore this server's data directory, or empty it and let "
                        "the server join anew");
    };
    const Index snapshot = durable.snapshot ? durable.snapshot->index : Index{};
    Index last = durable.base.index;
    Term term = durable.base.term;
    for (const auto& entry : durable.entries) {
        if (entry.index != next(last)) {
            return refuse("entry " + std::to_string(next(last).value()) + " is missing");
        }
        if (entry.term < term) {
            return refuse("the term falls at entry " + std::to_string(entry.index.value()));
        }
        last = entry.index;
        term = entry.term;
    }
    // A term is recorded no later than the first entry of it.
    const bool starts_from_snapshot = durable.hard.term == Term{} && durable.entries.empty();
    if (term > durable.hard.term && !starts_from_snapshot) {
        return refuse("the log ends in term " + std::to_string(term.value()) + ", but only term " +
                      std::to_string(durable.hard.term.value()) + " was recorded");
    }
    const Term newest =
        std::max({term, durable.hard.term, durable.snapshot ? durable.snapshot->term : Term{}});
    if (std::max({last, snapshot, durable.hard.commit}).value() > index_max ||
        newest.value() > term_max) {
        return refuse("an index or a term is higher than any that a group reaches");
    }
    if (snapshot < durable.base.index) {
        return refuse("the log begins after entry " + std::to_string(durable.base.index.value()) +
                      ", but the newest snapshot ends with entry " +
                      std::to_string(snapshot.value()));
    }
    if (durable.hard.commit > std::max(last, snapshot)) {
        return refuse("entry " + std::to_string(durable.hard.commit.value()) +
                      " was committed, but the log ends with entry " +
                      std::to_string(last.value()));
    }
    if (durable.snapshot) return validate(durable.snapshot->conf);
    return {};
}

Raft::Raft(Config config, const DurableState& durable, Instant now, Prng prng)
    : config_{config},
      prng_{prng},
      log_{durable},
      term_{durable.hard.term},
      vote_{durable.hard.vote},
      started_{now},
      now_{now},
      last_contact_{now},
      handed_hard_{durable.hard} {
    ENSURE(validate(config).has_value() && validate(durable).has_value());
    if (durable.snapshot) conf_ = durable.snapshot->conf;
    // A snapshot file that is ahead of the log may be of a term that our own record never saw. A
    // member that was given its first snapshot has voted in no term, so it may stand in that one.
    const bool behind = log_.has_unwritten();
    const Term last = log_.last().term;
    const Term least = behind || last == Term{} ? last : previous(last);
    reset(now, std::max(term_, least));
}

Result<void> Raft::bootstrap(Instant now, const std::set<RaftId>& voters) {
    if (term_ != Term{} || log_.last_index() != Index{} || conf_ != ConfState{}) {
        return fail(Errc::conflict, "this server already belongs to a group");
    }
    if (voters.empty() || voters.contains(RaftId{})) {
        return fail(Errc::invalid_argument, "the first voters must be given, and have ids");
    }
    ConfChange change;
    for (const RaftId id : voters) change.changes.push_back({ConfChangeKind::add_voter, id});
    reset(now, Term{1});
    log_.append({term_, Index{1}, EntryKind::conf_change,
                 std::make_shared<const std::string>(encode(change))});
    log_.commit_to(Index{1});
    return {};
}

void Raft::reset(Instant now, Term term) {
    if (term_ != term) {
        term_ = term;
        vote_.reset();
    }
    timer_start_ = now;
    // To the nanosecond: of two that wait for a whole number of ticks one in ten stands with the
    // other, and neither wins.
    election_wait_ = between_once_and_twice(config_.election_timeout());
}

Duration Raft::between_once_and_twice(Duration least) {
    return least + Duration{static_cast<std::int64_t>(
                       prng_.below(static_cast<std::uint64_t>(least.count())))};
}

Instant Raft::election_due() const {
    return may_stand_at_once() ? timer_start_ : timer_start_ + election_wait_;
}

// A campaign that is under way is not begun anew at every turn.
bool Raft::may_stand_at_once() const {
    const auto* follower = std::get_if<Follower>(&role_);
    return follower != nullptr && !follower->leader && !config_.lone_voter_waits &&
           conf_.voters.size() == 1 && conf_.voters_outgoing.empty() &&
           log_.applied() >= log_.committed();
}

void Raft::become_follower(Instant now, Term term, std::optional<RaftId> leader) {
    reset(now, term);
    role_ = Follower{leader};
}

// A snapshot that is not durable yet has replaced our log: until it is, others know more.
bool Raft::promotable() const {
    return conf_.votes(id()) && !conf_.learners.contains(id()) && !log_.snapshot_pending() &&
           !abstains_;
}

Role Raft::role() const {
    return std::visit(Match{[](const Follower&) { return Role::follower; },
                            [](const PreCandidate&) { return Role::pre_candidate; },
                            [](const Candidate&) { return Role::candidate; },
                            [](const Leader&) { return Role::leader; }},
                      role_);
}

std::optional<RaftId> Raft::leader() const {
    if (const auto* follower = std::get_if<Follower>(&role_)) return follower->leader;
    if (leads()) return id();
    return std::nullopt;
}

const std::map<RaftId, Progress>* Raft::progress() const {
    const auto* leader = leadership();
    return leader != nullptr ? &leader->progress : nullptr;
}

std::optional<RaftId> Raft::transferee() const {
    const auto* leader = leadership();
    return leader != nullptr ? leader->transferee : std::nullopt;
}

const Votes* Raft::votes() const {
    if (const auto* candidate = std::get_if<Candidate>(&role_)) return &candidate->votes;
    const auto* before = std::get_if<PreCandidate>(&role_);
    return before != nullptr ? &before->votes : nullptr;
}

void Raft::send(RaftId to, MessageBody body) { send_at(term_, to, std::move(body)); }

void Raft::send_at(Term term, RaftId to, MessageBody body) {
    ENSURE(to != id());
    messages_.push_back({id(), to, term, std::move(body)});
}

// Votes and acknowledgements, our own among them, must not be heard before what they promise is
// durable (thesis 3.8). A rejection may rest on state that is not durable too, and is rare: it
// waits as well.
void Raft::send_after_write(Term term, RaftId to, MessageBody body) {
    if (config_.coalesce && !after_write_.empty()) {
        // A later acknowledgement to the same member says all that the one before it says.
        Message& last = after_write_.back();
        auto* before = std::get_if<MsgAppResp>(&last.body);
        const auto* after = std::get_if<MsgAppResp>(&body);
        if (before != nullptr && after != nullptr && last.to == to && last.term == term &&
            !before->rejected() && !after->rejected()) {
            before->index = std::max(before->index, after->index);
            return;
        }
    }
    after_write_.push_back({id(), to, term, std::move(body)});
}

void Raft::violate(std::string what) {
    if (!violation_) violation_ = "server " + std::to_string(id().value()) + ": " + std::move(what);
}

void Raft::forget_leader() {
    // A lease that answers reads rests on members who do not vote while it lasts.
    if (config_.read_only == ReadOnly::lease) return;
    if (auto* follower = std::get_if<Follower>(&role_)) follower->leader.reset();
}

void Raft::applied(Instant now, Index index) {
    log_.applied_to(index);
    leave_joint_if_due(now);
}

void Raft::abstain(Instant now) {
    abstains_ = true;
    become_follower(now, term_, std::nullopt);
}

bool Raft::compact(Index index) {
    if (index <= log_.base().index) return false;
    log_.compact(index);
    return true;
}

void Raft::snapshot_saved(Snapshot snapshot) {
    if (snapshot_ && snapshot_->meta.index >= snapshot.meta.index) return;
    snapshot_ = std::move(snapshot);
}

}  // namespace drover::raft
