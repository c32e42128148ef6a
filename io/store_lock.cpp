// See store_lock.hpp. The lock is of the open file, not of the process: it conflicts with a writer
// in this process too, and no other close() drops it.
#include "io/store_lock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace drover::io {

StoreLock::~StoreLock() {
    if (file_ >= 0) ::close(file_);
}

StoreLock::StoreLock(StoreLock&& other) noexcept : file_{std::exchange(other.file_, -1)} {}

StoreLock& StoreLock::operator=(StoreLock&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
}

Result<StoreLock> StoreLock::share(const std::filesystem::path& file) {
    const int opened = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (opened < 0 && errno == ENOENT) return StoreLock{};
    if (opened < 0) {
        return fail(Errc::internal, file.string() + ": cannot be opened: " + std::strerror(errno) +
                                        "; run this as the user that the server runs as");
    }
    StoreLock lock{opened};
    struct flock range{};
    range.l_type = F_RDLCK;
    range.l_whence = SEEK_SET;
    if (::fcntl(opened, F_OFD_SETLK, &range) == 0) return lock;
    if (errno != EAGAIN && errno != EACCES) {
        return fail(Errc::internal, file.string() + ": cannot be locked: " + std::strerror(errno) +
                                        "; use a local file system that has locks");
    }
    return fail(Errc::conflict, file.parent_path().string() +
                                    ": is in use by a running process; stop the server first");
}

}  // namespace drover::io
