// Messages, entries, progress and all the rest in the words of etcd-io/raft's scripts. Some take
// several lines; none ends with a line break.
#pragma once

#include <string>
#include <vector>

#include "engine/raft/raft.hpp"

namespace drover::raft::dialogue {

[[nodiscard]] std::string type_name(const MessageBody& body);
[[nodiscard]] std::string describe(const Message& message, const std::string& indent = {});
[[nodiscard]] std::string describe(const Entry& entry);
// " Entries:[...]", over several lines where there are several; nothing where there are none.
[[nodiscard]] std::string describe_entries(const std::vector<Entry>& entries,
                                           const std::string& indent = {});
// As "1 2 3".
[[nodiscard]] std::string join(const std::set<RaftId>& members);
[[nodiscard]] std::string describe(const SnapshotMeta& snapshot);
[[nodiscard]] std::string describe(const ConfState& conf);
[[nodiscard]] std::string describe(const Progress& progress, bool learner);
[[nodiscard]] std::string describe(const SoftState& soft);
[[nodiscard]] std::string describe(const HardState& hard);
[[nodiscard]] std::string role_name(Role role);
// Everything that a drain gave, with the lines of what it sends. `before` is what was written last.
[[nodiscard]] std::string describe(const Ready& ready, const HardState& before,
                                   const std::vector<std::string>& messages);

// Marks a change that a script proposed in the older of its two forms.
inline constexpr const char* version_one = "v1";
[[nodiscard]] ConfChange parse_change(const std::vector<std::string>& lines);

[[nodiscard]] inline std::string text(RaftId id) { return std::to_string(id.value()); }
[[nodiscard]] inline std::string text(Term term) { return std::to_string(term.value()); }
[[nodiscard]] inline std::string text(Index index) { return std::to_string(index.value()); }
[[nodiscard]] inline std::string text(EntryId id) { return text(id.term) + "/" + text(id.index); }

}  // namespace drover::raft::dialogue
