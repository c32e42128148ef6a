// Servers as members of the cluster: out of what is replicated of them, and as JSON.
#pragma once

#include "agent/backend.hpp"
#include "engine/schema/json_value.hpp"
#include "engine/schema/server.pb.h"

namespace drover::agent {

// Taken for alive and for no leader: neither is replicated.
[[nodiscard]] Member member_of(const schema::ServerInfo& server);

[[nodiscard]] schema::JsonValue member_json(const Member& member);

}  // namespace drover::agent
