#include "engine/server/raft_version.hpp"

#include <gtest/gtest.h>

namespace drover::server {
namespace {

enum class Outcome { quiet, noted, warned, refused };

struct Row {
    const char* why;
    VersionFile file;
    std::uint32_t configured;
    Outcome outcome;
};

Outcome outcome_of(const VersionDecision& decision) {
    if (std::holds_alternative<RefuseVersion>(decision)) return Outcome::refused;
    const auto& lines = std::get<StartWithVersion>(decision).lines;
    if (lines.empty()) return Outcome::quiet;
    return lines.front().severity == Severity::warning ? Outcome::warned : Outcome::noted;
}

TEST(RaftVersion, only_a_proven_downgrade_stops_a_server) {
    const Row rows[]{
        {"a first start finds no file", VersionFileMissing{}, 3, Outcome::noted},
        {"the same number is nothing to talk about", VersionFileRead{"3"}, 3, Outcome::quiet},
        {"whitespace around the number is no damage", VersionFileRead{" 3\r\n\n"}, 3,
         Outcome::quiet},
        {"an upgrade is noted", VersionFileRead{"2\n"}, 3, Outcome::noted},
        {"a downgrade is refused", VersionFileRead{"3\n"}, 2, Outcome::refused},
        {"a number of a future release is higher too", VersionFileRead{"4"}, 3, Outcome::refused},
        {"an empty file proves nothing", VersionFileRead{""}, 2, Outcome::warned},
        {"blank is empty", VersionFileRead{" \n\t"}, 2, Outcome::warned},
        {"garbage proves nothing", VersionFileRead{"three"}, 2, Outcome::warned},
        {"a number with a tail is garbage", VersionFileRead{"3 or so"}, 2, Outcome::warned},
        {"a negative number is garbage", VersionFileRead{"-3"}, 2, Outcome::warned},
        {"a number beyond any protocol's is garbage", VersionFileRead{"99999999999999999999999"}, 2,
         Outcome::warned},
        {"an unreadable file proves nothing", VersionFileUnreadable{"Permission denied"}, 2,
         Outcome::warned},
    };
    for (const Row& row : rows) {
        const auto decision = decide_raft_version(row.file, row.configured, "/data/raft/version");
        EXPECT_EQ(outcome_of(decision), row.outcome) << row.why;
        if (const auto* start = std::get_if<StartWithVersion>(&decision)) {
            EXPECT_EQ(start->content, std::to_string(row.configured) + "\n") << row.why;
        }
    }
}

TEST(RaftVersion, refusal_is_one_line_with_both_numbers_the_file_and_a_remedy) {
    const auto decision = decide_raft_version(VersionFileRead{"3\n"}, 2, "/data/raft/version");
    const std::string& line = std::get<RefuseVersion>(decision).line;
    for (const char* part :
         {"downgrade", "version 3", "as 2", "/data/raft/version", "set raft_protocol = 3"}) {
        EXPECT_NE(line.find(part), std::string::npos) << part << " in: " << line;
    }
    EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST(RaftVersion, warning_advises_to_look_at_the_peers_and_shows_garbage_harmlessly) {
    const auto decision =
        decide_raft_version(VersionFileRead{"\x1b[2J" + std::string(9000, 'x')}, 3, "/d/version");
    const std::string& text = std::get<StartWithVersion>(decision).lines.front().text;
    EXPECT_NE(text.find("drover operator raft list-peers"), std::string::npos);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_LT(text.size(), 400U);
}

TEST(RaftVersion, failed_write_names_the_path_and_the_remedy) {
    const std::string line = raft_version_write_failed(3, "/d/version", "Read-only file system");
    for (const char* part : {"/d/version", "Read-only file system", "3", "writable"}) {
        EXPECT_NE(line.find(part), std::string::npos) << part;
    }
}

}  // namespace
}  // namespace drover::server
