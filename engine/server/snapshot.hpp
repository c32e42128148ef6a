// The replicated state as a snapshot file and back. Pure: the file itself is the host's.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/base/result.hpp"
#include "engine/server/boundary.hpp"
#include "engine/state/state.hpp"

namespace drover::server {

// The bytes of the file that SaveSnapshot asks for; any thread may make them.
[[nodiscard]] std::string snapshot_file(const SaveSnapshot& save);

struct LoadedSnapshot {
    state::State state;
    raft::SnapshotMeta meta;
    std::shared_ptr<const KeptSections> kept;  // what this release does not know and must not lose
};
[[nodiscard]] Result<LoadedSnapshot> load_snapshot(std::string_view bytes,
                                                   state::StateConfig config);
// The same of a snapshot that consensus knows: the file must be of that very place in the log.
[[nodiscard]] Result<LoadedSnapshot> load_snapshot(const raft::Snapshot& snapshot,
                                                   state::StateConfig config);

}  // namespace drover::server
