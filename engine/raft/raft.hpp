// Consensus as a step function, with the vocabulary and the semantics of etcd-io/raft: a member is
// told what happened and when, accumulates what follows, and hands it over when drained. It must
// never do I/O, read a clock, or let anything count that its disk has not confirmed.
//
// How a host drives it, any number of times:
//   1. tell what happened: receive, propose, time_passed, write_completed, applied, ...
//   2. drain once, then, in this order: begin `write`, send `messages` (in parallel with it),
//      install `install`, apply `committed`, answer `reads` once their index is applied.
//   3. call time_passed at next_deadline() at the latest.
//
// A copy is an independent member in the same situation.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/prng.hpp"
#include "engine/base/result.hpp"
#include "engine/base/time.hpp"
#include "engine/raft/conf_change.hpp"
#include "engine/raft/config.hpp"
#include "engine/raft/log.hpp"
#include "engine/raft/message.hpp"
#include "engine/raft/roles.hpp"
#include "engine/raft/types.hpp"

namespace drover::raft {

// Everything that follows from what the member was told since it was drained last.
struct Ready {
    std::optional<WriteLog> write;
    std::vector<Message> messages;  // may be sent now: what rests on a write is withheld
    // Durable; goes before `committed`, and counts as applied. With Config::explicit_writes it is
    // for the host to install what a write carries.
    std::optional<Snapshot> install;
    std::vector<Entry> committed;  // in order; tell applied() when done
    std::vector<ReadState> reads;
    std::optional<SoftState> soft;  // where it changed
    // Only with Config::explicit_writes: what rests on `write`. The host sends it when the write
    // has completed; what goes to the member itself is shown only, write_completed() takes care of
    // it.
    std::vector<Message> withheld;

    [[nodiscard]] bool empty() const {
        return !write && messages.empty() && !install && committed.empty() && reads.empty() &&
               !soft;
    }
};

// Whether a member may be made of this; the error names what is wrong and the remedy.
[[nodiscard]] Result<void> validate(const Config& config);
[[nodiscard]] Result<void> validate(const DurableState& durable);

class Raft {
public:
    // Both have passed validate(). Entries after the snapshot that are known to be committed are
    // handed out again by the first drains.
    Raft(Config config, const DurableState& durable, Instant now, Prng prng);

    // ---- inputs

    // The first act of a new group, on a member that has nothing: an entry that names the voters is
    // taken as committed. Every one of them may do it, if all do it with the same voters.
    [[nodiscard]] Result<void> bootstrap(Instant now, const std::set<RaftId>& voters);

    void time_passed(Instant now);
    void receive(Instant now, const Message& message);
    // The only thing that makes the own disk count. In the order of the writes.
    void write_completed(Instant now, WriteId write);

    // Errc::not_leader: nothing was proposed. Errc::overloaded: too much is uncommitted already.
    [[nodiscard]] Result<Receipt> propose(Instant now, Payload data);
    // Errc::conflict: it does not fit the configuration in force, or another is still pending.
    [[nodiscard]] Result<Receipt> propose_conf_change(Instant now, const ConfChange& change);
    // Works on any member; answered by Ready::reads. Reads that wait when leadership changes, or
    // whose message is lost, are never answered: ask again. Errc::no_leader, Errc::overloaded.
    [[nodiscard]] Result<void> read_index(Instant now, std::uint64_t context);

    // Stands for election now, as if the timer had run out.
    void campaign(Instant now);
    // Works on any member. Done when another leader shows up; given up after an election timeout.
    [[nodiscard]] Result<void> transfer_leadership(Instant now, RaftId target);
    // A follower with check_quorum may then vote before its lease has run out.
    void forget_leader();
    // Stands for no election any more, until the configuration changes: the group has told that
    // this member, whose own log does not say so yet, was removed.
    void abstain(Instant now);

    // The state machine has taken in everything through `index`.
    void applied(Instant now, Index index);
    // For each applied entry of kind conf_change, before applied() covers it. Errc::conflict leaves
    // the configuration as it is: an entry that all members refuse alike.
    Result<ConfState> apply_conf_change(Instant now, const ConfChange& change);

