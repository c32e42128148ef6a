// See task_file.hpp.
#include "drivers/task_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "drivers/posix.hpp"

namespace drover::drivers {
namespace {

constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

Result<UniqueFd> open_folder(const UniqueFd& parent, const std::string& name,
                             const std::string& whole) {
    if (::mkdirat(parent.get(), name.c_str(), 0755) != 0 && errno != EEXIST) {
        return fail_errno("create", whole, errno);
    }
    UniqueFd folder{::openat(parent.get(), name.c_str(), folder_flags)};
    if (!folder.valid()) return fail_errno("open", whole, errno);
    return folder;
}

Result<void> write_in(const UniqueFd& folder, const std::string& name, std::string_view bytes,
                      const std::string& whole) {
    if (::unlinkat(folder.get(), name.c_str(), 0) != 0 && errno != ENOENT) {
        return fail_errno("replace", whole, errno);
    }
    const UniqueFd file{::openat(folder.get(), name.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644)};
    if (!file.valid()) return fail_errno("create", whole, errno);
    return write_fully(file.get(), bytes, whole);
}

}  // namespace

Result<void> write_task_file(const std::string& directory, std::string_view path,
                             std::string_view bytes) {
    const std::string whole = directory + "/" + std::string{path};
    UniqueFd folder{::open(directory.c_str(), folder_flags)};
    if (!folder.valid()) return fail_errno("open", directory, errno);
    while (true) {
        const std::size_t slash = path.find('/');
        const std::string name{path.substr(0, slash)};
        if (slash != std::string_view::npos && (name.empty() || name == ".")) {
            path.remove_prefix(slash + 1);
            continue;
        }
        if (!is_plain_name(name)) {
            return fail(Errc::invalid_argument,
                        whole + ": does not name a file in the task's directory");
        }
        if (slash == std::string_view::npos) return write_in(folder, name, bytes, whole);
        auto next = open_folder(folder, name, whole);
        if (!next) return tl::unexpected{next.error()};
        folder = std::move(*next);
        path.remove_prefix(slash + 1);
    }
}

}  // namespace drover::drivers
