#include "drivers/alloc_dir.hpp"

#include <dirent.h>
#include <unistd.h>

#include <cerrno>

#include "drivers/executor_client.hpp"
#include "drivers/posix.hpp"
#include "drivers/task_process.hpp"

namespace drover::drivers {
namespace {

constexpr unsigned passable = 0755;
constexpr unsigned shared_by_users = 01777;
constexpr unsigned owner_only = 0700;

std::vector<std::string> entries_of(const std::string& path) {
    std::vector<std::string> names;
    DIR* listing = ::opendir(path.c_str());
    if (listing == nullptr) return names;
    while (const dirent* entry = ::readdir(listing)) {
        if (is_plain_name(entry->d_name)) names.emplace_back(entry->d_name);
    }
    ::closedir(listing);
    return names;
}

}  // namespace

Result<void> give_secrets(const std::string& task_dir, const std::string& user) {
    if (user.empty() || ::geteuid() != 0) return {};
    const auto ids = resolve_user(user);
    if (!ids) return tl::unexpected{ids.error()};
    const std::string secrets = task_dir + "/secrets";
    if (::lchown(secrets.c_str(), ids->user, ids->group) != 0 && errno != ENOENT) {
        return fail_errno("cannot give away", secrets, errno);
    }
    return {};
}

AllocDir::AllocDir(std::string root, std::string alloc_id)
    : root_{std::move(root)}, alloc_id_{std::move(alloc_id)}, path_{root_ + "/" + alloc_id_} {}

std::string AllocDir::local(const std::string& name) const { return task(name) + "/local"; }

std::string AllocDir::secrets(const std::string& name) const { return task(name) + "/secrets"; }

Result<void> AllocDir::check() const {
    if (!root_.starts_with('/')) {
        return fail(Errc::invalid_argument,
                    "allocation directory root \"" + root_ + "\" must be an absolute path");
    }
    if (!is_plain_name(alloc_id_)) {
        return fail(Errc::invalid_argument,
                    "allocation id \"" + alloc_id_ + "\" cannot be a directory name");
    }
    return {};
}

Result<void> AllocDir::build() const {
    if (auto checked = check(); !checked) return checked;
    if (auto made = make_directories(path_, passable); !made) return made;
    if (auto made = make_directories(shared(), passable); !made) return made;
    for (const char* name : {"/data", "/logs", "/tmp"}) {
        if (auto made = make_directories(shared() + name, shared_by_users); !made) return made;
    }
    return {};
}

Result<void> AllocDir::build_task(const std::string& name, const std::string& user) const {
    if (auto checked = check(); !checked) return checked;
    if (!is_plain_name(name) || name == "alloc") {
        return fail(Errc::invalid_argument,
                    "task name \"" + name + "\" cannot be a directory name; choose another");
    }
    if (auto made = make_directories(task(name), shared_by_users); !made) return made;
    if (auto made = make_directories(local(name), shared_by_users); !made) return made;
    if (auto made = make_directories(task(name) + "/tmp", shared_by_users); !made) return made;
    if (auto made = make_directories(secrets(name), owner_only); !made) return made;
    return give_secrets(task(name), user);
}

Result<void> AllocDir::destroy() const {
    if (auto checked = check(); !checked) return checked;
    for (const auto& name : entries_of(path_)) {
        if (auto ended = end_runs(task(name)); !ended) return ended;
    }
    return remove_tree(path_);
}

}  // namespace drover::drivers
