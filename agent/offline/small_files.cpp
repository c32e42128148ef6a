// The small files beside the log: who the server is, its protocol number, what it promised.
#include <optional>

#include "agent/offline/parts.hpp"
#include "engine/base/match.hpp"
#include "engine/base/uuid.hpp"
#include "engine/membership/wire.hpp"
#include "io/durable_file.hpp"
#include "io/raft_version_file.hpp"

namespace drover::agent::offline {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t uuid_length = 36;
constexpr std::size_t promise_size_max = 1 << 20;
constexpr std::uint32_t newest_raft_protocol = 3;

// None where the file is missing; what else is wrong becomes a finding.
std::optional<std::string> content(const fs::path& file, const std::string& place,
                                   Examination& examined) {
    auto bytes = io::read_file(file, 0, promise_size_max);
    if (bytes) return std::move(*bytes);
    if (bytes.error().code != Errc::not_found) {
        examined.findings.push_back({place, bytes.error().message,
                                     "make the file readable for the user that the server runs "
                                     "as"});
    }
    return std::nullopt;
}

}  // namespace

void examine_identity(const fs::path& server_dir, Examination& examined) {
    const std::string place = "server/node-id";
    const std::size_t before = examined.findings.size();
    const auto bytes = content(server_dir / "node-id", place, examined);
    if (!bytes && examined.findings.size() == before && examined.store) {
        examined.findings.push_back(
            {place, "the file is missing, but there is a log: the server would be another one",
             "write the server's id into it, as `operator raft list-peers` shows it"});
    }
    if (!bytes) return;
    const auto id = Uuid::from_text(bytes->substr(0, uuid_length));
    if (id) {
        examined.server_id = id->text();
    } else {
        examined.findings.push_back(
            {place, "the content is not a UUID",
             "write the server's id into it, as `operator raft list-peers` shows it"});
    }
}

void examine_version(const fs::path& data_dir, Examination& examined) {
    const std::string place = "server/raft/version";
    const std::string advice =
        "check `operator raft list-peers` on another server; the server writes the file anew when "
        "it starts";
    std::visit(
        Match{[&](const io::VersionFileMissing&) {
                  examined.notes.emplace_back(
                      "there is no server/raft/version; the server writes "
                      "it when it starts");
              },
              [&](const io::VersionFileUnreadable& one) {
                  examined.findings.push_back({place, one.reason, advice});
              },
              [&](const io::VersionFileInvalid& one) {
                  examined.findings.push_back(
                      {place, "it holds no version number: \"" + one.content + "\"", advice});
              },
              [&](const io::VersionFileNumber& one) {
                  examined.raft_version = std::to_string(one.number);
                  if (one.number <= newest_raft_protocol) return;
                  examined.findings.push_back(
                      {place,
                       "raft protocol " + examined.raft_version + " is later than " +
                           std::to_string(newest_raft_protocol) +
                           ", the newest that this release knows: a downgrade",
                       "start the release that wrote it"});
              }},
        io::read_version_file(io::version_file_path(data_dir)));
}

void examine_promise(const fs::path& server_dir, Examination& examined) {
    const std::string place = "server/join-promise";
    const auto bytes = content(server_dir / "join-promise", place, examined);
    if (!bytes) return;
    const auto saved = membership::decode_saved(*bytes);
    if (!saved) {
        // A server with a log needs no handshake, but it reads the file nevertheless.
        examined.findings.push_back(
            {place, saved.error().message,
             "restore it from a backup; remove it only if this server is a member of its cluster "
             "already, or joins one that exists"});
        return;
    }
    examined.join_promise = "highest attempt " + std::to_string(saved->highest_attempt) +
                            (saved->promise ? ", given" : ", none given");
}

}  // namespace drover::agent::offline
