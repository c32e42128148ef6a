// What the disk itself does: the yardstick beside which every durable commit is measured, in the
// same run, because it belongs to the machine and to the minute.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace drover::io {

// Microseconds for a pwrite and fdatasync of a record of so many bytes, in order, into a file that
// is already written and synced: the mean over `time`.
[[nodiscard]] inline double raw_sync_us(std::size_t bytes, std::chrono::milliseconds time) {
    using Clock = std::chrono::steady_clock;
    constexpr std::size_t file_bytes = std::size_t{16} << 20;
    std::string path =
        (std::filesystem::temp_directory_path() / ("drover-raw-" + std::string(6, 'X'))).string();
    const int file = ::mkstemp(path.data());
    if (file < 0) throw std::runtime_error{path + ": cannot be created"};
    ::unlink(path.c_str());
    const std::string blank(file_bytes, '\0'), record(bytes, 'x');
    bool good =
        ::pwrite(file, blank.data(), blank.size(), 0) == static_cast<ssize_t>(blank.size()) &&
        ::fsync(file) == 0;
    std::size_t count = 0;
    const auto began = Clock::now();
    while (good && Clock::now() - began < time) {
        const auto at = static_cast<off_t>(count++ * bytes % (file_bytes - bytes));
        good = ::pwrite(file, record.data(), bytes, at) == static_cast<ssize_t>(bytes) &&
               ::fdatasync(file) == 0;
    }
    const auto took = Clock::now() - began;
    ::close(file);
    if (!good) throw std::runtime_error{path + ": the disk refused"};
    return std::chrono::duration<double, std::micro>(took).count() / static_cast<double>(count);
}

}  // namespace drover::io
