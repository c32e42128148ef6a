// Small whole files: written so that a crash leaves the old content or the new, never a mixture;
// read with a bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "engine/base/result.hpp"

namespace drover::io {

// The suffix of files that are being written; one that is left over belongs to an interrupted
// write.
constexpr std::string_view temporary_suffix = ".tmp";

// Writes beside, syncs, renames over `file`, syncs the directory. The directory must exist.
[[nodiscard]] Result<void> write_file_durably(const std::filesystem::path& file,
                                              std::string_view bytes);
// Up to `size_max` bytes from `offset`. Errc::not_found only when there is no such file.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& file, std::uint64_t offset,
                                            std::size_t size_max);
// Creates what is missing of the path, and makes each new name durable: what is synced later in a
// directory that a power failure takes away is gone with it.
[[nodiscard]] Result<void> make_directories(const std::filesystem::path& directory);
// Makes names that were created, renamed or removed in it durable.
[[nodiscard]] Result<void> sync_directory(const std::filesystem::path& directory);

}  // namespace drover::io
