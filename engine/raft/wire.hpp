// Messages as bytes and back: Protobuf (raft.proto), so that later releases may add fields. Its own
// target, engine_raft_wire, because the core knows no Protobuf.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.hpp"
#include "engine/raft/message.hpp"

namespace drover::raft {

[[nodiscard]] std::string encode(const Message& message);
// Errc::corrupt for what is not a message of a correct peer: bytes that do not parse, ids of zero,
// entries with a hole, a kind that this release does not know.
[[nodiscard]] Result<Message> decode(std::string_view bytes);

}  // namespace drover::raft
