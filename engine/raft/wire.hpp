// Messages as bytes and back: Protobuf (raft.proto), so that later releases may add fields. Its own
// target, engine_raft_wire, because the core knows no Protobuf.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.hpp"
#include "engine/raft/message.hpp"

namespace drover::raft {

[[nodiscard]] std::string encode(const Message& message);
// Entries stay parts of `bytes`. Errc::corrupt for what no correct peer sends: bytes that do not
// parse, ids of zero, entries with a hole. Errc::unsupported for a kind that a later release has
// added; it may be passed over.
[[nodiscard]] Result<Message> decode(SharedBytes bytes);
[[nodiscard]] Result<Message> decode(std::string_view bytes);

}  // namespace drover::raft
