// What must hold of one member at any moment, and between two moments of it. Run after every step
// in tests and in the simulator; each answers with the first sentence that is not true.
#pragma once

#include <optional>
#include <string>

#include "engine/raft/raft.hpp"

namespace drover::raft {

[[nodiscard]] std::optional<std::string> broken_invariant(const Raft& raft);
[[nodiscard]] std::optional<std::string> broken_invariant(const Raft& before, const Raft& after);

}  // namespace drover::raft
