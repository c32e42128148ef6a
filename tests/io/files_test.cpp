// Snapshot files and the version file, on a real file system.
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <utility>

#include "engine/base/match.hpp"
#include "io/durable_file.hpp"
#include "io/mark_file.hpp"
#include "io/raft_version_file.hpp"
#include "io/snapshot_files.hpp"
#include "tests/io/temporary_directory.hpp"

namespace drover::io {
namespace {

namespace fs = std::filesystem;

void write_plain(const fs::path& file, std::string_view bytes) {
    std::ofstream{file, std::ios::binary} << bytes;
}

const SnapshotFiles::Check accept_all = [](std::string_view) -> Result<void> { return {}; };

TEST(SnapshotFiles, keeps_the_newest_two_and_loads_the_newest) {
    const TemporaryDirectory directory;
    const SnapshotFiles files = *SnapshotFiles::open(directory.path() / "snapshots");
    EXPECT_FALSE(files.load_newest(accept_all)->has_value());
    for (const std::uint64_t index : {90u, 100u, 1000u}) {
        ASSERT_TRUE(files.save(index, 2, "state at " + std::to_string(index)));
    }
    const auto listed = *files.list();
    ASSERT_EQ(listed.size(), 2u);
    EXPECT_EQ(listed[0].index, 1000u);
    EXPECT_EQ(listed[0].size_bytes, 13u);
    EXPECT_EQ(listed[1].index, 100u);
    const auto loaded = *files.load_newest(accept_all);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->bytes, "state at 1000");
    EXPECT_TRUE(loaded->skipped.empty());
}

TEST(SnapshotFiles, a_damaged_newest_file_falls_back_to_the_one_before_and_is_reported) {
    const TemporaryDirectory directory;
    const SnapshotFiles files = *SnapshotFiles::open(directory.path());
    ASSERT_TRUE(files.save(1, 1, "good"));
    ASSERT_TRUE(files.save(2, 1, "rotten"));
    const auto check = [](std::string_view bytes) -> Result<void> {
        if (bytes == "good") return {};
        return fail(Errc::corrupt, "checksum differs");
    };
    const auto loaded = *files.load_newest(check);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->file.index, 1u);
    ASSERT_EQ(loaded->skipped.size(), 1u);
    EXPECT_NE(loaded->skipped[0].message.find("checksum differs"), std::string::npos);

    ASSERT_TRUE(files.save(3, 1, "rotten too"));  // pushes the good one out
    const auto none = files.load_newest(check);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Errc::corrupt);
}

TEST(SnapshotFiles, an_interrupted_save_leaves_nothing_and_foreign_files_are_left_alone) {
    const TemporaryDirectory directory;
    const fs::path left_over =
        directory.path() / "00000000000000000009-00000000000000000001.snapshot.tmp";
    write_plain(left_over, "half");
    write_plain(directory.path() / "notes.txt", "the operator's");
    const SnapshotFiles files = *SnapshotFiles::open(directory.path());
    EXPECT_FALSE(fs::exists(left_over));
    EXPECT_TRUE(fs::exists(directory.path() / "notes.txt"));
    EXPECT_TRUE(files.list()->empty());
}

TEST(SnapshotFiles, a_damaged_one_that_was_set_aside_does_not_count_among_those_to_keep) {
    const TemporaryDirectory directory;
    const SnapshotFiles files = *SnapshotFiles::open(directory.path());
    ASSERT_TRUE(files.save(10, 1, "good"));
    const SnapshotFile damaged = *files.save(20, 1, "bad");
    ASSERT_TRUE(SnapshotFiles::set_aside(damaged));
    ASSERT_TRUE(files.save(30, 1, "good"));
    const auto listed = *files.list();
    ASSERT_EQ(listed.size(), 2U);
    EXPECT_EQ(listed[0].index, 30U);
    EXPECT_EQ(listed[1].index, 10U);
    EXPECT_EQ(*read_file(damaged.path.string() + ".damaged", 0, 100), "bad");
}

TEST(SnapshotFiles, a_save_that_the_disk_cuts_short_leaves_no_half_file) {
    const TemporaryDirectory directory;
    const SnapshotFiles files = *SnapshotFiles::open(directory.path());
    ASSERT_TRUE(files.save(10, 1, "good"));
    const auto before = ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    const rlim_t was = std::exchange(limit.rlim_cur, 1000);
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto saved = files.save(20, 1, std::string(5000, 'x'));
    limit.rlim_cur = was;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::signal(SIGXFSZ, before);
    ASSERT_FALSE(saved);
    EXPECT_NE(saved.error().message.find("cannot write: File too large"), std::string::npos)
        << saved.error().message;
    const fs::directory_iterator left{directory.path()};
    EXPECT_EQ(std::distance(begin(left), end(left)), 1);
    EXPECT_EQ(files.load_newest(accept_all)->value().bytes, "good");
}