    // Forgets entries through `index`, which is applied, durable and not beyond the newest
    // snapshot. False where none of them was held any more: then there is nothing to drop from the
    // disk either.
    bool compact(Index index);
    // The newest snapshot of the own state machine, for followers that need entries which are gone.
    // Told after a start too, if there is one.
    void snapshot_saved(Snapshot snapshot);

    // Instead of the drawn wait before the next election; for tests and tools.
    void set_election_wait(Duration wait) { election_wait_ = wait; }

    // Hints of the transport; both only speed things up.
    void report_unreachable(RaftId peer);
    void report_snapshot(RaftId peer, bool delivered);

    // ---- outputs

    [[nodiscard]] Ready drain(Instant now);
    [[nodiscard]] bool has_ready() const;
    // None while nothing is pending. May lie in the past: then the host is late, or there is
    // something to drain.
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    // ---- for checkers and status pages

    [[nodiscard]] RaftId id() const { return config_.id; }
    [[nodiscard]] Role role() const;
    [[nodiscard]] bool leads() const { return role() == Role::leader; }
    [[nodiscard]] std::optional<RaftId> leader() const;
    [[nodiscard]] Term term() const { return term_; }
    [[nodiscard]] std::optional<RaftId> vote() const { return vote_; }
    [[nodiscard]] Index commit_index() const { return log_.committed(); }
    [[nodiscard]] Index applied_index() const { return log_.applied(); }
    [[nodiscard]] Index stable_index() const { return log_.stable(); }
    [[nodiscard]] Index first_index() const { return log_.first_index(); }
    [[nodiscard]] Index last_index() const { return log_.last_index(); }
    [[nodiscard]] std::optional<Term> term_at(Index index) const { return log_.term_at(index); }
    [[nodiscard]] const Log& log() const { return log_; }
    [[nodiscard]] const ConfState& conf() const { return conf_; }
    [[nodiscard]] const Config& config() const { return config_; }
    // Null unless this member leads.
    [[nodiscard]] const std::map<RaftId, Progress>* progress() const;
    [[nodiscard]] const Leader* leadership() const { return std::get_if<Leader>(&role_); }
    [[nodiscard]] std::optional<RaftId> transferee() const;
    // Null unless this member stands for election.
    [[nodiscard]] const Votes* votes() const;
    [[nodiscard]] std::size_t writes_in_flight() const { return in_flight_.size(); }
    // The latest that it was told.
    [[nodiscard]] Instant now() const { return now_; }
    // When a leader was last heard from; a leader's own is when a quorum was last seen.
    [[nodiscard]] Instant last_contact() const { return last_contact_; }
    // Set once the member met what no correct group produces (a committed entry to be taken back):
    // from then on it neither speaks nor changes, and the host must stop it.
    [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }

private:
    struct InFlight {
        WriteId write;
        Term term;                   // ours when it was handed out
        std::optional<EntryId> end;  // where the log then ended, if that was not durable yet
        std::optional<Index> snapshot;
        std::vector<Message> messages;  // rest on this write, or on one before it
    };
    enum class Campaign : std::uint8_t { pre_election, election, transfer };

    // raft.cpp
    void become_follower(Instant now, Term term, std::optional<RaftId> leader);
    void reset(Instant now, Term term);
    [[nodiscard]] Duration between_once_and_twice(Duration least);
    [[nodiscard]] Instant election_due() const;
    [[nodiscard]] bool may_stand_at_once() const;
    [[nodiscard]] bool promotable() const;
    [[nodiscard]] EntryId committed_id() const {
        return {log_.term_at(log_.committed()).value_or(Term{}), log_.committed()};
    }
    [[nodiscard]] HardState hard_state() const { return {term_, vote_, log_.committed()}; }
    void send(RaftId to, MessageBody body);
    void send_at(Term term, RaftId to, MessageBody body);
    void send_after_write(Term term, RaftId to, MessageBody body);
    void violate(std::string what);

    // on_message.cpp
    void step(Instant now, const Message& message);
    [[nodiscard]] bool in_lease(Instant now) const;
    [[nodiscard]] bool take_higher_term(Instant now, const Message& message);
    void answer_lower_term(const Message& message);
    // Whoever speaks as the leader of our term is it; false where that cannot be.
    [[nodiscard]] bool follow(Instant now, RaftId leader);

