// A few bytes that are overwritten in place and never synced: the advisory mark of how far the log
// is durable. It survives the death of the process; a power failure may set it back by the time
// that the kernel takes to write it out.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/result.hpp"

namespace drover::io {

class MarkFile {
public:
    // Creates the file when missing; its directory must exist.
    [[nodiscard]] static Result<MarkFile> open(std::filesystem::path file);
    // None where the file is missing, or nothing was ever written.
    [[nodiscard]] static Result<std::optional<std::string>> read(const std::filesystem::path& file);

    MarkFile() = default;
    ~MarkFile();
    MarkFile(MarkFile&& other) noexcept;
    MarkFile& operator=(MarkFile&& other) noexcept;

    // Always the same number of bytes, far less than a disk's sector, so that the old mark or the
    // new one is there after a crash. From one thread at a time.
    [[nodiscard]] Result<void> write(std::string_view bytes) const;

private:
    MarkFile(std::filesystem::path path, int file) : path_{std::move(path)}, file_{file} {}
    std::filesystem::path path_;
    int file_{-1};
};

}  // namespace drover::io
