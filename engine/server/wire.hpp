// Messages between servers as bytes and back. Every byte string is an acceptable input: what is not
// a message is refused, never believed in part.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.hpp"
#include "engine/server/boundary.hpp"

namespace drover::server {

[[nodiscard]] std::string encode_peer_message(const PeerMessage& message);
[[nodiscard]] Result<PeerMessage> decode_peer_message(std::string_view bytes);

}  // namespace drover::server
