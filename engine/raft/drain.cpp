// What leaves a member: at most one write a drain, and every message only when what it rests on is
// durable.
#include <utility>

#include "engine/base/ensure.hpp"
#include "engine/raft/raft.hpp"

namespace drover::raft {

bool Raft::wants_write() const {
    return log_.has_unwritten() || term_ != handed_hard_.term || vote_ != handed_hard_.vote ||
           (config_.explicit_writes && !after_write_.empty()) ||
           (config_.write_commit_alone && log_.committed() != handed_hard_.commit);
}

bool Raft::has_ready() const {
    if (violation_) return false;
    const auto* leader = leadership();
    return wants_write() || !messages_.empty() || (!after_write_.empty() && in_flight_.empty()) ||
           install_ || !reads_.empty() || SoftState{role(), this->leader()} != handed_soft_ ||
           log_.has_committed(applies_early(), config_.max_applying_bytes) ||
           (leader != nullptr && (leader->appends_due || leader->round_open));
}

Ready Raft::drain(Instant now) {
    now_ = now;
    Ready ready;
    release_without_write(now);
    if (violation_) return ready;
    if (auto* leader = std::get_if<Leader>(&role_); leader != nullptr && leader->round_open) {
        broadcast_heartbeat();
    }
    send_due_appends();
    build_write(ready);
    ready.messages = std::exchange(messages_, {});
    ready.install = std::exchange(install_, std::nullopt);
    ready.committed = log_.take_committed(applies_early(), config_.max_applying_bytes);
    ready.reads = std::exchange(reads_, {});
    if (const SoftState soft{role(), leader()}; soft != handed_soft_) {
        handed_soft_ = soft;
        ready.soft = soft;
    }
    return ready;
}

// With nothing to write and no write under way, everything is durable as it is. What we say to
// ourselves may change that, so it is looked at again.
void Raft::release_without_write(Instant now) {
    const auto durable = [this] { return in_flight_.empty() && !wants_write(); };
    while (!violation_ && !after_write_.empty() &&
           (durable() || config_.sabotage.acknowledge_early)) {
        deliver(now, std::exchange(after_write_, {}));
    }
}

void Raft::deliver(Instant now, std::vector<Message> messages) {
    for (auto& message : messages) {
        if (message.to == id()) {
            step(now, message);
        } else {
            messages_.push_back(std::move(message));
        }
    }
}

void Raft::build_write(Ready& ready) {
    if (!wants_write()) {
        if (after_write_.empty()) return;
        auto& rests_on = in_flight_.back().messages;
        rests_on.insert(rests_on.end(), std::make_move_iterator(after_write_.begin()),
                        std::make_move_iterator(after_write_.end()));
        after_write_.clear();
        return;
    }
    WriteLog write;
    write.write = last_write_ = next(last_write_);
    if (hard_state() != handed_hard_) write.hard = handed_hard_ = hard_state();
    log_.take_unwritten(write);
    InFlight flight{write.write, term_, std::nullopt, std::nullopt,
                    std::exchange(after_write_, {})};
    if (config_.explicit_writes) {
        ready.withheld = flight.messages;
        std::erase_if(flight.messages, [this](const Message& one) { return one.to != id(); });
    }
    if (log_.last_index() > log_.stable()) flight.end = log_.last();
    if (write.snapshot) flight.snapshot = write.snapshot->meta.index;
    in_flight_.push_back(std::move(flight));
    ready.write = std::move(write);
}

void Raft::write_completed(Instant now, WriteId write) {
    if (violation_) return;
    ENSURE(!in_flight_.empty() && in_flight_.front().write == write);
    InFlight flight = std::move(in_flight_.front());
    in_flight_.pop_front();
    // In a later term the same place in the log may have been written, replaced and written again:
    // which of them is durable is then told by the write that the new term began with.
    if (flight.end && flight.term == term_) log_.stable_to(*flight.end);
    if (flight.snapshot) {
        if (auto snapshot = log_.snapshot_stable(*flight.snapshot)) {
            snapshot_saved(*snapshot);
            if (!config_.explicit_writes) install_ = std::move(snapshot);
        }
    }
    deliver(now, std::move(flight.messages));
}

}  // namespace drover::raft
