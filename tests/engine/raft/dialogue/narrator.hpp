// Tells in the words of etcd-io/raft's log what a member did, from what it was before and what it
// is after: a member is a value, so both can be had, and the core need not speak itself. The text
// is part of the scripts' third level; it must never change what happens.
#pragma once

#include "engine/raft/raft.hpp"
#include "tests/engine/raft/dialogue/output.hpp"

namespace drover::raft::dialogue {

class Narrator {
public:
    explicit Narrator(Output& out) : out_{out} {}

    void created(const Raft& one);
    // It was told to stand for election.
    void campaigned(const Raft& before, bool pre_vote);
    void ticked(const Raft& before, const Raft& after);
    void told_to_forget(const Raft& before);
    void told_to_transfer(const Raft& before, RaftId to);
    void told_unreachable(const Raft& after, RaftId peer);
    void dropped_proposal(const Raft& before);
    void refused_change(const Raft& before, const ConfChange& change);
    void received(const Raft& before, const Message& message, const Raft& after);
    // The disk's news that a write is done, which was asked for in `term` with `end` as the log's.
    void wrote(const Raft& before, Term term, EntryId end);
    void switched(const Raft& before, const Raft& after);
    void applied(const Raft& before, const Raft& after);

private:
    void info(const std::string& line) { out_.log(LogLevel::info, line); }
    void debug(const std::string& line) { out_.log(LogLevel::debug, line); }
    void became_follower(const Raft& one, Term term);
    void stood(const Raft& one, bool pre_vote, Term term);
    // False where the message goes no further.
    bool heard_term(const Raft& before, const Message& message, const Raft& after);
    void asked_for_vote(const Raft& before, const Message& message, const Raft& after);
    void counted_vote(const Raft& before, const Message& message, const Raft& after);
    void appended(const Raft& before, const Message& message, const MsgApp& body);
    void restored(const Raft& before, const MsgSnap& body, const Raft& after);
    void answered(const Raft& before, const Message& message, const Raft& after);
    void sent_snapshots(const Raft& after, const std::map<RaftId, Progress>& before);

    Output& out_;
};

}  // namespace drover::raft::dialogue
