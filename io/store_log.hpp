// Where RocksDB's own words go. Its file logger ends the process when the disk is full; this one
// writes what can be written, into a file or nowhere, and remembers which file was found damaged:
// RocksDB tells that to its log only. Included by store.cpp alone.
#pragma once

#include <rocksdb/env.h>

#include <filesystem>
#include <mutex>
#include <string>

namespace drover::io {

class StoreLog final : public rocksdb::Logger {
public:
    // Nothing is written: for readers, who must not change anything.
    StoreLog() : rocksdb::Logger{rocksdb::WARN_LEVEL} {}
    explicit StoreLog(const std::filesystem::path& file);
    ~StoreLog() override;
    StoreLog(const StoreLog&) = delete;
    StoreLog& operator=(const StoreLog&) = delete;

    using rocksdb::Logger::Logv;
    void Logv(const char* format, va_list arguments) override;

    // " in 000012.log", or nothing where no damage was told.
    [[nodiscard]] std::string damaged_file() const;

private:
    int file_{-1};
    mutable std::mutex mutex_;  // RocksDB logs from several threads
    std::string damaged_;
};

}  // namespace drover::io
