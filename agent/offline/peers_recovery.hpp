// Recovery of a group that has lost its majority for good: the members that an operator wrote into
// <data_dir>/server/raft/peers.json take the place of those in the log.
//
// In this order: the file is read and everything is worked out; a copy of server/raft is made
// beside it; the snapshot that names the new members, then the store, become durable; the file
// goes. A crash in between leaves the file, and the next start does it again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.hpp"

namespace drover::agent::offline {

struct RecoveryMember {
    std::string id, address, name;
    bool votes{true};
};

struct PeersRecovery {
    std::uint64_t last_index{}, last_term{};
    std::uint64_t commit_index{};  // entries after it were perhaps never committed, and are now
    std::uint64_t replayed{};      // entries applied on top of the snapshot
    std::uint64_t jobs{};
    std::vector<RecoveryMember> before;
    std::vector<RecoveryMember> members;
    std::filesystem::path backup;  // empty where nothing was done
};

// What would happen; nothing is written. None where there is no peers.json.
[[nodiscard]] Result<std::optional<PeersRecovery>> plan_peers_recovery(
    const std::filesystem::path& data_dir);
// Does it, for a server that is about to start.
[[nodiscard]] Result<std::optional<PeersRecovery>> recover_by_peers_file(
    const std::filesystem::path& data_dir);

}  // namespace drover::agent::offline
