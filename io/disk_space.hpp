// How much room a file system has left, for those who must not be the ones to use it up, and for
// what they say when it is gone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace drover::io {

struct DiskSpace {
    std::uint64_t free_bytes{};  // for this user
    std::uint64_t total_bytes{};
};
// None where the system does not say.
[[nodiscard]] std::optional<DiskSpace> disk_space(const std::filesystem::path& there);
// " (4096 of 1048576 bytes are free)"; empty where the system does not say.
[[nodiscard]] std::string told_space(const std::filesystem::path& there);

}  // namespace drover::io
