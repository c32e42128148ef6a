// See wal_files.hpp. How a log is read that ends in zeros is in wal_end.hpp.
#include "io/wal_files.hpp"

#include <fcntl.h>
#include <rocksdb/file_system.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <new>
#include <system_error>

#include "io/durable_file.hpp"
#include "io/wal_end.hpp"

namespace drover::io {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr std::size_t block_size = 4096;           // what a direct write consists of
constexpr std::size_t zeros_size = 256 << 10;      // laid at once
constexpr std::size_t small_write_max = 16 << 10;  // a larger one waits longer than it gains
constexpr std::size_t buffer_size = 1 << 20;       // written at once

bool is_log(const std::string& file) { return file.ends_with(".log"); }

std::size_t round_up(std::size_t bytes) {
    return (bytes + block_size - 1) / block_size * block_size;
}

struct FreeAligned {
    void operator()(char* bytes) const { ::operator delete[](bytes, std::align_val_t{block_size}); }
};
using AlignedBytes = std::unique_ptr<char[], FreeAligned>;

AlignedBytes aligned_zeros(std::size_t size) {
    AlignedBytes bytes{new (std::align_val_t{block_size}) char[size]};
    std::fill_n(bytes.get(), size, '\0');
    return bytes;
}

const char* zeros() {
    static const AlignedBytes bytes = aligned_zeros(zeros_size);
    return bytes.get();
}

IOStatus disk_error(const std::string& file, int number) {
    const std::string reason = std::generic_category().message(number);
    return number == ENOSPC ? IOStatus::NoSpace(file, reason) : IOStatus::IOError(file, reason);
}

// A log that is being written. What was appended is durable: there is nothing left to sync.
class PrewrittenLog final : public rocksdb::FSWritableFile {
public:
    // Nothing where the file system has no direct writes or no room.
    static std::unique_ptr<PrewrittenLog> create(const std::string& file) {
        const int opened = ::open(
            file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_DIRECT | O_DSYNC | O_CLOEXEC, 0644);
        if (opened < 0) return nullptr;
        std::unique_ptr<PrewrittenLog> log{new PrewrittenLog{file, opened}};
        log->lay_zeros();
        return log->zeros_end_ > 0 ? std::move(log) : nullptr;
    }
    ~PrewrittenLog() override {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    PrewrittenLog(const PrewrittenLog&) = delete;
    PrewrittenLog& operator=(const PrewrittenLog&) = delete;

    using FSWritableFile::Append;
    IOStatus Append(const Slice& data, const IOOptions& /*options*/,
                    IODebugContext* /*debug*/) override {
        if (size_ + data.size() > zeros_end_ && data.size() <= small_write_max) lay_zeros();
        for (Slice rest = data; !rest.empty();) {
            const std::size_t taken = std::min(rest.size(), buffer_size - in_buffer_);
            std::copy_n(rest.data(), taken, buffer_.get() + in_buffer_);
            in_buffer_ += taken;
            rest.remove_prefix(taken);
            if (const int error = write_buffer(); error != 0) return disk_error(file_, error);
            size_ += taken;
        }
        return IOStatus::OK();
    }
    IOStatus Flush(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
        return IOStatus::OK();
    }
    IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
        return IOStatus::OK();
    }
    [[nodiscard]] bool IsSyncThreadSafe() const override { return true; }
    uint64_t GetFileSize(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
        return size_;
    }
    // A tidy end; without it the zeros are passed over when the log is read.
    IOStatus Close(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
        const int open = std::exchange(descriptor_, -1);
        if (open < 0) return IOStatus::OK();
        (void)!::ftruncate(open, static_cast<off_t>(size_));
        return ::close(open) == 0 ? IOStatus::OK() : disk_error(file_, errno);
    }

private:
    PrewrittenLog(std::string file, int opened) : file_{std::move(file)}, descriptor_{opened} {}

    void lay_zeros() {
        const std::size_t from = std::max(zeros_end_, round_up(size_));
        const ssize_t laid = ::pwrite(descriptor_, zeros(), zeros_size, static_cast<off_t>(from));
        if (laid > 0) zeros_end_ = from + static_cast<std::size_t>(laid) / block_size * block_size;
    }

