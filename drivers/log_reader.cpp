#include "drivers/log_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "drivers/log_rotator.hpp"

namespace drover::drivers {
namespace {

std::string prefix_of(const std::string& task, LogStream stream) {
    return task + (stream == LogStream::out ? ".stdout" : ".stderr");
}

}  // namespace

Result<std::vector<LogFile>> list_log_files(const std::string& log_dir, const std::string& task,
                                            LogStream stream) {
    if (!is_plain_name(task)) {
        return fail(Errc::invalid_argument, "task name \"" + task + "\" cannot be a file name");
    }
    const std::string prefix = prefix_of(task, stream);
    const auto numbers = log_file_numbers(log_dir, prefix);
    if (!numbers) return tl::unexpected{numbers.error()};
    std::vector<LogFile> files;
    for (const std::uint64_t number : *numbers) {
        const std::string name = prefix + "." + std::to_string(number);
        struct stat info{};
        // What the task planted here instead of a file is no log; what vanished was rotated away.
        if (::lstat((log_dir + "/" + name).c_str(), &info) != 0) continue;
        if (S_ISREG(info.st_mode)) files.push_back({name, number, info.st_size});
    }
    return files;
}

LogReader::LogReader(std::string log_dir, std::string prefix)
    : log_dir_{std::move(log_dir)}, prefix_{std::move(prefix)} {}

Result<LogReader> LogReader::open(const std::string& log_dir, const std::string& task,
                                  LogStream stream, LogOrigin origin, std::int64_t offset_bytes) {
    if (offset_bytes < 0) {
        return fail(Errc::invalid_argument,
                    "offset " + std::to_string(offset_bytes) + " must not be negative");
    }
    const auto files = list_log_files(log_dir, task, stream);
    if (!files) return tl::unexpected{files.error()};
    if (files->empty()) {
        return fail(Errc::not_found, "task \"" + task + "\" has written no log in " + log_dir);
    }
    std::int64_t total = 0;
    for (const auto& file : *files) total += file.size_bytes;
    std::int64_t skip = std::min(offset_bytes, total);
    if (origin == LogOrigin::end) skip = total - skip;
    LogReader reader{log_dir, prefix_of(task, stream)};
    for (const auto& file : *files) {
        const bool last = file.number == files->back().number;
        if (skip > file.size_bytes || (skip == file.size_bytes && !last)) {
            skip -= file.size_bytes;
            continue;
        }
        if (auto opened = reader.open_file(file.number, skip); !opened) {
            return tl::unexpected{opened.error()};
        }
        return reader;
    }
    return fail(Errc::internal, "the logs of task \"" + task + "\" changed while being opened");
}

Result<void> LogReader::open_file(std::uint64_t number, std::int64_t offset) {
    const std::string path = log_dir_ + "/" + prefix_ + "." + std::to_string(number);
    constexpr int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    UniqueFd file{::open(path.c_str(), flags)};
    if (!file.valid()) return fail_errno("cannot open log file", path, errno);
    struct stat info{};
    if (::fstat(file.get(), &info) != 0) return fail_errno("cannot examine", path, errno);
    if (!S_ISREG(info.st_mode)) return fail(Errc::conflict, path + " is no plain file");
    file_ = std::move(file);
    number_ = number;
    offset_ = offset;
    return {};
}

Result<std::optional<LogChunk>> LogReader::read(std::size_t size_bytes_max) {
    LogChunk chunk;
    chunk.file = prefix_ + "." + std::to_string(number_);
    struct stat info{};
    if (::fstat(file_.get(), &info) != 0) return fail_errno("cannot examine", chunk.file, errno);
    if (info.st_size < offset_) {
        offset_ = 0;
        chunk.truncated = true;
    }
    chunk.offset = offset_;
    chunk.bytes.resize(size_bytes_max);
    ssize_t count = 0;
    do {
        count = ::pread(file_.get(), chunk.bytes.data(), size_bytes_max, offset_);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return fail_errno("cannot read", chunk.file, errno);
    chunk.bytes.resize(static_cast<std::size_t>(count));
    offset_ += count;
    if (count == 0 && !chunk.truncated) return std::nullopt;
    return chunk;
}

Result<bool> LogReader::open_next_file() {
    const auto numbers = log_file_numbers(log_dir_, prefix_);
    if (!numbers) return tl::unexpected{numbers.error()};
    for (const std::uint64_t number : *numbers) {
        if (number <= number_) continue;
        auto opened = open_file(number, 0);
        if (opened) return true;
        // Rotated away between the listing and now, or planted by the task: the one after it is
        // next. Only a shortage of the host's is worth coming back for.
        if (opened.error().code == Errc::overloaded) return tl::unexpected{opened.error()};
    }
    return false;
}

Result<std::optional<LogChunk>> LogReader::next(std::size_t size_bytes_max) {
    size_bytes_max = std::max<std::size_t>(size_bytes_max, 1);
    while (true) {
        auto chunk = read(size_bytes_max);
        if (!chunk || *chunk) return chunk;
        const auto numbers = log_file_numbers(log_dir_, prefix_);
        if (!numbers) return tl::unexpected{numbers.error()};
        if (numbers->empty() || numbers->back() <= number_) return std::nullopt;
        // The next file exists, so this one is complete, but it may have been completed after we
        // looked: read it once more before leaving it.
        chunk = read(size_bytes_max);
        if (!chunk || *chunk) return chunk;
        auto moved = open_next_file();
        if (!moved) return tl::unexpected{moved.error()};
        if (!*moved) return std::nullopt;
    }
}

}  // namespace drover::drivers
