// The group that a script talks about: its members, one bag of messages in order of sending, disks
// and state machines that work when told to, and time that passes for one member at a time.
// What happens is said in the script's words as it happens.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "engine/raft/raft.hpp"
#include "tests/engine/raft/dialogue/damage.hpp"
#include "tests/engine/raft/dialogue/narrator.hpp"
#include "tests/engine/raft/dialogue/output.hpp"
#include "tests/engine/raft/dialogue/storage.hpp"

namespace drover::raft::dialogue {

// A follower hands what was proposed to it on to the leader.
struct Forwarded {
    std::string line;
    EntryKind kind{EntryKind::normal};
    std::string data;
    ConfChange change;
};

// Something in the bag: a message, or the news that a disk or a state machine has done its work.
struct Envelope {
    RaftId to;
    std::string type;
    std::string text;
    bool local{};                      // between a member and its own disk: it is never lost
    std::optional<Message> message;    // to be received by `to`
    std::optional<WriteId> completed;  // the write whose last news this is
    std::optional<Index> applied;
    std::optional<Forwarded> proposal;
    std::optional<EntryId> wrote;  // the log's end as of that write, and the term then
    Term term{};
};

struct Append {
    WriteLog write;
    std::string text;
    std::vector<Envelope> responses;
};

struct Member {
    Raft raft;
    Storage storage;
    bool async{};
    Instant now{};
    std::deque<Append> appends;
    std::deque<std::vector<Entry>> applies;
    std::deque<WriteId> writes;    // that the core was not told to be complete, in order
    std::set<WriteId> done;        // of these
    std::vector<Envelope> outbox;  // proposals on their way to the leader
    HardState shown;               // as of the last write

    [[nodiscard]] RaftId id() const { return raft.id(); }
};

class Group {
public:
    explicit Group(Output& out) : out_{out}, narrator_{out} {}

    [[nodiscard]] std::size_t size() const { return members_.size(); }
    // Null where there is none of this id.
    [[nodiscard]] Member* find(std::uint64_t id) {
        return id == 0 || id > members_.size() ? nullptr : &members_[id - 1];
    }

    void add(Config config, bool async, const std::optional<Snapshot>& first);
    // Crashes the member and starts it from its disk.
    // The notes of what was repaired; an error where the member would not start, and nothing is
    // done.
    Result<std::vector<std::string>> restart(Member& one, const Damage& damage);

    void tick(Member& one, std::uint32_t count);
    void campaign(Member& one);
    void forget_leader(Member& one);
    void transfer_leadership(Member& one, RaftId to);
    void report_unreachable(Member& one, RaftId peer);
    // False where the proposal is dropped.
    [[nodiscard]] bool propose(Member& one, std::string data);
    [[nodiscard]] bool propose_change(Member& one, const ConfChange& change);
    [[nodiscard]] bool read_index(Member& one, std::uint64_t context);
    void send_snapshot(Member& one, RaftId to);

    void process_ready(Member& one);
    void process_append(Member& one);
    void process_apply(Member& one);
    // How many of the messages for this recipient there were.
    std::size_t deliver(std::uint64_t to, const std::string& type, bool drop);
    // In a fixed order until nothing moves: the order is part of the scripts. False where that
    // would take for ever.
    [[nodiscard]] bool stabilize(const std::vector<std::uint64_t>& ids);

private:
    void restart_with(Member& one, const DurableState& found);
    [[nodiscard]] bool has_ready(const Member& one) const {
        return one.raft.has_ready() || !one.outbox.empty();
    }
    [[nodiscard]] bool propose_to(Member& one, Forwarded proposal);
    [[nodiscard]] bool waits(std::uint64_t to) const;
    [[nodiscard]] static Append append_of(const Member& one, const Ready& ready);
    void hand_over(Member& one, const Ready& ready, std::vector<std::string>& shown);
    void write_sync(Member& one, const Ready& ready);
    void apply(Member& one, const std::vector<Entry>& entries);
    void applied(Member& one, Index index);
    void open(Member& one, const Envelope& envelope);
    void complete(Member& one, WriteId write);

    Output& out_;
    Narrator narrator_;
    std::deque<Member> members_;
    std::deque<Envelope> bag_;
};

}  // namespace drover::raft::dialogue
