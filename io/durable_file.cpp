// Whole files by plain system calls, because what fsync returns is the point of them.
#include "io/durable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "io/disk_space.hpp"

namespace drover::io {
namespace {

tl::unexpected<Error> file_error(const std::filesystem::path& file, const char* what) {
    const int number = errno;
    const std::string room = number == ENOSPC ? told_space(file.parent_path()) : "";
    return fail(
        number == ENOENT ? Errc::not_found : Errc::internal,
        file.string() + ": cannot " + what + ": " + std::generic_category().message(number) + room);
}

class Descriptor {
public:
    explicit Descriptor(int number) : number_{number} {}
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int number() const { return number_; }

private:
    int number_;
};

bool write_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR) return false;
        if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

Result<void> write_and_sync(const std::filesystem::path& file, std::string_view bytes) {
    const Descriptor out{::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (out.number() < 0) return file_error(file, "create");
    if (!write_all(out.number(), bytes)) return file_error(file, "write");
    if (::fsync(out.number()) != 0) return file_error(file, "sync");
    return {};
}

}  // namespace

Result<void> write_file_durably(const std::filesystem::path& file, std::string_view bytes) {
    const std::filesystem::path beside{file.string() + std::string{temporary_suffix}};
    if (const Result<void> written = write_and_sync(beside, bytes); !written) {
        ::unlink(beside.c_str());
        return written;
    }
    if (::rename(beside.c_str(), file.c_str()) != 0) {
        const tl::unexpected<Error> error = file_error(file, "replace");
        ::unlink(beside.c_str());
        return error;
    }
    return sync_directory(file.parent_path());
}

Result<std::string> read_file(const std::filesystem::path& file, std::uint64_t offset,
                              std::size_t size_max) {
    const Descriptor in{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    if (in.number() < 0) return file_error(file, "open");
    struct stat status{};
    if (::fstat(in.number(), &status) != 0) return file_error(file, "examine");
    if (!S_ISREG(status.st_mode)) {
        return fail(Errc::internal, file.string() + ": is not a regular file");
    }
    const auto whole = static_cast<std::uint64_t>(status.st_size);
    const std::uint64_t rest = offset < whole ? whole - offset : 0;
    std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(rest, size_max)), '\0');
    std::size_t got = 0;
    while (got < bytes.size()) {
        const ssize_t count = ::pread(in.number(), bytes.data() + got, bytes.size() - got,
                                      static_cast<off_t>(offset + got));
        if (count < 0 && errno != EINTR) return file_error(file, "read");
        if (count == 0) break;  // it was shortened meanwhile
        if (count > 0) got += static_cast<std::size_t>(count);
    }
    bytes.resize(got);
    return bytes;
}

Result<void> make_directories(const std::filesystem::path& directory) {
    std::error_code error;
    if (directory.empty() || std::filesystem::is_directory(directory, error)) return {};
    if (auto above = make_directories(directory.parent_path()); !above) return above;
    if (::mkdir(directory.c_str(), 0777) != 0) {
        const tl::unexpected<Error> failed = file_error(directory, "create");
        // Another process may have made it meanwhile.
        if (!std::filesystem::is_directory(directory, error)) return failed;
    }
    return sync_directory(directory.parent_path());
}

Result<void> sync_directory(const std::filesystem::path& directory) {
    const std::filesystem::path named = directory.empty() ? "." : directory;
    const Descriptor handle{::open(named.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (handle.number() < 0) return file_error(named, "open");
    if (::fsync(handle.number()) != 0) return file_error(named, "sync");
    return {};
}

}  // namespace drover::io
