// See recovery.hpp.
#include "engine/storage/recovery.hpp"

#include <utility>

#include "engine/base/ensure.hpp"
#include "engine/raft/raft.hpp"
#include "engine/storage/layout.hpp"

namespace drover::storage {
namespace {

tl::unexpected<Error> stop(const std::string& what) {
    return fail(Errc::corrupt, "raft store: " + what + "; " + start_afresh);
}

std::string number(raft::Index index) { return std::to_string(index.value()); }

// Keeps what a record says, or passes its error on.
template <class Kept, class Read>
Result<void> keep(Kept& kept, Read read) {
    if (!read) return fail(read.error().code, read.error().message + "; " + start_afresh);
    kept = std::move(*read);
    return {};
}

}  // namespace

Result<void> Recovery::feed(std::string_view key, std::string_view value) {
    if (!last_key_.empty() && key <= last_key_) {
        return fail(Errc::internal, "raft store: keys were not fed in order");
    }
    last_key_ = key;
    if (key == base_key) return keep(base_, decode_base(key, value));
    if (key == cut_key) return keep(cut_, decode_cut(key, value));
    if (key == hard_key) return keep(hard_, decode_hard(key, value));
    if (key == snapshot_key) return keep(snapshot_, decode_snapshot_meta(key, value));
    if (key.starts_with(log_prefix)) return feed_entry(key, value);
    return {};
}

Result<void> Recovery::feed_entry(std::string_view key, std::string_view value) {
    const auto index = parse_log_key(key);
    if (!index) return tl::unexpected{index.error()};
    auto entry = decode_entry(key, value);
    if (!entry) {
        if (!bad_) {
            bad_ = *index;
            bad_reason_ = entry.error().message;
        }
        return {};
    }
    if (bad_) {
        return stop("entry " + number(*bad_) + " is damaged, but entry " + number(*index) +
                    " after it is good: this is no torn write (" + bad_reason_ + ")");
    }
    if (!entries_.empty()) {
        const raft::Entry& before = entries_.back();
        if (entry->index != next(before.index)) {
            return stop("entry " + number(next(before.index)) + " is missing, but entry " +
                        number(*index) + " is there");
        }
        if (entry->term < before.term) return stop("the term falls at entry " + number(*index));
    }
    entries_.push_back(std::move(*entry));
    return {};
}

// What comes before the first entry: the beginning of everything, the end of an installed snapshot,
// or an entry that compaction has left for its term.
Result<void> Recovery::settle_base(RecoveredState& state) {
    state.raft.base = base_;
    if (cut_ > base_.index) {
        if (entries_.empty() || entries_.front().index > cut_) {
            return stop("the log was compacted through entry " + number(cut_) +
                        ", but that entry is not there");
        }
        // A crash may have left more than the compaction wanted; the cut decides.
        const auto dropped = distance(entries_.front().index, cut_);
        if (dropped >= entries_.size()) {
            return stop("the log ends before entry " + number(cut_) + ", where it was compacted");
        }
        state.raft.base = entries_[dropped].id();
        entries_.erase(entries_.begin(),
                       entries_.begin() + static_cast<std::ptrdiff_t>(dropped + 1));
    }
    if (!entries_.empty() && entries_.front().index != next(state.raft.base.index)) {
        return stop("the log should begin with entry " + number(next(state.raft.base.index)) +
                    ", but it begins with entry " + number(entries_.front().index));
    }
    if (!entries_.empty() && entries_.front().term < state.raft.base.term) {
        return stop("the term falls at entry " + number(entries_.front().index));
    }
    return {};
}

Result<void> Recovery::settle_tail(RecoveredState& state, std::optional<raft::EntryId> mark) const {
    const raft::EntryId end =
        state.raft.entries.empty() ? state.raft.base : state.raft.entries.back().id();
    const raft::Index last = end.index;
    // A log may be shorter than the mark only because a later leader replaced its tail: then what
    // is there is of a later term.
    if (mark && end.term > mark->term) mark.reset();
    if (bad_) {
        if (*bad_ != next(last)) {
            return stop("entry " + number(next(last)) + " is missing, and entry " + number(*bad_) +
                        " is damaged");
        }
        if (*bad_ <= state.raft.hard.commit) {
            return stop("entry " + number(*bad_) + " was committed, and is damaged (" +
                        bad_reason_ + ")");
        }
        if (mark && *bad_ <= mark->index) {
            return stop("entry " + number(*bad_) + " was durable once, and is damaged (" +
                        bad_reason_ + ")");
        }
        state.repair.erase_range(log_key(*bad_), log_key(raft::Index{~std::uint64_t{0}}));
        state.notes.push_back("cut the log after entry " + number(last) +
                              ": what followed was never acknowledged (" + bad_reason_ + ")");
    }
    if (mark && last < mark->index) {
        return stop("entry " + number(mark->index) +
                    " was durable once, but the log ends with entry " + number(last));
    }
    return {};
}

Result<RecoveredState> Recovery::finish(std::optional<raft::EntryId> mark) {
    RecoveredState state;
    if (auto settled = settle_base(state); !settled) return tl::unexpected{settled.error()};
    if (!hard_ && (!entries_.empty() || bad_ || state.raft.base != raft::EntryId{})) {
        return stop("there are entries, but no record of term and vote");
    }
    state.raft.hard = hard_.value_or(raft::HardState{});
    state.raft.snapshot = snapshot_;
    state.raft.entries = std::exchange(entries_, {});
    if (auto settled = settle_tail(state, mark); !settled) return tl::unexpected{settled.error()};
    const raft::Index last =
        state.raft.entries.empty() ? state.raft.base.index : state.raft.entries.back().index;
    if (state.raft.hard.commit > last) {
        return stop("entry " + number(state.raft.hard.commit) +
                    " was committed, but the log ends with entry " + number(last));
    }
    return state;
}

}  // namespace drover::storage
