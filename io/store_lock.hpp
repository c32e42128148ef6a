// A reader's share of the lock that a database's writer holds alone. It writes nothing, also not
// the lock file.
#pragma once

#include <filesystem>

#include "engine/base/result.hpp"

namespace drover::io {

class StoreLock {
public:
    StoreLock() = default;
    ~StoreLock();
    StoreLock(StoreLock&& other) noexcept;
    StoreLock& operator=(StoreLock&& other) noexcept;

    // Errc::conflict while a writer holds it. A missing file is nobody's: nothing is held then.
    [[nodiscard]] static Result<StoreLock> share(const std::filesystem::path& file);

private:
    explicit StoreLock(int file) : file_{file} {}
    int file_{-1};
};

}  // namespace drover::io
