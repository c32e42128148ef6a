// The agent's way to its durable state: collects the changes of a step into one write, keeps at
// most one write in flight, and says which changes have reached the disk.
//
// After a failed write nothing is known about the disk any more: nothing further is written, and
// nothing that rests on a write ever becomes durable.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/strong.hpp"
#include "engine/client/boundary.hpp"
#include "engine/schema/canonical.hpp"

namespace drover::client {

class StateJournal {
public:
    explicit StateJournal(const std::vector<std::pair<std::string, std::string>>& durable);

    // The write with which the value is durable; an earlier one where it is stored already.
    StateWriteId put(const std::string& key, StoredBytes value);
    void erase(const std::string& key);

    [[nodiscard]] bool is_durable(StateWriteId write) const { return write <= completed_; }
    [[nodiscard]] const std::optional<std::string>& failure() const { return failure_; }

    // True where the news is about the write in flight.
    bool written(StateWriteId write);
    bool write_failed(StateWriteId write, const std::string& reason);

    // Begins the next write if there is something to write and none is in flight.
    void flush(std::vector<Effect>& effects);

private:
    // Whether a value is new is told by its hash: the values themselves would be kept twice.
    struct Stored {
        schema::Hash128 value;
        StateWriteId since;
    };

    std::map<std::string, Stored> stored_;          // as it will be once everything is written
    std::map<std::string, StoredBytes> collected_;  // none: to be erased
    StateWriteId collecting_{1};
    StateWriteId completed_{0};
    std::optional<StateWriteId> in_flight_;
    std::optional<std::string> failure_;
};

}  // namespace drover::client
