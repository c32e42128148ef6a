// What a server finds on its disk, from the bytes of the host: the store, the newest snapshot file
// and the version file. Internal to engine/host.
#pragma once

#include "engine/base/result.hpp"
#include "engine/host/host.pb.h"
#include "engine/server/server.hpp"

namespace drover::host {

[[nodiscard]] Result<server::DurableState> read_disk(const wire::ServerDisk& disk,
                                                     wire::Created& created);
// Errc::unsupported where the data has seen a newer Raft protocol than `configured`.
[[nodiscard]] Result<void> guard_version(const wire::VersionFile& file, std::uint32_t configured,
                                         wire::Created& created);

}  // namespace drover::host
