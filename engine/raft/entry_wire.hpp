// The entries of an append, which are nearly all that consensus sends, as bytes and back: the same
// Protobuf (raft.proto, Message.append.entries), but written and read in place. Nothing is copied
// on the way in: entries stay parts of the message that brought them. Internal to wire.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/raft/types.hpp"

namespace drover::raft {

// Appends a second piece of Message.append, which Protobuf merges with the first.
void append_entries(const std::vector<Entry>& entries, std::string& out);

struct RawEntry {
    std::uint64_t term{}, index{}, kind{};
    std::string_view data;
};
struct SplitMessage {
    std::string rest;  // the message without the entries of its append
    std::vector<RawEntry> entries;
    bool appends{};
};
// False where the bytes are no Protobuf message.
[[nodiscard]] bool split(std::string_view bytes, SplitMessage& out);

}  // namespace drover::raft