    // one file for each thing that arrives
    void on(Instant now, const Message& message, const MsgApp& body);
    void on(Instant now, const Message& message, const MsgAppResp& body);
    void on(Instant now, const Message& message, const MsgVote& body);
    void on(Instant now, const Message& message, const MsgVoteResp& body);
    void on(Instant now, const Message& message, const MsgPreVote& body);
    void on(Instant now, const Message& message, const MsgPreVoteResp& body);
    void on(Instant now, const Message& message, const MsgHeartbeat& body);
    void on(Instant now, const Message& message, const MsgHeartbeatResp& body);
    void on(Instant now, const Message& message, const MsgSnap& body);
    void on(Instant now, const Message& message, const MsgTimeoutNow& body);
    void on(Instant now, const Message& message, const MsgTransferLeader& body);
    void on(Instant now, const Message& message, const MsgReadIndex& body);
    void on(Instant now, const Message& message, const MsgReadIndexResp& body);

    // election.cpp
    void hup(Instant now, Campaign kind);
    void learn_commit(Instant now, EntryId commit);
    void tally(Instant now, Votes& votes, RaftId from, bool granted);
    void start_campaign(Instant now, Campaign kind);
    void become_leader(Instant now);

    // replication.cpp
    [[nodiscard]] Progress new_progress(Index next_index) const;
    void broadcast_append();
    void send_append(RaftId to) { (void)maybe_send_append(to, true); }
    bool maybe_send_append(RaftId to, bool send_if_empty);
    bool maybe_send_snapshot(RaftId to, Progress& progress);
    void prompt(RaftId to);
    void send_due_appends();
    bool maybe_commit();

    // on_append_response.cpp
    void on_rejected(RaftId from, Progress& progress, const MsgAppResp& body);
    void on_accepted(RaftId from, Progress& progress, Index index);

    // on_time_passed.cpp
    void leader_time_passed(Instant now);
    void broadcast_heartbeat();
    [[nodiscard]] bool quorum_active() const;
    void give_up_transfer(Instant now);

    // propose.cpp
    [[nodiscard]] Result<Receipt> append_own(EntryKind kind, Payload data);
    void count_own_copy(Index last);
    [[nodiscard]] Result<void> check_conf_change(const ConfChange& change) const;
    void leave_joint_if_due(Instant now);

    // membership.cpp
    void switch_to(Instant now, ConfOutcome outcome);

    // reads.cpp
    [[nodiscard]] bool committed_in_own_term() const;
    [[nodiscard]] bool bounded_lease() const {
        return config_.read_only == ReadOnly::lease && config_.lease_drift.has_value();
    }
    [[nodiscard]] bool lease_holds() const;
    void acknowledge_lease(RaftId from, std::uint64_t round);
    void ask_read(PendingRead read);
    void answer_read(const PendingRead& read, Index index);
    void release_early_reads();
    void acknowledge_rounds(RaftId from, std::uint64_t round);
    void answer_confirmed_rounds();

    // drain.cpp
    [[nodiscard]] bool wants_write() const;
    [[nodiscard]] bool applies_early() const {
        return config_.apply_before_durable || config_.sabotage.acknowledge_early;
    }
    void release_without_write(Instant now);
    void build_write(Ready& ready);
    void deliver(Instant now, std::vector<Message> messages);

    Config config_;
    Prng prng_;
    Log log_;
    Term term_;
    std::optional<RaftId> vote_;
    ConfState conf_;
    bool abstains_{false};
    RoleData role_;
    std::optional<Snapshot> snapshot_;  // the newest own one, for followers

    Instant started_;
    Instant now_;             // the latest that we were told
    Instant timer_start_;     // when the election timer was last set back
    Duration election_wait_;  // drawn anew with every reset, so that ties do not repeat
    Instant last_contact_;

    std::vector<Message> messages_;
    // Rest on everything that is not durable yet, handed out or not (thesis 3.8).
    std::vector<Message> after_write_;
    std::deque<InFlight> in_flight_;
    WriteId last_write_;
    HardState handed_hard_;  // as of the last write that carried one
    SoftState handed_soft_;
    std::vector<ReadState> reads_;
    std::optional<Snapshot> install_;
    std::optional<std::string> violation_;
};

}  // namespace drover::raft
