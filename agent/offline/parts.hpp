// The parts of an examination, each adding what it sees. Internal to agent/offline.
#pragma once

#include "agent/offline/examine.hpp"
#include "engine/storage/recovery.hpp"

namespace drover::agent::offline {

using storage::start_afresh;

// <data_dir>/server/raft, if that is there; else an error that says what was looked for.
[[nodiscard]] Result<std::filesystem::path> raft_directory(const std::filesystem::path& data_dir);

// Errors of this project read "what; remedy".
[[nodiscard]] Finding finding_of(std::string place, const std::string& message);

void examine_identity(const std::filesystem::path& server_dir, Examination& examined);
void examine_version(const std::filesystem::path& data_dir, Examination& examined);
void examine_promise(const std::filesystem::path& server_dir, Examination& examined);
[[nodiscard]] Result<void> examine_store(const std::filesystem::path& directory,
                                         Examination& examined);
[[nodiscard]] Result<void> examine_snapshots(const std::filesystem::path& directory,
                                             Examination& examined);

}  // namespace drover::agent::offline
