#include "drivers/posix.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <system_error>

namespace drover::drivers {
namespace {

Errc code_of(int error) {
    switch (error) {
        case ENOENT:
        case ENOTDIR:
            return Errc::not_found;
        case EACCES:
        case EPERM:
            return Errc::permission_denied;
        case EAGAIN:
        case EMFILE:
        case ENFILE:
        case ENOMEM:
            return Errc::overloaded;
        default:
            return Errc::internal;
    }
}

}  // namespace

void UniqueFd::reset(int fd) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
}

std::string errno_text(int error) { return std::generic_category().message(error); }

tl::unexpected<Error> fail_errno(std::string_view what, std::string_view path, int error) {
    std::string message{what};
    message += ' ';
    message += path;
    message += ": ";
    message += errno_text(error);
    return fail(code_of(error), std::move(message));
}

Result<std::string> read_file(const std::string& path, std::size_t size_max) {
    const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file.valid()) return fail_errno("cannot open", path, errno);
    std::string content;
    std::array<char, 16384> buffer;
    while (true) {
        const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail_errno("cannot read", path, errno);
        if (count == 0) return content;
        content.append(buffer.data(), static_cast<std::size_t>(count));
        if (content.size() > size_max) {
            return fail(Errc::corrupt,
                        path + " is larger than " + std::to_string(size_max) + " bytes");
        }
    }
}

Result<void> write_fully(int fd, std::string_view bytes, std::string_view path) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail_errno("cannot write", path, errno);
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

Result<void> make_directories(const std::string& path, unsigned mode) {
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
        const std::string parent = path.substr(0, slash);
        if (::mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST) {
            return fail_errno("cannot create directory", parent, errno);
        }
    }
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        return fail_errno("cannot create directory", path, errno);
    }
    // Through a descriptor, so that a link planted under this name is refused instead of followed.
    const UniqueFd made{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!made.valid()) return fail_errno("cannot open directory", path, errno);
    struct stat info{};
    if (::fstat(made.get(), &info) != 0) return fail_errno("cannot examine", path, errno);
    // Changed past the process's umask, and only when needed: the owner may be somebody else.
    if ((info.st_mode & 07777U) != mode && ::fchmod(made.get(), mode) != 0) {
        return fail_errno("cannot set the mode of", path, errno);
    }
    return {};
}

Result<void> replace_file(const std::string& directory, const std::string& name,
                          std::string_view bytes, Durability durability) {
    const std::string path = directory + "/" + name;
    const std::string draft = path + ".tmp";
    UniqueFd file{
        ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!file.valid()) return fail_errno("cannot create", draft, errno);
    if (auto written = write_fully(file.get(), bytes, draft); !written) return written;
    const bool sync = durability == Durability::power_loss;
    if (sync && ::fsync(file.get()) != 0) return fail_errno("cannot sync", draft, errno);
    if (::rename(draft.c_str(), path.c_str()) != 0)
        return fail_errno("cannot rename", draft, errno);
    if (!sync) return {};
    const UniqueFd parent{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!parent.valid() || ::fsync(parent.get()) != 0) {
        return fail_errno("cannot sync", directory, errno);
    }
    return {};
}

bool is_plain_name(std::string_view name) {
    return !name.empty() && name != "." && name != ".." && name.size() <= 200 &&
           name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

WallTime wall_now() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return WallTime{std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec};
}

}  // namespace drover::drivers
