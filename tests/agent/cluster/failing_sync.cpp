// Loaded into a server before the C library: fails one sync, of a file whose path contains what the
// file named by DROVER_FAIL_SYNC says, and removes that file; all others are passed on.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

bool must_fail(int file) {
    const char* const order = std::getenv("DROVER_FAIL_SYNC");
    const int opened = order == nullptr ? -1 : ::open(order, O_RDONLY | O_CLOEXEC);
    if (opened < 0) return false;
    char part[256] = {}, path[4096] = {};
    const bool read = ::read(opened, part, sizeof part - 1) > 0;
    ::close(opened);
    const std::string link = "/proc/self/fd/" + std::to_string(file);
    if (!read || ::readlink(link.c_str(), path, sizeof path - 1) < 0) return false;
    // Of several threads the one that removes the order carries it out.
    return std::strstr(path, part) != nullptr && ::unlink(order) == 0;
}

int failed() {
    errno = EIO;
    return -1;
}

int sync_with(long call, int file) {
    return must_fail(file) ? failed() : static_cast<int>(::syscall(call, file));
}

}  // namespace

extern "C" {
int fsync(int file) { return sync_with(SYS_fsync, file); }
int fdatasync(int file) { return sync_with(SYS_fdatasync, file); }
// Into a file that is opened so, it is a sync as well.
ssize_t pwrite(int file, const void* bytes, std::size_t size, off_t at) {
    if ((::fcntl(file, F_GETFL) & O_DSYNC) != 0 && must_fail(file)) return failed();
    return ::syscall(SYS_pwrite64, file, bytes, size, at);
}
}
