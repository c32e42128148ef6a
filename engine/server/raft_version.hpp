// Guards against starting a server with an older Raft protocol than its data has seen. Nothing
// here touches the file: the host says what reading <data_dir>/server/raft/version gave, and is
// told what to do. The content of the file never stops a server, except where it proves a
// downgrade.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/server/report.hpp"

namespace drover::server {

struct VersionFileMissing {};
struct VersionFileUnreadable {
    std::string reason;
};
struct VersionFileRead {
    std::string content;
};
using VersionFile = std::variant<VersionFileMissing, VersionFileUnreadable, VersionFileRead>;

// Write the content, then start. A failed write stops the server: raft_version_write_failed.
struct StartWithVersion {
    std::vector<Report> lines;
    std::string content;
};
struct RefuseVersion {
    std::string line;
};
using VersionDecision = std::variant<StartWithVersion, RefuseVersion>;

[[nodiscard]] VersionDecision decide_raft_version(const VersionFile& file, std::uint32_t configured,
                                                  std::string_view path);

// The one line with which a server stops that could not write its number.
[[nodiscard]] std::string raft_version_write_failed(std::uint32_t configured, std::string_view path,
                                                    std::string_view reason);

}  // namespace drover::server
