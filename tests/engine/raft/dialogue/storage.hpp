// The disk and the state machine of one member of a script. The disk holds exactly what completed
// writes have put there, which is what a restart finds; the state machine appends what it is given.
#pragma once

#include <vector>

#include "engine/raft/raft.hpp"

namespace drover::raft::dialogue {

class Storage {
public:
    explicit Storage(const std::optional<Snapshot>& first) {
        if (!first) return;
        newest_ = *first;
        disk_.snapshot = first->meta;
        disk_.base = first->meta.id();
        disk_.hard.commit = first->meta.index;
    }

    void perform(const WriteLog& write) {
        if (write.hard) disk_.hard = *write.hard;
        if (write.snapshot) take_over(*write.snapshot);
        if (write.log_start) {
            disk_.base = *write.log_start;
            disk_.entries.clear();
        }
        if (write.entries.empty()) return;
        const Index first = write.entries.front().index;
        std::erase_if(disk_.entries, [first](const Entry& entry) { return entry.index >= first; });
        disk_.entries.insert(disk_.entries.end(), write.entries.begin(), write.entries.end());
    }

    // Every applied entry leaves a snapshot behind, so that there always is one to send.
    void apply(const Entry& entry, std::string_view update, const ConfState& conf) {
        const std::string before = newest_.data ? *newest_.data : "";
        newest_ = {{entry.index, entry.term, conf},
                   std::make_shared<const std::string>(before + std::string{update})};
    }
    void compact(Index through) {
        while (!disk_.entries.empty() && disk_.entries.front().index <= through) {
            disk_.base = disk_.entries.front().id();
            disk_.entries.erase(disk_.entries.begin());
        }
    }

    // What is left when the member stops. The state machine is saved as of its last entry.
    [[nodiscard]] DurableState found() const {
        DurableState state = disk_;
        if (newest_.meta.index > Index{}) state.snapshot = newest_.meta;
        state.hard.commit = std::max(state.hard.commit, newest_.meta.index);
        return state;
    }
    // As a start has repaired it.
    void repaired(const DurableState& state) { disk_.entries = state.entries; }
    [[nodiscard]] const std::vector<Entry>& entries() const { return disk_.entries; }
    [[nodiscard]] EntryId base() const { return disk_.base; }
    [[nodiscard]] const Snapshot& newest() const { return newest_; }

private:
    void take_over(const Snapshot& snapshot) {
        newest_ = snapshot;
        disk_.snapshot = snapshot.meta;
        disk_.hard.commit = std::max(disk_.hard.commit, snapshot.meta.index);
    }

    DurableState disk_;
    Snapshot newest_;
};

}  // namespace drover::raft::dialogue
