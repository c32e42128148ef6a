#include "drivers/log_rotator.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace drover::drivers {

Result<std::vector<std::uint64_t>> log_file_numbers(const std::string& directory,
                                                    const std::string& prefix) {
    DIR* listing = ::opendir(directory.c_str());
    if (listing == nullptr) return fail_errno("cannot list", directory, errno);
    std::vector<std::uint64_t> numbers;
    while (const dirent* entry = ::readdir(listing)) {
        std::string_view name = entry->d_name;
        if (!name.starts_with(prefix + ".")) continue;
        name.remove_prefix(prefix.size() + 1);
        std::uint64_t number = 0;
        const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
        const bool whole = parsed.ec == std::errc{} && parsed.ptr == name.data() + name.size();
        // Only the spelling we write ourselves: "007" or a number without a successor is not ours.
        if (whole && name == std::to_string(number) && number < UINT64_MAX) {
            numbers.push_back(number);
        }
    }
    ::closedir(listing);
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

LogRotator::LogRotator(std::string directory, std::string prefix, LogLimits limits)
    : directory_{std::move(directory)}, prefix_{std::move(prefix)}, limits_{limits} {
    // A limit that nobody set is no wish for files of nothing.
    if (limits_.files_max < 1) limits_.files_max = LogLimits{}.files_max;
    if (limits_.file_size_bytes_max < 1) {
        limits_.file_size_bytes_max = LogLimits{}.file_size_bytes_max;
    }
}

Result<void> LogRotator::open() {
    const auto numbers = log_file_numbers(directory_, prefix_);
    if (!numbers) return tl::unexpected{numbers.error()};
    if (auto opened = open_file(numbers->empty() ? 0 : numbers->back()); !opened) return opened;
    remove_old_files();
    return {};
}

Result<void> LogRotator::open_file(std::uint64_t number) {
    const std::string path = directory_ + "/" + prefix_ + "." + std::to_string(number);
    // Neither a link nor a pipe that the task may have planted is opened for writing.
    constexpr int flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    UniqueFd file{::open(path.c_str(), flags, 0644)};
    if (!file.valid()) return fail_errno("cannot open log file", path, errno);
    struct stat info{};
    if (::fstat(file.get(), &info) != 0) return fail_errno("cannot examine", path, errno);
    if (!S_ISREG(info.st_mode) || info.st_nlink > 1) {
        return fail(Errc::conflict, path + " is no plain file of its own; remove it");
    }
    file_ = std::move(file);
    number_ = number;
    written_bytes_ = info.st_size;
    return {};
}

void LogRotator::remove_old_files() {
    const auto numbers = log_file_numbers(directory_, prefix_);
    if (!numbers) return;
    const auto kept = static_cast<std::size_t>(limits_.files_max);
    for (std::size_t i = 0; i + kept < numbers->size(); ++i) {
        ::unlink((directory_ + "/" + prefix_ + "." + std::to_string((*numbers)[i])).c_str());
    }
}

std::size_t LogRotator::share_of(std::string_view bytes) const {
    const std::int64_t room = limits_.file_size_bytes_max - written_bytes_;
    if (room <= 0) return 0;
    if (bytes.size() <= static_cast<std::size_t>(room)) return bytes.size();
    const std::string_view fitting = bytes.substr(0, static_cast<std::size_t>(room));
    const std::size_t newline = fitting.rfind('\n');
    if (newline != std::string_view::npos) return newline + 1;
    const std::size_t line = std::min(bytes.find('\n', fitting.size()), bytes.size());
    const bool fits_a_file = line < static_cast<std::size_t>(limits_.file_size_bytes_max);
    return fits_a_file && written_bytes_ > 0 ? 0 : fitting.size();
}

Result<void> LogRotator::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t share = share_of(bytes);
        if (share == 0) {
            if (auto opened = open_file(number_ + 1); !opened) return opened;
            remove_old_files();
            continue;
        }
        const auto part = bytes.substr(0, share);
        if (auto written = write_fully(file_.get(), part, prefix_); !written) return written;
        written_bytes_ += static_cast<std::int64_t>(share);
        bytes.remove_prefix(share);
    }
    return {};
}

}  // namespace drover::drivers
