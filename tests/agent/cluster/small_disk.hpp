// A file system of a few megabytes, in memory, at a directory of a test's own. It is seen by this
// program and its children only and goes with them, however they end.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace drover::agent::cluster {

class SmallDisk {
public:
    // Why there can be none; empty where there can be. Mounts need a mount namespace of our own,
    // and that privilege.
    static std::string refusal() {
        static const std::string why = [] {
            if (::unshare(CLONE_NEWNS) != 0 ||
                ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
                return std::string{"no file system can be mounted here: "} + std::strerror(errno) +
                       " (run the tests as root)";
            }
            return std::string{};
        }();
        return why;
    }

    SmallDisk() = default;
    ~SmallDisk() {
        if (where_.empty()) return;
        ::umount2(where_.c_str(), MNT_DETACH);
        std::error_code ignored;
        if (!scratch_.empty()) std::filesystem::remove_all(scratch_, ignored);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    // `scratch` outlives its owner as long as something is mounted in it, and goes with this.
    void mount(const std::filesystem::path& where, std::size_t kibibytes,
               std::filesystem::path scratch = {}) {
        std::filesystem::create_directories(where);
        ASSERT_EQ(::mount("tmpfs", where.c_str(), "tmpfs", 0, size(kibibytes).c_str()), 0)
            << std::strerror(errno);
        where_ = where;
        scratch_ = std::move(scratch);
    }
    void resize(std::size_t kibibytes) const {
        ASSERT_EQ(::mount("tmpfs", where_.c_str(), "tmpfs", MS_REMOUNT, size(kibibytes).c_str()), 0)
            << std::strerror(errno);
    }
    // Somebody else takes all that is left but so much.
    void fill(std::size_t kibibytes_left) const {
        const auto room = std::filesystem::space(where_).available;
        const std::size_t left = kibibytes_left << 10;
        if (room <= left) return;
        std::ofstream{ballast(), std::ios::binary | std::ios::app} << std::string(room - left, 'x');
        ASSERT_LE(std::filesystem::space(where_).available, left);
    }
    void free() const { std::filesystem::remove(ballast()); }

private:
    static std::string size(std::size_t kibibytes) {
        return "size=" + std::to_string(kibibytes) + "k";
    }
    [[nodiscard]] std::filesystem::path ballast() const { return where_ / "ballast"; }
    std::filesystem::path where_;
    std::filesystem::path scratch_;
};

}  // namespace drover::agent::cluster
