// Removing a directory that a task could fill as it liked: links are never followed, no depth runs
// out of descriptors or stack, and nothing on another file system is touched.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "drivers/posix.hpp"

namespace drover::drivers {
namespace {

struct Level {
    std::string name;
    dev_t device;
    ino_t inode;
};

// Walks with one open directory at a time: down by name, up by "..", checking on the way up that it
// arrives where it came from.
class TreeRemover {
public:
    explicit TreeRemover(std::string path) : path_{std::move(path)} {}

    Result<void> run(UniqueFd root) {
        current_ = std::move(root);
        struct stat info{};
        if (::fstat(current_.get(), &info) != 0) return fail_errno("cannot examine", path_, errno);
        levels_.push_back({"", info.st_dev, info.st_ino});
        while (true) {
            auto child = remove_entries();
            if (!child) return tl::unexpected{child.error()};
            if (!child->empty()) {
                if (auto down = descend(*child); !down) return down;
            } else if (levels_.size() == 1) {
                return {};
            } else if (auto up = ascend(); !up) {
                return up;
            }
        }
    }

private:
    // Unlinks all that is no directory; the name of a directory that is still in the way, or "".
    Result<std::string> remove_entries() {
        // A listing of its own description, since closing it closes the descriptor.
        const int copy = ::openat(current_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (copy < 0) return fail_errno("cannot open a directory in", path_, errno);
        DIR* listing = ::fdopendir(copy);
        if (listing == nullptr) {
            ::close(copy);
            return fail_errno("cannot list a directory in", path_, errno);
        }
        Result<std::string> blocked{std::string{}};
        while (const dirent* entry = ::readdir(listing)) {
            const std::string name = entry->d_name;
            if (name == "." || name == "..") continue;
            if (::unlinkat(current_.get(), name.c_str(), 0) == 0 || errno == ENOENT) continue;
            if (errno != EISDIR && errno != EPERM) {
                blocked = fail_errno("cannot remove " + name + " in", path_, errno);
                break;
            }
            if (::unlinkat(current_.get(), name.c_str(), AT_REMOVEDIR) == 0) continue;
            if (errno == ENOTEMPTY || errno == EEXIST) {
                blocked = name;
            } else {
                blocked = fail_errno("cannot remove " + name + " in", path_, errno);
            }
            break;
        }
        ::closedir(listing);
        return blocked;
    }

    Result<void> descend(const std::string& name) {
        constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        UniqueFd child{::openat(current_.get(), name.c_str(), flags)};
        if (!child.valid() && errno == EACCES) {
            ::fchmodat(current_.get(), name.c_str(), 0700, 0);
            child.reset(::openat(current_.get(), name.c_str(), flags));
        }
        if (!child.valid()) return fail_errno("cannot open " + name + " in", path_, errno);
        struct stat info{};
        if (::fstat(child.get(), &info) != 0) return fail_errno("cannot examine", name, errno);
        if (info.st_dev != levels_.front().device) {
            return fail(Errc::conflict, "cannot remove " + path_ + ": " + name +
                                            " in it is a mount point; unmount it first");
        }
        // A directory that its task made read-only still has to go.
        if ((info.st_mode & 0700U) != 0700U) ::fchmod(child.get(), 0700);
        levels_.push_back({name, info.st_dev, info.st_ino});
        current_ = std::move(child);
        return {};
    }

    Result<void> ascend() {
        UniqueFd parent{::openat(current_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        if (!parent.valid()) return fail_errno("cannot leave a directory in", path_, errno);
        const std::string finished = levels_.back().name;
        levels_.pop_back();
        struct stat info{};
        if (::fstat(parent.get(), &info) != 0) return fail_errno("cannot examine", path_, errno);
        if (info.st_dev != levels_.back().device || info.st_ino != levels_.back().inode) {
            return fail(Errc::conflict, path_ + " was moved while it was being removed");
        }
        current_ = std::move(parent);
        if (::unlinkat(current_.get(), finished.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
            return fail_errno("cannot remove " + finished + " in", path_, errno);
        }
        return {};
    }

    std::string path_;
    UniqueFd current_;
    std::vector<Level> levels_;
};

}  // namespace

Result<void> remove_tree(const std::string& path) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return {};
    if (errno != EISDIR && errno != EPERM) return fail_errno("cannot remove", path, errno);
    if (::rmdir(path.c_str()) == 0) return {};
    UniqueFd root{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!root.valid()) return fail_errno("cannot open", path, errno);
    if (auto emptied = TreeRemover{path}.run(std::move(root)); !emptied) return emptied;
    if (::rmdir(path.c_str()) != 0 && errno != ENOENT) {
        return fail_errno("cannot remove", path, errno);
    }
    return {};
}

}  // namespace drover::drivers
