// Messages, entries and progress in the words of etcd-io/raft's scripts.
#pragma once

#include <string>
#include <vector>

#include "engine/raft/raft.hpp"

namespace drover::raft::dialogue {

[[nodiscard]] std::string type_name(const MessageBody& body);
// The first line; what follows it in a script (entries, a snapshot) are not lines of messages.
[[nodiscard]] std::string describe(const Message& message);
[[nodiscard]] std::string describe(const Entry& entry);
// " Entries:[...]", or the beginning of it where there are several; nothing where there are none.
[[nodiscard]] std::string describe_entries(const std::vector<Entry>& entries);
[[nodiscard]] std::string describe(const Progress& progress, bool learner);
[[nodiscard]] std::string role_name(Role role);

// Marks a change that a script proposed in the older of its two forms.
inline constexpr const char* version_one = "v1";
[[nodiscard]] ConfChange parse_change(const std::vector<std::string>& lines);

}  // namespace drover::raft::dialogue
