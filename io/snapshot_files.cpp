// Snapshot files: names carry index and term, fixed in width, so that a listing tells the newest
// without opening anything. An index that nobody can reach is not worth a database.
#include "io/snapshot_files.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <tuple>

#include "engine/storage/recovery.hpp"
#include "io/disk_space.hpp"
#include "io/durable_file.hpp"

namespace drover::io {
namespace {

constexpr std::size_t kept_count = 2;
constexpr std::size_t number_width = 20;  // digits of the largest 64-bit number
constexpr std::string_view suffix = ".snapshot";
// A log that cannot be written stops its server; a snapshot that is late does not.
constexpr std::uint64_t log_room = std::uint64_t{16} << 20;

std::string padded(std::uint64_t number) {
    const std::string digits = std::to_string(number);
    return std::string(number_width - digits.size(), '0') + digits;
}

std::string name_of(std::uint64_t index, std::uint64_t term) {
    return padded(index) + "-" + padded(term) + std::string{suffix};
}

std::optional<std::uint64_t> parse_number(std::string_view digits) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return number;
}

// None for anything that is not a finished snapshot: such files are not ours to touch.
std::optional<SnapshotFile> parse_name(const std::filesystem::path& path) {
    const std::string name = path.filename().string();
    if (name.size() != 2 * number_width + 1 + suffix.size()) return std::nullopt;
    if (name[number_width] != '-' || !name.ends_with(suffix)) return std::nullopt;
    const auto index = parse_number(std::string_view{name}.substr(0, number_width));
    const auto term = parse_number(std::string_view{name}.substr(number_width + 1, number_width));
    if (!index || !term) return std::nullopt;
    return SnapshotFile{*index, *term, 0, path};
}

tl::unexpected<Error> directory_error(const std::filesystem::path& directory, const char* what,
                                      const std::error_code& error) {
    return fail(Errc::internal,
                "snapshots " + directory.string() + ": cannot " + what + ": " + error.message());
}

bool newer(const SnapshotFile& left, const SnapshotFile& right) {
    return std::tie(left.index, left.term) > std::tie(right.index, right.term);
}

}  // namespace

Result<SnapshotFiles> SnapshotFiles::open(std::filesystem::path directory) {
    if (const auto made = make_directories(directory); !made) {
        return fail(Errc::internal, "snapshots " + directory.string() +
                                        ": cannot create the directory: " + made.error().message);
    }
    std::error_code error;
    std::filesystem::directory_iterator entries{directory, error};
    if (error) return directory_error(directory, "list the directory", error);
    std::vector<std::filesystem::path> left_over;
    for (const auto& entry : entries) {
        if (entry.path().filename().string().ends_with(std::string{suffix} +
                                                       std::string{temporary_suffix})) {
            left_over.push_back(entry.path());
        }
    }
    for (const std::filesystem::path& path : left_over) {
        if (!std::filesystem::remove(path, error) && error) {
            return directory_error(directory, "remove an interrupted save", error);
        }
    }
    return SnapshotFiles{std::move(directory)};
}

Result<SnapshotFile> SnapshotFiles::save(std::uint64_t index, std::uint64_t term,
                                         std::string_view bytes) const {
    const std::filesystem::path path = directory_ / name_of(index, term);
    if (const Result<void> written = write_file_durably(path, bytes); !written) {
        return tl::unexpected<Error>{written.error()};
    }
    const Result<std::vector<SnapshotFile>> files = list();
    if (!files) return tl::unexpected<Error>{files.error()};
    for (std::size_t i = kept_count; i < files->size(); ++i) {
        // A file that cannot be removed costs space and nothing else; the next save tries again.
        std::error_code ignored;
        std::filesystem::remove((*files)[i].path, ignored);
    }
    return SnapshotFile{index, term, bytes.size(), path};
}

Result<void> SnapshotFiles::room_for(std::uint64_t bytes) const {
    const auto space = disk_space(directory_);
    if (!space || space->free_bytes >= bytes + log_room) return {};
    return fail(Errc::overloaded, "snapshots " + directory_.string() + ": there is no room for " +
                                      std::to_string(bytes) + " bytes beside the " +
                                      std::to_string(log_room) + " that are left to the log" +
                                      told_space(directory_) + "; make room on that file system");
}

Result<void> SnapshotFiles::set_aside(const SnapshotFile& file) {
    std::error_code error;
    std::filesystem::rename(file.path, file.path.string() + ".damaged", error);
    if (error) return directory_error(file.path, "set the file aside", error);
    return sync_directory(file.path.parent_path());
}

Result<std::vector<SnapshotFile>> SnapshotFiles::list() const {
    std::error_code error;
    std::filesystem::directory_iterator entries{directory_, error};
    if (error) return directory_error(directory_, "list the directory", error);
    std::vector<SnapshotFile> files;
    for (const auto& entry : entries) {
        std::optional<SnapshotFile> file = parse_name(entry.path());
        if (!file) continue;
        const std::uintmax_t size = entry.file_size(error);
        if (error) continue;  // removed meanwhile, or not a regular file
        file->size_bytes = size;
        files.push_back(std::move(*file));
    }
    std::sort(files.begin(), files.end(), newer);
    return files;
}

Result<std::optional<SnapshotFiles::Loaded>> SnapshotFiles::load_newest(const Check& check) const {
    Result<std::vector<SnapshotFile>> files = list();
    if (!files) return tl::unexpected<Error>{files.error()};
    if (files->empty()) return std::optional<Loaded>{};
    std::vector<Error> skipped;
    std::vector<SnapshotFile> damaged;
    for (SnapshotFile& file : *files) {
        Result<std::string> bytes = read(file, 0, static_cast<std::size_t>(file.size_bytes));
        const Result<void> good = bytes ? check(*bytes) : tl::unexpected<Error>{bytes.error()};
        if (good) {
            return std::optional<Loaded>{
                Loaded{std::move(file), std::move(*bytes), std::move(skipped), std::move(damaged)}};
        }
        skipped.push_back({good.error().code, file.path.string() + ": " + good.error().message});
        damaged.push_back(std::move(file));
    }
    std::string reasons;
    for (const Error& error : skipped) reasons += "; " + error.message;
    return fail(Errc::corrupt, "snapshots " + directory_.string() + ": no file can be loaded" +
                                   reasons + "; " + storage::start_afresh);
}

Result<std::string> SnapshotFiles::read(const SnapshotFile& file, std::uint64_t offset,
                                        std::size_t size) {
    return read_file(file.path, offset, size);
}

}  // namespace drover::io
