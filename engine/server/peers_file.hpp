// An operator's word on who the members of a group are from now on, whatever its log says: the
// content of <data_dir>/server/raft/peers.json. For a group that has lost its majority for good.
// Pure: the file is the host's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/base/uuid.hpp"
#include "engine/server/server.hpp"
#include "engine/state/view.hpp"

namespace drover::server {

struct ForcedMember {
    ServerInfoPtr server;  // raft_id, id and address at least
    bool votes{true};
};

// Takes both shapes, those of raft protocol 3 and 2:
//   [{"id": "<uuid>", "address": "ip:port", "non_voter": false}, ...]
//   ["ip:port", ...]      of servers that `known` has
// Errors name line and column, or the element, and the remedy. `self` must be among them.
[[nodiscard]] Result<std::vector<ForcedMember>> parse_peers_file(
    std::string_view text, const Uuid& self, const std::vector<ServerInfoPtr>& known);

}  // namespace drover::server
