// See snapshot_transfer.hpp.
#include "engine/server/snapshot_transfer.hpp"

#include <algorithm>
#include <utility>

#include "engine/base/ensure.hpp"
#include "engine/storage/bytes.hpp"

namespace drover::server {
namespace {

constexpr std::size_t parts_ahead_max = 64;

std::string_view bytes_of(const raft::Snapshot& snapshot) {
    return snapshot.data ? std::string_view{*snapshot.data} : std::string_view{};
}

// A snapshot file ends with the checksum of all before it: it serves to tell two files of the same
// place in the log apart. Whether it holds is found out when the file is loaded.
std::uint32_t checksum_of(std::string_view file) {
    storage::ByteReader end{file.substr(file.size() - std::min<std::size_t>(file.size(), 4))};
    return end.u32();
}

}  // namespace

// ---- sending

SnapshotSending::SnapshotSending(raft::Message announcement, Instant now, TransferLimits limits)
    : announcement_{std::move(announcement)}, limits_{limits} {
    raft::Snapshot& announced = std::get<raft::MsgSnap>(announcement_.body).snapshot;
    snapshot_ = announced;
    announced.data = nullptr;
    // Answers to an earlier sending of the same snapshot are not for this one.
    round_ = static_cast<std::uint64_t>(now.time_since_epoch().count());
    begin_round(now);
}

void SnapshotSending::begin_round(Instant now) {
    ++round_;
    question_due_ = true;
    answered_ = false;
    next_ = confirmed_;
    deadline_ = now + limits_.patience;
}

void SnapshotSending::heard(Instant now, const SnapshotReceived& answer) {
    if (answer.snapshot != snapshot_.meta.id() || answer.round != round_) return;
    const std::uint64_t size = bytes_of(snapshot_).size();
    const std::uint64_t held = std::min(answer.bytes, size);
    if (!answered_) {
        confirmed_ = next_ = held;
        answered_ = true;
    } else if (held <= confirmed_) {
        return;  // overtaken by a later answer, or something before it is missing
    }
    confirmed_ = held;
    next_ = std::max(next_, held);
    fruitless_ = 0;
    deadline_ = now + limits_.patience;
    done_ = confirmed_ == size;
}

SnapshotPart SnapshotSending::part() {
    const std::string_view file = bytes_of(snapshot_);
    const std::string_view bytes = file.substr(next_, limits_.part_bytes);
    SnapshotPart part{announcement_, file.size(), checksum_of(file), round_, next_, {}};
    if (!bytes.empty()) part.bytes = raft::Payload{snapshot_.data, bytes};
    next_ += bytes.size();
    return part;
}

std::vector<SnapshotPart> SnapshotSending::due(Instant now) {
    std::vector<SnapshotPart> parts;
    if (done_) return parts;
    if (now >= deadline_) {
        ++fruitless_;
        begin_round(now);
    }
    if (std::exchange(question_due_, false)) parts.push_back(part());
    if (!answered_) return parts;
    const std::uint64_t size = bytes_of(snapshot_).size();
    while (next_ < size && next_ - confirmed_ < limits_.window_bytes) parts.push_back(part());
    return parts;
}

// ---- receiving

std::uint64_t SnapshotReceiving::take(const SnapshotPart& part) {
    const raft::EntryId snapshot =
        std::get<raft::MsgSnap>(part.announcement.body).snapshot.meta.id();
    if (!held_ || held_->snapshot != snapshot || held_->size != part.size ||
        held_->checksum != part.checksum) {
        held_ = Held{snapshot, part.size, part.checksum, {}, {}};
    }
    const std::uint64_t held = held_->bytes.size();
    if (part.offset < held || part.bytes.size() > part.size - part.offset) return held;
    if (part.offset > held) {
        if (held_->ahead.size() < parts_ahead_max) held_->ahead.emplace(part.offset, part.bytes);
        return held;
    }
    append(*held_, part.bytes.view());
    auto& ahead = held_->ahead;
    while (!ahead.empty() && ahead.begin()->first <= held_->bytes.size()) {
        // One that begins earlier was cut otherwise by an earlier sender.
        if (ahead.begin()->first == held_->bytes.size()) {
            append(*held_, ahead.begin()->second.view());
        }
        ahead.erase(ahead.begin());
    }
    return held_->bytes.size();
}

// Twice as much room each time, as a string takes anyway, but never beyond what is to come.
void SnapshotReceiving::append(Held& held, std::string_view more) {
    const std::uint64_t size = held.bytes.size() + more.size();
    if (held.bytes.capacity() < size) held.bytes.reserve(std::min(2 * size, held.size));
    held.bytes += more;
}

raft::SharedBytes SnapshotReceiving::take_whole() {
    if (!held_ || held_->bytes.size() != held_->size) return nullptr;
    auto whole = std::make_shared<const std::string>(std::move(held_->bytes));
    held_.reset();
    return whole;
}

std::optional<raft::EntryId> SnapshotReceiving::receiving() const {
    return held_ ? std::optional{held_->snapshot} : std::nullopt;
}

// ---- all of a leader's

void SnapshotTransfers::begin(Instant now, raft::Message announcement) {
    const raft::RaftId to = announcement.to;
    sending_.try_emplace(to, std::move(announcement), now, limits_);
}

void SnapshotTransfers::heard(Instant now, raft::RaftId from, const SnapshotReceived& answer) {
    const auto sending = sending_.find(from);
    if (sending == sending_.end()) return;
    sending->second.heard(now, answer);
    if (!sending->second.done()) return;
    delivered_[from] = Delivered{sending->second.index(), now + limits_.load_patience};
    sending_.erase(sending);
}

void SnapshotTransfers::settle(Instant now,
                               const std::map<raft::RaftId, raft::Progress>& followers) {
    const auto fed = [&](raft::RaftId peer) {
        const auto follower = followers.find(peer);
        return follower == followers.end() ||
               follower->second.state == raft::ProgressState::replicate;
    };
    std::erase_if(sending_, [&](const auto& one) { return fed(one.first); });
    std::erase_if(delivered_,
                  [&](const auto& one) { return fed(one.first) || now >= one.second.until; });
}

SnapshotTransfers::Due SnapshotTransfers::due(Instant now) {
    Due due;
    for (auto sending = sending_.begin(); sending != sending_.end();) {
        for (SnapshotPart& part : sending->second.due(now)) due.parts.push_back(std::move(part));
        if (sending->second.hopeless()) {
            due.unreachable.push_back(sending->first);
            sending = sending_.erase(sending);
        } else {
            ++sending;
        }
    }
    return due;
}

std::optional<Instant> SnapshotTransfers::next_deadline() const {
    std::optional<Instant> next;
    for (const auto& [to, sending] : sending_) {
        next = next ? std::min(*next, sending.next_deadline()) : sending.next_deadline();
    }
    return next;
}

std::optional<raft::Index> SnapshotTransfers::oldest() const {
    std::optional<raft::Index> oldest;
    for (const auto& [to, sending] : sending_) {
        oldest = oldest ? std::min(*oldest, sending.index()) : sending.index();
    }
    for (const auto& [to, delivered] : delivered_) {
        oldest = oldest ? std::min(*oldest, delivered.index) : delivered.index;
    }
    return oldest;
}

}  // namespace drover::server
