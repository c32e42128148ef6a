// One output stream of a task as a row of numbered files, <task>.stdout.0, .1, ...: the newest few
// are kept, and a line is split only when it would not fit a whole file. The directory belongs to
// the task too, so whatever is found under these names is checked before it is written to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/driver.hpp"
#include "drivers/posix.hpp"

namespace drover::drivers {

class LogRotator {
public:
    // `prefix` is "<task>.stdout". Continues after the newest file, in it if it has room.
    LogRotator(std::string directory, std::string prefix, LogLimits limits);

    [[nodiscard]] Result<void> open();
    // What cannot be written is lost: a full disk must not stop the task.
    [[nodiscard]] Result<void> write(std::string_view bytes);

private:
    [[nodiscard]] Result<void> open_file(std::uint64_t number);
    void remove_old_files();
    // How much of `bytes` goes into the current file; 0 asks for the next file.
    [[nodiscard]] std::size_t share_of(std::string_view bytes) const;

    std::string directory_;
    std::string prefix_;
    LogLimits limits_;
    UniqueFd file_;
    std::uint64_t number_ = 0;
    std::int64_t written_bytes_ = 0;
};

// The numbers of the files "<prefix>.<number>" in a directory, ascending.
[[nodiscard]] Result<std::vector<std::uint64_t>> log_file_numbers(const std::string& directory,
                                                                  const std::string& prefix);

}  // namespace drover::drivers
