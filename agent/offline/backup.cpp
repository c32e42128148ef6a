// See backup.hpp.
#include "agent/offline/backup.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "io/durable_file.hpp"

namespace drover::agent::offline {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> failed(const fs::path& path, const std::string& reason) {
    return fail(Errc::internal, "the backup " + path.string() + " cannot be made: " + reason +
                                    "; nothing was changed: make room or set the permissions, "
                                    "then start again");
}

Result<void> sync_file(const fs::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const bool synced = file >= 0 && ::fsync(file) == 0;
    const int reason = errno;
    if (file >= 0) ::close(file);
    if (!synced) return failed(path, std::strerror(reason));
    return {};
}

Result<void> sync_all(const fs::path& directory) {
    std::error_code error;
    for (const auto& entry : fs::recursive_directory_iterator{directory, error}) {
        if (!entry.is_regular_file(error) && !entry.is_directory(error)) continue;
        if (auto synced = sync_file(entry.path()); !synced) return synced;
    }
    if (error) return failed(directory, error.message());
    return sync_file(directory);
}

}  // namespace

Result<fs::path> back_up(const fs::path& directory) {
    const fs::path partial = directory.string() + ".backup.tmp";
    std::error_code error;
    fs::remove_all(partial, error);  // of an attempt that was interrupted
    if (!error) fs::copy(directory, partial, fs::copy_options::recursive, error);
    if (error) return failed(partial, error.message());
    if (auto synced = sync_all(partial); !synced) return tl::unexpected{synced.error()};
    fs::path whole;
    for (int number = 1; whole.empty() || fs::exists(whole, error); ++number) {
        if (error) return failed(whole, error.message());
        whole = directory.string() + ".backup-" + std::to_string(number);
    }
    fs::rename(partial, whole, error);
    if (error) return failed(whole, error.message());
    if (auto synced = io::sync_directory(directory.parent_path()); !synced) {
        return tl::unexpected{synced.error()};
    }
    return whole;
}

}  // namespace drover::agent::offline
