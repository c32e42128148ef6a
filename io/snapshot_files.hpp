// Snapshot files of a server: written beside, synced and renamed, so that a file under its final
// name is always whole; the newest two are kept. What is inside is engine/storage's business: a
// check is passed in by the caller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.hpp"

namespace drover::io {

struct SnapshotFile {
    std::uint64_t index{};  // the last entry inside
    std::uint64_t term{};
    std::uint64_t size_bytes{};
    std::filesystem::path path;
};

class SnapshotFiles {
public:
    // Refuses content that must not be loaded, with the reason.
    using Check = std::function<Result<void>(std::string_view bytes)>;

    struct Loaded {
        SnapshotFile file;
        std::string bytes;
        std::vector<Error> skipped;           // newer files that could not be loaded, newest first
        std::vector<SnapshotFile> damaged{};  // the same ones
    };

    // Creates the directory when missing and removes temporary files of an interrupted save.
    [[nodiscard]] static Result<SnapshotFiles> open(std::filesystem::path directory);

    // For tools: the directory as it is; nothing is created or removed.
    [[nodiscard]] static SnapshotFiles at(std::filesystem::path directory) {
        return SnapshotFiles{std::move(directory)};
    }

    // Durable when it returns: file synced, renamed, directory synced. Then older files beyond the
    // newest two are removed. Saving the same index and term again replaces the file.
    [[nodiscard]] Result<SnapshotFile> save(std::uint64_t index, std::uint64_t term,
                                            std::string_view bytes) const;
    // Errc::overloaded where saving so many bytes would take the room that the log needs to go on.
    [[nodiscard]] Result<void> room_for(std::uint64_t bytes) const;
    // Out of the way of those that follow, which would else count it among those to keep; its bytes
    // stay, for whoever wants to look at them.
    [[nodiscard]] static Result<void> set_aside(const SnapshotFile& file);
    // Newest (highest index, then term) first.
    [[nodiscard]] Result<std::vector<SnapshotFile>> list() const;
    // The newest file that can be read and passes the check. None when there is no file at all;
    // Errc::corrupt when there are files and none is good.
    [[nodiscard]] Result<std::optional<Loaded>> load_newest(const Check& check) const;
    // Up to `size` bytes from `offset`; fewer only at the end of the file.
    [[nodiscard]] static Result<std::string> read(const SnapshotFile& file, std::uint64_t offset,
                                                  std::size_t size);

private:
    explicit SnapshotFiles(std::filesystem::path directory) : directory_{std::move(directory)} {}
    std::filesystem::path directory_;
};

}  // namespace drover::io