TEST(SnapshotFiles, what_would_take_the_logs_room_is_refused_with_what_there_is) {
    const TemporaryDirectory directory;
    const SnapshotFiles files = *SnapshotFiles::open(directory.path());
    EXPECT_TRUE(files.room_for(0));
    const Result<void> refused = files.room_for(std::uint64_t{1} << 60);
    ASSERT_FALSE(refused);
    for (const char* part : {directory.path().c_str(), "bytes are free", "make room"}) {
        EXPECT_NE(refused.error().message.find(part), std::string::npos) << refused.error().message;
    }
}

TEST(MarkFile, holds_what_was_written_last_and_nothing_at_first) {
    const TemporaryDirectory directory;
    const fs::path path = directory.path() / "mark";
    EXPECT_EQ(*MarkFile::read(path), std::nullopt);
    const MarkFile file = *MarkFile::open(path);
    EXPECT_EQ(*MarkFile::read(path), std::nullopt);
    for (const char* bytes : {"one", "two"}) {
        ASSERT_TRUE(file.write(bytes));
        EXPECT_EQ(*MarkFile::read(path), bytes);
    }
    const auto nowhere = MarkFile::open(directory.path() / "missing" / "mark");
    ASSERT_FALSE(nowhere);
    EXPECT_NE(nowhere.error().message.find("missing/mark: cannot create"), std::string::npos);
}

TEST(SnapshotFiles, reads_in_chunks) {
    const TemporaryDirectory directory;
    const SnapshotFiles files = *SnapshotFiles::open(directory.path());
    const SnapshotFile file = *files.save(1, 1, "0123456789");
    EXPECT_EQ(*SnapshotFiles::read(file, 0, 4), "0123");
    EXPECT_EQ(*SnapshotFiles::read(file, 8, 4), "89");
    EXPECT_EQ(*SnapshotFiles::read(file, 10, 4), "");
    EXPECT_EQ(*SnapshotFiles::read(file, 99, 4), "");
}

TEST(SnapshotFiles, a_directory_that_cannot_be_made_is_named) {
    const TemporaryDirectory directory;
    write_plain(directory.path() / "taken", "a file");
    const auto files = SnapshotFiles::open(directory.path() / "taken");
    ASSERT_FALSE(files);
    EXPECT_NE(files.error().message.find("taken"), std::string::npos);
}

std::string described(const VersionFileContent& content) {
    return std::visit(
        Match{[](const VersionFileMissing&) { return std::string{"missing"}; },
              [](const VersionFileUnreadable&) { return std::string{"unreadable"}; },
              [](const VersionFileInvalid& invalid) { return "invalid " + invalid.content; },
              [](const VersionFileNumber& number) { return std::to_string(number.number); }},
        content);
}

TEST(RaftVersionFile, content_is_told_apart) {
    const TemporaryDirectory directory;
    const fs::path file = directory.path() / "version";
    EXPECT_EQ(described(read_version_file(file)), "missing");
    struct Row {
        const char* why;
        std::string content;
        const char* expected;
    };
    const Row rows[]{
        {"as we write it", "3\n", "3"},
        {"without an end of line", "2", "2"},
        {"blanks around", "  3 \r\n", "3"},
        {"empty", "", "invalid "},
        {"words", "three", "invalid three"},
        {"a number and more", "3 4", "invalid 3 4"},
        {"negative", "-3", "invalid -3"},
        {"beyond the type", "99999999999", "invalid 99999999999"},
        {"binary", std::string{"\x01\xff", 2}, "invalid ??"},
        {"huge", std::string(100'000, '1'), nullptr},
    };
    for (const Row& row : rows) {
        write_plain(file, row.content);
        const std::string told = described(read_version_file(file));
        if (row.expected != nullptr) {
            EXPECT_EQ(told, row.expected) << row.why;
        } else {
            EXPECT_LE(told.size(), 100u) << row.why;
            EXPECT_TRUE(told.starts_with("invalid")) << row.why;
        }
    }
    fs::remove(file);
    fs::create_directory(file);
    EXPECT_EQ(described(read_version_file(file)), "unreadable");
}

TEST(RaftVersionFile, writing_creates_directories_and_replaces_whatever_was_there) {
    const TemporaryDirectory directory;
    const fs::path file = version_file_path(directory.path());
    EXPECT_EQ(file, directory.path() / "server" / "raft" / "version");
    ASSERT_TRUE(write_version_file(file, 2));
    write_plain(file, "garbage");
    ASSERT_TRUE(write_version_file(file, 3));
    EXPECT_EQ(described(read_version_file(file)), "3");
    EXPECT_FALSE(fs::exists(file.string() + ".tmp"));
}

TEST(RaftVersionFile, failing_to_write_names_path_and_remedy) {
    const TemporaryDirectory directory;
    const fs::path file = directory.path() / "version";
    fs::create_directory(file);
    write_plain(file / "inside", "so that it cannot be replaced");
    const Result<void> written = write_version_file(file, 3);
    ASSERT_FALSE(written);
    EXPECT_NE(written.error().message.find(file.string()), std::string::npos);
    EXPECT_NE(written.error().message.find("check that the path"), std::string::npos);
}

}  // namespace
}  // namespace drover::io
