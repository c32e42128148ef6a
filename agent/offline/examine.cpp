// See examine.hpp.
#include "agent/offline/examine.hpp"

#include <algorithm>
#include <system_error>

#include "agent/offline/parts.hpp"

namespace drover::agent::offline {
namespace {

namespace fs = std::filesystem;

// The log must go on where the newest snapshot that can be loaded ends, or earlier.
void examine_joint(Examination& examined) {
    if (!examined.store) return;
    const storage::Survey& store = *examined.store;
    std::uint64_t begin = store.base() ? store.base()->index.value() : 0;
    if (store.cut()) begin = std::max(begin, store.cut()->value());
    const auto usable =
        std::find_if(examined.snapshots.begin(), examined.snapshots.end(),
                     [](const ExaminedSnapshot& one) { return one.unusable.empty(); });
    const std::uint64_t reached = usable == examined.snapshots.end() ? 0 : usable->index;
    if (begin <= reached) return;
    examined.findings.push_back(
        {"server/raft",
         "the log begins after entry " + std::to_string(begin) +
             ", but the newest snapshot that can be loaded ends with entry " +
             std::to_string(reached) + ": what is between is not there",
         start_afresh});
}

}  // namespace

Finding finding_of(std::string place, const std::string& message) {
    const auto end = message.find("; ");
    if (end == std::string::npos) return {std::move(place), message, start_afresh};
    return {std::move(place), message.substr(0, end), message.substr(end + 2)};
}

Result<fs::path> raft_directory(const fs::path& data_dir) {
    const fs::path directory = data_dir / "server" / "raft";
    std::error_code error;
    if (fs::is_directory(directory, error)) return directory;
    const std::string looked = directory.string();
    if (error && error != std::errc::no_such_file_or_directory &&
        error != std::errc::not_a_directory) {
        return fail(Errc::internal, looked + ": " + error.message() +
                                        "; run this as the user that the server runs as");
    }
    return fail(Errc::not_found, data_dir.string() + ": holds no server's data: there is no " +
                                     looked + "; give the `data_dir` of a server");
}

Result<Examination> examine(const fs::path& data_dir) {
    if (const auto there = raft_directory(data_dir); !there) return tl::unexpected{there.error()};
    const fs::path server_dir = data_dir / "server";
    Examination examined;
    // First: who uses the directory is told before anything else is looked at.
    if (auto done = examine_store(server_dir / "raft" / "store", examined); !done) {
        return tl::unexpected{done.error()};
    }
    if (auto done = examine_snapshots(server_dir / "raft" / "snapshots", examined); !done) {
        return tl::unexpected{done.error()};
    }
    examine_joint(examined);
    examine_identity(server_dir, examined);
    examine_version(data_dir, examined);
    examine_promise(server_dir, examined);
    return examined;
}

}  // namespace drover::agent::offline
