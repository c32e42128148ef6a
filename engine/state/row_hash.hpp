// The hash of one row, from which the digests are summed.
#pragma once

#include <string_view>

#include "engine/state/types.hpp"

namespace google::protobuf {
class Message;
}

namespace drover::state {

// Over canonical bytes; equal contents in different tables hash differently.
[[nodiscard]] Digest row_hash(Table table, const google::protobuf::Message& row);
[[nodiscard]] Digest row_hash(Table table, std::string_view canonical_row);
[[nodiscard]] Digest feature_level_hash(std::uint32_t level);
[[nodiscard]] Digest rehearsals_hash(std::uint64_t rehearsals);

}  // namespace drover::state
