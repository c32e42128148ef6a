// The handshake's messages and its durable promise as bytes and back: Protobuf
// (engine/schema/membership.proto), so that later releases may add fields.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.hpp"
#include "engine/membership/boundary.hpp"

namespace drover::membership {

[[nodiscard]] std::string encode(const Message& message);
// Errc::corrupt for bytes that are no message of a correct server.
[[nodiscard]] Result<Message> decode(std::string_view bytes);

[[nodiscard]] std::string encode(const SavedPromise& saved);
[[nodiscard]] Result<SavedPromise> decode_saved(std::string_view bytes);

}  // namespace drover::membership
