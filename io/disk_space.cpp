// See disk_space.hpp.
#include "io/disk_space.hpp"

#include <sys/statvfs.h>

namespace drover::io {

std::optional<DiskSpace> disk_space(const std::filesystem::path& there) {
    struct statvfs status{};
    if (::statvfs(there.c_str(), &status) != 0) return std::nullopt;
    const std::uint64_t block = status.f_frsize;
    return DiskSpace{block * status.f_bavail, block * status.f_blocks};
}

std::string told_space(const std::filesystem::path& there) {
    const auto space = disk_space(there);
    if (!space) return {};
    return " (" + std::to_string(space->free_bytes) + " of " + std::to_string(space->total_bytes) +
           " bytes are free)";
}

}  // namespace drover::io
