// See mark_file.hpp.
#include "io/mark_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "io/durable_file.hpp"

namespace drover::io {
namespace {

constexpr std::size_t size_max = 512;  // a sector; a mark is far shorter

tl::unexpected<Error> mark_error(const std::filesystem::path& file, const char* what, int number) {
    return fail(Errc::internal, file.string() + ": cannot " + what + ": " +
                                    std::generic_category().message(number));
}

}  // namespace

Result<MarkFile> MarkFile::open(std::filesystem::path file) {
    const int opened = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (opened < 0) return mark_error(file, "create", errno);
    return MarkFile{std::move(file), opened};
}

Result<std::optional<std::string>> MarkFile::read(const std::filesystem::path& file) {
    auto bytes = read_file(file, 0, size_max);
    if (!bytes && bytes.error().code != Errc::not_found) return tl::unexpected{bytes.error()};
    if (!bytes || bytes->empty()) return std::optional<std::string>{};
    return std::optional<std::string>{std::move(*bytes)};
}

MarkFile::~MarkFile() {
    if (file_ >= 0) ::close(file_);
}

MarkFile::MarkFile(MarkFile&& other) noexcept
    : path_{std::move(other.path_)}, file_{std::exchange(other.file_, -1)} {}

MarkFile& MarkFile::operator=(MarkFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(file_, other.file_);
    return *this;
}

Result<void> MarkFile::write(std::string_view bytes) const {
    const ssize_t written = ::pwrite(file_, bytes.data(), bytes.size(), 0);
    if (written == static_cast<ssize_t>(bytes.size())) return {};
    return mark_error(path_, "write", written < 0 ? errno : ENOSPC);
}

}  // namespace drover::io
