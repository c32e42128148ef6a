// The protocol number's file. Whatever it holds, reading it never fails the caller.
#include "io/raft_version_file.hpp"

#include <charconv>
#include <string_view>
#include <system_error>

#include "io/durable_file.hpp"

namespace drover::io {
namespace {

constexpr std::size_t content_bytes_max = 64;

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blank = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::string printable(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes) text += byte >= ' ' && byte <= '~' ? byte : '?';
    return text;
}

}  // namespace

std::filesystem::path version_file_path(const std::filesystem::path& data_directory) {
    return data_directory / "server" / "raft" / "version";
}

VersionFileContent read_version_file(const std::filesystem::path& file) {
    const Result<std::string> content = read_file(file, 0, content_bytes_max);
    if (!content) {
        if (content.error().code == Errc::not_found) return VersionFileMissing{};
        return VersionFileUnreadable{content.error().message};
    }
    const std::string_view digits = trimmed(*content);
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) {
        return VersionFileInvalid{printable(*content)};
    }
    return VersionFileNumber{number};
}

Result<void> write_version_file(const std::filesystem::path& file, std::uint32_t number) {
    constexpr const char* remedy =
        "; the server must be able to note its raft_protocol there: check that the path can be "
        "written, has free space and is not a directory";
    if (const auto made = make_directories(file.parent_path()); !made) {
        return fail(Errc::internal, file.parent_path().string() +
                                        ": cannot create the directory: " + made.error().message +
                                        remedy);
    }
    const Result<void> written = write_file_durably(file, std::to_string(number) + "\n");
    if (!written) return fail(Errc::internal, written.error().message + remedy);
    return {};
}

}  // namespace drover::io