    // The last block is written again with every record that it gets: only zeros in it change.
    // Returns what the system calls an error, or 0.
    int write_buffer() {
        const std::size_t padded = round_up(in_buffer_);
        std::fill_n(buffer_.get() + in_buffer_, padded - in_buffer_, '\0');
        for (std::size_t written = 0; written < padded;) {
            const ssize_t count = ::pwrite(descriptor_, buffer_.get() + written, padded - written,
                                           static_cast<off_t>(buffer_at_ + written));
            if (count < 0 && errno != EINTR) return errno;
            if (count > 0) written += static_cast<std::size_t>(count);
        }
        const std::size_t whole = in_buffer_ / block_size * block_size;
        std::copy(buffer_.get() + whole, buffer_.get() + in_buffer_, buffer_.get());
        buffer_at_ += whole;
        in_buffer_ -= whole;
        return 0;
    }

    const std::string file_;
    int descriptor_;
    AlignedBytes buffer_ = aligned_zeros(buffer_size);
    std::size_t buffer_at_ = 0;  // its place in the file
    std::size_t in_buffer_ = 0;
    std::atomic<std::uint64_t> size_ = 0;  // RocksDB asks from other threads
    std::size_t zeros_end_ = 0;
};

// A log up to the end of its records.
class EndedLog final : public rocksdb::FSSequentialFileOwnerWrapper {
public:
    EndedLog(std::unique_ptr<rocksdb::FSSequentialFile> file, std::uint64_t size)
        : FSSequentialFileOwnerWrapper{std::move(file)}, left_{size} {}

    IOStatus Read(std::size_t size, const IOOptions& options, Slice* result, char* scratch,
                  IODebugContext* debug) override {
        const auto wanted = std::min<std::uint64_t>(size, left_);
        IOStatus status =
            FSSequentialFileOwnerWrapper::Read(wanted, options, result, scratch, debug);
        if (status.ok()) left_ -= result->size();
        return status;
    }
    IOStatus Skip(std::uint64_t size) override {
        const std::uint64_t skipped = std::min(size, left_);
        left_ -= skipped;
        return FSSequentialFileOwnerWrapper::Skip(skipped);
    }

private:
    std::uint64_t left_;
};

// Only a log that was not closed ends with zeros: the others are RocksDB's to judge.
Result<std::uint64_t> end_of_log(const std::string& file) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(file, error);
    if (error) return fail(Errc::internal, error.message());
    if (size == 0) return 0;
    const auto last = read_file(file, size - 1, 1);
    if (!last) return tl::unexpected{last.error()};
    if (*last != std::string_view{"\0", 1}) return size;
    const auto log = read_file(file, 0, size);
    if (!log) return tl::unexpected{log.error()};
    return end_of_records(*log);
}

class WalFiles final : public rocksdb::FileSystemWrapper {
public:
    WalFiles() : FileSystemWrapper{rocksdb::FileSystem::Default()} {}
    [[nodiscard]] const char* Name() const override { return "drover-wal-files"; }

    IOStatus NewWritableFile(const std::string& file, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* result,
                             IODebugContext* debug) override {
        if (is_log(file)) *result = PrewrittenLog::create(file);
        if (is_log(file) && *result) return IOStatus::OK();
        return FileSystemWrapper::NewWritableFile(file, options, result, debug);
    }
    IOStatus NewSequentialFile(const std::string& file, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSSequentialFile>* result,
                               IODebugContext* debug) override {
        IOStatus status = FileSystemWrapper::NewSequentialFile(file, options, result, debug);
        if (!status.ok() || !is_log(file)) return status;
        const auto end = end_of_log(file);
        if (!end && end.error().code == Errc::corrupt) {
            return IOStatus::Corruption(file, end.error().message);
        }
        if (!end) return IOStatus::IOError(file, end.error().message);
        *result = std::make_unique<EndedLog>(std::move(*result), *end);
        return status;
    }
};

}  // namespace

rocksdb::Env* wal_files() {
    static const std::unique_ptr<rocksdb::Env> env =
        rocksdb::NewCompositeEnv(std::make_shared<WalFiles>());
    return env.get();
}

}  // namespace drover::io
