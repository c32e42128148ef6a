// The log of one member: what it holds in memory, how much of that is durable, committed and
// applied, and what still has to be written.
//
//   base < [entries ...] <= last        base.index <= stable <= written <= last
//   applied <= applying <= committed <= last
//
// A snapshot that is being installed replaces the log at once; until its write completes nothing is
// handed out for applying. The log decides nothing about terms, votes or quorums.
#pragma once

#include <optional>
#include <vector>

#include "engine/raft/entry_queue.hpp"
#include "engine/raft/types.hpp"

namespace drover::raft {

class Log {
public:
    // `durable` has passed validate().
    explicit Log(const DurableState& durable);

    [[nodiscard]] EntryId base() const { return base_; }
    [[nodiscard]] Index first_index() const { return next(base_.index); }
    [[nodiscard]] EntryId last() const { return entries_.empty() ? base_ : entries_.back().id(); }
    [[nodiscard]] Index last_index() const { return last().index; }
    // None where the index is before the base or after the end.
    [[nodiscard]] std::optional<Term> term_at(Index index) const;
    [[nodiscard]] bool holds(EntryId id) const { return term_at(id.index) == id.term; }
    [[nodiscard]] const Entry& at(Index index) const;
    // From `first` on, through `last`, as many as fit into `bytes_max`, but at least one. Always
    // without a hole: an entry that does not fit ends the list.
    [[nodiscard]] std::vector<Entry> slice(Index first, Index last, std::uint64_t bytes_max) const;
    // Whether a candidate's log that ends with `other` is at least as up to date (paper 5.4.1).
    [[nodiscard]] bool up_to_date(EntryId other) const { return other >= last(); }
    // The last entry at or before `index` whose term is not above `term`: where a log that has
    // `term` at `index` may still agree with this one.
    [[nodiscard]] EntryId find_conflict_by_term(Index index, Term term) const;

    // The next one; a leader's own, or one that a leader sent.
    void append(Entry entry);
    // A follower's: `entries` follow `previous`, which the log holds. Entries that it has already
    // stay; from the first that differs on, they replace the tail. False, and nothing done, where
    // that would take back a committed entry.
    [[nodiscard]] bool merge(EntryId previous, const std::vector<Entry>& entries);
    void restore(const Snapshot& snapshot);
    // Drops entries through `through`, which is applied.
    void compact(Index through);

    [[nodiscard]] Index committed() const { return committed_; }
    void commit_to(Index index);

    // ---- what is durable

    [[nodiscard]] Index stable() const { return stable_; }
    [[nodiscard]] bool has_unwritten() const;
    // Hands out what no write has taken yet.
    void take_unwritten(WriteLog& write);
    // A write that was taken while the log ended with `end` is durable.
    void stable_to(EntryId end);
    // The write that carried the snapshot through `index` is durable: it may be installed now.
    // None where a newer one has replaced it meanwhile.
    [[nodiscard]] std::optional<Snapshot> snapshot_stable(Index index);
    [[nodiscard]] bool snapshot_pending() const { return pending_snapshot_.has_value(); }

    // ---- what is applied

    [[nodiscard]] Index applied() const { return applied_; }
    [[nodiscard]] Index applying() const { return applying_; }
    void applied_to(Index index);
    // Committed entries that were not handed out yet, within the limit of what may be outstanding.
    [[nodiscard]] std::vector<Entry> take_committed(bool before_durable, std::uint64_t bytes_max);
    [[nodiscard]] bool has_committed(bool before_durable, std::uint64_t bytes_max) const;
    [[nodiscard]] bool unapplied_conf_change() const;

private:
    [[nodiscard]] std::size_t slot(Index index) const { return distance(base_.index, index) - 1; }
    [[nodiscard]] Index applicable_end(bool before_durable) const {
        return before_durable ? committed_ : std::min(committed_, stable_);
    }
    void begin_anew(EntryId base);

    EntryId base_;
    EntryQueue entries_;
    Index stable_;
    Index written_;  // handed to a write; that write may be under way
    Index committed_;
    Index applying_;  // handed out for applying
    Index applied_;
    std::uint64_t applying_bytes_{0};
    bool replaces_tail_{false};  // what was handed to a write at or after written_ is out of date
    bool log_start_due_{false};  // the disk has still another beginning
    std::optional<Snapshot> pending_snapshot_;
    bool snapshot_written_{false};
};

}  // namespace drover::raft
