// The few system calls that every driver needs, with errors that name the path and the reason. It
// knows nothing of tasks.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "engine/base/result.hpp"
#include "engine/base/time.hpp"

namespace drover::drivers {

class UniqueFd {
public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) : fd_{fd} {}
    UniqueFd(UniqueFd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) reset(std::exchange(other.fd_, -1));
        return *this;
    }
    ~UniqueFd() { reset(); }

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool valid() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }
    void reset(int fd = -1);

private:
    int fd_ = -1;
};

std::string errno_text(int error);
// "<what> <path>: <reason>", with the code that fits the reason.
tl::unexpected<Error> fail_errno(std::string_view what, std::string_view path, int error);

// The whole file; not_found when it does not exist, corrupt when it is larger than allowed.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t size_max);
[[nodiscard]] Result<void> write_fully(int fd, std::string_view bytes, std::string_view path);

// Missing parents are created with mode 0755; the last component gets exactly `mode`.
[[nodiscard]] Result<void> make_directories(const std::string& path, unsigned mode);

enum class Durability : bool { process_crash, power_loss };

// Replaces a file at once: a reader sees the old content or the new, never a part.
[[nodiscard]] Result<void> replace_file(const std::string& directory, const std::string& name,
                                        std::string_view bytes, Durability durability);

// Removes a file or a directory with all it holds. Symbolic links are removed, never followed;
// mounted file systems are refused. A missing path is a success.
[[nodiscard]] Result<void> remove_tree(const std::string& path);

// Where one path component comes from outside: not empty, no slash, no NUL, neither "." nor "..".
[[nodiscard]] bool is_plain_name(std::string_view name);

WallTime wall_now();

}  // namespace drover::drivers
