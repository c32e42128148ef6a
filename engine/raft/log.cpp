// See log.hpp.
#include "engine/raft/log.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/base/ensure.hpp"

namespace drover::raft {

Log::Log(const DurableState& durable) : base_{durable.base}, entries_{durable.entries} {
    if (durable.snapshot && !holds(durable.snapshot->id())) {
        // A crash came between the snapshot file and the batch that follows it: what the log holds
        // is older than the file, or was never committed.
        begin_anew(durable.snapshot->id());
        log_start_due_ = true;
    }
    stable_ = written_ = last_index();
    applied_ = applying_ = durable.snapshot ? durable.snapshot->index : base_.index;
    committed_ = std::max(durable.hard.commit, applied_);
    ENSURE(committed_ <= last_index());
}

void Log::begin_anew(EntryId base) {
    base_ = base;
    entries_.clear();
    stable_ = written_ = base.index;
    replaces_tail_ = false;
}

std::optional<Term> Log::term_at(Index index) const {
    if (index < base_.index || index > last_index()) return std::nullopt;
    return index == base_.index ? base_.term : entries_[slot(index)].term;
}

const Entry& Log::at(Index index) const {
    ENSURE(index > base_.index && index <= last_index());
    return entries_[slot(index)];
}

std::vector<Entry> Log::slice(Index first, Index last, std::uint64_t bytes_max) const {
    std::vector<Entry> found;
    if (first > last) return found;
    ENSURE(first > base_.index && last <= last_index());
    std::uint64_t bytes = 0;
    Index end = first;  // the first entry that is left out
    for (; end <= last; end = next(end)) {
        const std::uint64_t size = at(end).size_bytes();
        if (end != first && (size > bytes_max || bytes > bytes_max - size)) break;
        bytes += size;
    }
    const Entry* const from = entries_.begin() + slot(first);
    found.assign(from, from + distance(first, end));
    return found;
}

EntryId Log::find_conflict_by_term(Index index, Term term) const {
    for (; index > Index{}; index = previous(index)) {
        const auto here = term_at(index);
        if (!here) return {Term{}, index};  // compacted: it may well agree
        if (*here <= term) return {*here, index};
    }
    return {};
}

void Log::append(Entry entry) {
    ENSURE(entry.index == next(last_index()) && entry.term >= last().term);
    entries_.push_back(std::move(entry));
}

bool Log::merge(EntryId previous_id, const std::vector<Entry>& entries) {
    ENSURE(holds(previous_id));
    const auto fresh = std::find_if(entries.begin(), entries.end(),
                                    [this](const Entry& entry) { return !holds(entry.id()); });
    if (fresh == entries.end()) return true;
    if (fresh->index <= committed_) return false;
    if (fresh->index <= last_index()) {
        const Index kept = previous(fresh->index);
        entries_.shorten_to(distance(base_.index, kept));
        stable_ = std::min(stable_, kept);
        if (written_ > kept) {
            written_ = kept;
            replaces_tail_ = true;
        }
    }
    std::for_each(fresh, entries.end(), [this](const Entry& entry) { append(entry); });
    return true;
}

void Log::restore(const Snapshot& snapshot) {
    ENSURE(snapshot.meta.index > committed_);
    begin_anew(snapshot.meta.id());
    committed_ = snapshot.meta.index;
    pending_snapshot_ = snapshot;
    snapshot_written_ = false;
    log_start_due_ = true;
}

void Log::compact(Index through) {
    if (through <= base_.index) return;
    ENSURE(through <= applied_ && through <= stable_);
    const EntryId base = at(through).id();
    entries_.drop(slot(through) + 1);
    base_ = base;
}

void Log::commit_to(Index index) {
    committed_ = std::max(committed_, std::min(index, last_index()));
}

bool Log::has_unwritten() const {
    return log_start_due_ || (pending_snapshot_ && !snapshot_written_) || written_ < last_index();
}

void Log::take_unwritten(WriteLog& write) {
    if (log_start_due_) write.log_start = base_;
    if (pending_snapshot_ && !snapshot_written_) write.snapshot = pending_snapshot_;
    write.replaces_tail = replaces_tail_ && !log_start_due_;
    if (written_ < last_index()) {
        write.entries.assign(entries_.begin() + slot(next(written_)), entries_.end());
    }
    written_ = last_index();
    snapshot_written_ = true;
    log_start_due_ = false;
    replaces_tail_ = false;
}

void Log::stable_to(EntryId end) {
    if (end.index > stable_ && end.index <= written_ && holds(end)) stable_ = end.index;
}

std::optional<Snapshot> Log::snapshot_stable(Index index) {
    if (!pending_snapshot_ || pending_snapshot_->meta.index != index) return std::nullopt;
    applied_ = applying_ = index;
    applying_bytes_ = 0;
    return std::exchange(pending_snapshot_, std::nullopt);
}

void Log::applied_to(Index index) {
    if (index <= applied_) return;
    ENSURE(index <= applying_);
    for (Index done = next(std::max(applied_, base_.index)); done <= index; done = next(done)) {
        applying_bytes_ -= std::min(applying_bytes_, at(done).size_bytes());
    }
    applied_ = index;
}

bool Log::has_committed(bool before_durable, std::uint64_t bytes_max) const {
    if (pending_snapshot_ || applying_ >= applicable_end(before_durable)) return false;
    return applying_ == applied_ || applying_bytes_ < bytes_max;
}

std::vector<Entry> Log::take_committed(bool before_durable, std::uint64_t bytes_max) {
    if (!has_committed(before_durable, bytes_max)) return {};
    const std::uint64_t room = bytes_max - std::min(bytes_max, applying_bytes_);
    auto entries = slice(next(applying_), applicable_end(before_durable), room);
    for (const auto& entry : entries) applying_bytes_ += entry.size_bytes();
    applying_ = entries.back().index;
    return entries;
}

bool Log::unapplied_conf_change() const {
    if (pending_snapshot_) return true;
    for (Index index = next(applied_); index <= committed_; index = next(index)) {
        if (at(index).kind == EntryKind::conf_change) return true;
    }
    return false;
}

}  // namespace drover::raft
