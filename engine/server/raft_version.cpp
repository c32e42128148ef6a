// See raft_version.hpp. Pure text and numbers; it must never look at a file itself.
#include "engine/server/raft_version.hpp"

#include <charconv>
#include <optional>
#include <system_error>

#include "engine/base/match.hpp"

namespace drover::server {
namespace {

std::string_view trimmed(std::string_view text) {
    static constexpr std::string_view blank = " \t\r\n\v\f";
    const auto first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::optional<std::uint32_t> number_in(std::string_view content) {
    const std::string_view digits = trimmed(content);
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return number;
}

// Garbage may be long and may hold anything; a log line shows its beginning, printable.
std::string shown(std::string_view content) {
    static constexpr std::size_t longest = 40;
    std::string text;
    for (const char c : trimmed(content).substr(0, longest)) {
        text += c >= 0x20 && c < 0x7f ? c : '?';
    }
    return text;
}

StartWithVersion start(std::uint32_t configured, Severity severity, std::string text) {
    return {{{severity, std::move(text)}}, std::to_string(configured) + "\n"};
}

std::string advice(std::uint32_t configured) {
    return "; it will be overwritten with " + std::to_string(configured) +
           ": check with `drover operator raft list-peers` that the servers agree on their "
           "protocol";
}

RefuseVersion refuse(std::uint32_t recorded, std::uint32_t configured, std::string_view path) {
    const std::string old_number = std::to_string(recorded);
    return {"refusing a raft_protocol downgrade: " + std::string{path} + " records version " +
            old_number + " and raft_protocol is configured as " + std::to_string(configured) +
            "; set raft_protocol = " + old_number +
            ", or remove this server from the cluster and start it with an empty data_dir"};
}

VersionDecision decide_number(std::uint32_t recorded, std::uint32_t configured,
                              std::string_view path) {
    if (recorded > configured) return refuse(recorded, configured, path);
    StartWithVersion decision{{}, std::to_string(configured) + "\n"};
    if (recorded < configured) {
        decision.lines.push_back({Severity::info, "raft_protocol rises from " +
                                                      std::to_string(recorded) + " to " +
                                                      std::to_string(configured)});
    }
    return decision;
}

}  // namespace

VersionDecision decide_raft_version(const VersionFile& file, std::uint32_t configured,
                                    std::string_view path) {
    const std::string where{path};
    return std::visit(
        Match{[&](const VersionFileMissing&) -> VersionDecision {
                  return start(configured, Severity::info,
                               "no raft version file at " + where + "; recording version " +
                                   std::to_string(configured));
              },
              [&](const VersionFileUnreadable& unreadable) -> VersionDecision {
                  return start(configured, Severity::warning,
                               "cannot read the raft version file " + where + ": " +
                                   unreadable.reason + advice(configured));
              },
              [&](const VersionFileRead& read) -> VersionDecision {
                  if (const auto recorded = number_in(read.content)) {
                      return decide_number(*recorded, configured, path);
                  }
                  return start(configured, Severity::warning,
                               "the raft version file " + where + " holds no version number: \"" +
                                   shown(read.content) + "\"" + advice(configured));
              }},
        file);
}

std::string raft_version_write_failed(std::uint32_t configured, std::string_view path,
                                      std::string_view reason) {
    return "cannot record raft_protocol " + std::to_string(configured) + " in " +
           std::string{path} + ": " + std::string{reason} +
           "; make the file and its directory writable for this user and start again";
}

}  // namespace drover::server
