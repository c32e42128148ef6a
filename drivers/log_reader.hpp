// Reading one output stream of a task as if it were one text, across the files that its executor
// rotates through and removes meanwhile. It never waits: a caller that follows asks again later.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "drivers/posix.hpp"

namespace drover::drivers {

enum class LogStream : std::uint8_t { out, err };
enum class LogOrigin : std::uint8_t { start, end };

struct LogFile {
    std::string name;  // "<task>.stdout.<number>"
    std::uint64_t number = 0;
    std::int64_t size_bytes = 0;
};

struct LogChunk {
    std::string file;
    std::int64_t offset = 0;  // of the first byte, within that file
    std::string bytes;
    // The file was cut short under the reader, which goes on from its new beginning.
    bool truncated = false;
};

// In the order in which they were written.
[[nodiscard]] Result<std::vector<LogFile>> list_log_files(const std::string& log_dir,
                                                          const std::string& task,
                                                          LogStream stream);

class LogReader {
public:
    // The offset counts bytes over all files that are left: forward from the start of the oldest,
    // or back from the end of the newest. not_found when there is no file (yet).
    [[nodiscard]] static Result<LogReader> open(const std::string& log_dir, const std::string& task,
                                                LogStream stream, LogOrigin origin,
                                                std::int64_t offset_bytes);

    // The next bytes, of one file; none when all that was written so far has been read.
    [[nodiscard]] Result<std::optional<LogChunk>> next(std::size_t size_bytes_max);

private:
    LogReader(std::string log_dir, std::string prefix);
    [[nodiscard]] Result<void> open_file(std::uint64_t number, std::int64_t offset);
    [[nodiscard]] Result<std::optional<LogChunk>> read(std::size_t size_bytes_max);
    // False when this file is the newest.
    [[nodiscard]] Result<bool> open_next_file();

    std::string log_dir_;
    std::string prefix_;
    UniqueFd file_;
    std::uint64_t number_ = 0;
    std::int64_t offset_ = 0;
};

}  // namespace drover::drivers
