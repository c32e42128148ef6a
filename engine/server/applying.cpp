// What is committed becomes state, and whoever waited for it learns what became of it. See
// core.hpp.
#include <utility>

#include "engine/base/ensure.hpp"
#include "engine/server/core.hpp"

namespace drover::server {

namespace {
// As when a log is replayed, or caught up with.
constexpr std::size_t many_entries = 256;
}  // namespace

void Server::Core::apply_committed(Step& step, const std::vector<raft::Entry>& entries) {
    if (entries.empty()) return;
    if (entries.size() >= many_entries && !is_watched()) state_.put_off_digest();
    for (const raft::Entry& entry : entries) {
        apply_one(step, entry);
        if (halted_) break;
    }
    look_at_state();
    if (halted_) return;
    raft_.applied(step.now, entries.back().index);
    again_ = again_ || leader_.has_value();  // it may have been given something to do
}

// Whoever leads or waits for an answer must see the state as of every entry. Where nobody does, as
// when a log is replayed, one view for all entries does: each costs as much as an entry.
bool Server::Core::is_watched() const { return leader_ || requests_.size() > 0; }

void Server::Core::look_at_state() {
    state_.settle_digest();
    view_ = state_.view();
}

void Server::Core::apply_one(Step& step, const raft::Entry& entry) {
    const std::uint64_t index = entry.index.value();
    unsaved_bytes_ += entry.payload().size();
    learn_what_never_happened(step, entry.term);
    if (entry.kind == raft::EntryKind::conf_change) return apply_conf_change(step, entry);
    if (!entry.payload().empty()) return apply_command(step, entry);
    state_.apply_empty(index);
    if (leader_) leader_->applied_empty(index);
    (void)settle_slots(step, entry);
}

// Parsed once by whoever proposed it, and by everybody else here.
control::EntryPtr Server::Core::command_of(const raft::Entry& entry) const {
    const auto own = slots_.find({entry.index.value(), entry.term.value()});
    if (own != slots_.end()) return own->second.entry;
    auto parsed = std::make_shared<schema::Entry>();
    const std::string_view bytes = entry.payload();
    if (!parsed->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return nullptr;
    return parsed;
}

state::ApplyResult Server::Core::apply_to_state(std::uint64_t index, const schema::Entry& command) {
    auto foreseen = leader_ ? leader_->take_foreseen(index, command) : std::nullopt;
    if (!foreseen) return state_.apply(index, command);
    ENSURE(foreseen->after.applied_index() == index);
    state_ = state::State::fork(foreseen->after, state_config_);
    return std::move(foreseen->result);
}

void Server::Core::apply_command(Step& step, const raft::Entry& entry) {
    const std::uint64_t index = entry.index.value();
    const control::EntryPtr command = command_of(entry);
    if (!command) {
        return halt(step, "entry " + std::to_string(index) +
                              " cannot be read; restore this server from its peers");
    }
    const state::ApplyResult result = apply_to_state(index, *command);
    if (result.outcome == state::Applied::unknown) {
        return halt(step, "nothing is applied from entry " + std::to_string(index) +
                              " on: " + result.error.message);
    }
    if (result.outcome == state::Applied::skipped) {
        step.report(Severity::info, "skipped entry " + std::to_string(index) + " of unknown type " +
                                        std::to_string(command->type()) + ", marked ignorable");
    }
    if (is_watched() || !result.changes.servers.empty() || command->has_restore_state())
        look_at_state();
    for (const auto waiter : watchers_.woken(result.changes)) woken_.insert(waiter);
    if (command->has_restore_state() && result.outcome == state::Applied::done) {
        restored(step, command->restore_state());
    }
    if (leader_) leader_->applied(index, *command, result, view_, step.moment());
    learn_outcome(step, *command, result);
    if (const auto asked = settle_slots(step, entry)) {
        answer_written(step, *asked, *command, result);
    }
    if (!result.changes.servers.empty()) {
        publish_peers(step);
        next_reconciliation_ = next_level_check_ = step.now;
    }
}

// Ours at this place: it happened. Ours at this place in another term, or further on in an older
// term than the one that has now been committed here: it never will, because terms in a log never
// fall. Both are proof; nothing else is.
// Returns the request whose entry this is, for its answer.
std::optional<RequestKey> Server::Core::settle_slots(Step& step, const raft::Entry& entry) {
    const Slot here{entry.index.value(), entry.term.value()};
    if (const auto own = slots_.find(here); own != slots_.end()) {
        // What this entry makes impossible was settled by the first entry of its term, or will be
        // by that of the next: the steady state must not look at every write that is under way.
        const auto request = own->second.request;
        slots_.erase(own);
        if (request && requests_.find(*request) != nullptr) return request;
        return std::nullopt;
    }
    for (auto slot = slots_.begin(); slot != slots_.end();) {
        if (slot->first.index > here.index && slot->first.term >= here.term) {
            ++slot;
            continue;
        }
        const auto request = slot->second.request;
        slot = slots_.erase(slot);
        if (request && requests_.find(*request) != nullptr) hold(step, *request);
    }
    return std::nullopt;
}

// A write that we passed on shows up in our own log: that is its answer, whatever became of the
// server that we passed it to.
void Server::Core::learn_outcome(Step& step, const schema::Entry& command,
                                 const state::ApplyResult& result) {
    const auto key = requests_.forwarded_with_id(command.request_id());
    if (!key) return;
    Pending* pending = requests_.find(*key);
    // The leader alone knows how long a node may be silent.
    const auto body = pending->request->body_case();
    if (body == schema::Request::kRegisterNode || body == schema::Request::kUpdateNodeStatus) {
        pending->fate_hidden = true;
        return;
    }
    answer_written(step, *key, command, result);
}

// What a leader was given to propose in its term lies in front of all later terms, or nowhere. So
// the first entry of a later term proves that what we passed on and have not met never happens, and
// it may be tried again: whoever waits for a crashed leader waits for an election and no longer.
void Server::Core::learn_what_never_happened(Step& step, raft::Term term) {
    if (term <= std::exchange(applied_term_, term)) return;
    for (const RequestKey key : requests_.in_phase(Phase::forwarded)) {
        const Pending& pending = *requests_.find(key);
        if (pending.forwarded_in < term && !pending.fate_hidden) hold(step, key);
    }
}

void Server::Core::wake_readers(Step& step) {
    for (const RequestKey key : std::exchange(woken_, {})) {
        const Pending* pending = requests_.find(key);
        if (pending != nullptr && pending->phase == Phase::parked) finish_read(step, key);
    }
}

}  // namespace drover::server
