#include "engine/client/state_journal.hpp"

#include <iterator>

namespace drover::client {

StateJournal::StateJournal(const std::vector<std::pair<std::string, std::string>>& durable) {
    for (const auto& [key, value] : durable)
        stored_[key] = Stored{schema::hash128(value, 0), StateWriteId{0}};
}

StateWriteId StateJournal::put(const std::string& key, StoredBytes value) {
    const auto hash = schema::hash128(*value, 0);
    const auto [known, added] = stored_.try_emplace(key, Stored{hash, collecting_});
    if (!added && known->second.value == hash) return known->second.since;
    known->second = {hash, collecting_};
    if (!failure_) collected_[key] = std::move(value);
    return collecting_;
}

void StateJournal::erase(const std::string& key) {
    if (stored_.erase(key) == 0 || failure_) return;
    collected_[key] = nullptr;
}

bool StateJournal::written(StateWriteId write) {
    if (in_flight_ != write) return false;
    in_flight_.reset();
    completed_ = write;
    return true;
}

bool StateJournal::write_failed(StateWriteId write, const std::string& reason) {
    if (in_flight_ != write) return false;
    in_flight_.reset();
    failure_ = reason;
    collected_.clear();
    return true;
}

void StateJournal::flush(std::vector<Effect>& effects) {
    if (in_flight_ || collected_.empty() || failure_) return;
    WriteState write{
        collecting_,
        {std::make_move_iterator(collected_.begin()), std::make_move_iterator(collected_.end())}};
    in_flight_ = collecting_;
    collecting_ = StateWriteId{collecting_.value() + 1};
    collected_.clear();
    effects.emplace_back(std::move(write));
}

}  // namespace drover::client
