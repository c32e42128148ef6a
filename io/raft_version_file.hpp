// The file that holds the protocol number a server last started with. Reading tells four cases
// apart and decides nothing: what follows from them is decided by pure code elsewhere.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>

#include "engine/base/result.hpp"

namespace drover::io {

struct VersionFileMissing {};
struct VersionFileUnreadable {
    std::string reason;
};
struct VersionFileInvalid {
    std::string content;  // the first bytes, made printable
};
struct VersionFileNumber {
    std::uint32_t number{};
};
using VersionFileContent =
    std::variant<VersionFileMissing, VersionFileUnreadable, VersionFileInvalid, VersionFileNumber>;

// <data_dir>/server/raft/version
[[nodiscard]] std::filesystem::path version_file_path(const std::filesystem::path& data_directory);

[[nodiscard]] VersionFileContent read_version_file(const std::filesystem::path& file);
// Atomic and durable; creates missing directories. The error names path and remedy.
[[nodiscard]] Result<void> write_version_file(const std::filesystem::path& file,
                                              std::uint32_t number);

}  // namespace drover::io
