// Writing logs in rotation and reading them as one text, also while they move.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/log_reader.hpp"
#include "drivers/log_rotator.hpp"
#include "tests/drivers/support.hpp"

namespace drover::drivers {
namespace {

LogRotator rotator_in(const std::string& directory, LogLimits limits) {
    LogRotator rotator{directory, "web.stdout", limits};
    EXPECT_TRUE(rotator.open().has_value());
    return rotator;
}

std::vector<std::string> contents(const std::string& directory) {
    std::vector<std::string> texts;
    const auto files = list_log_files(directory, "web", LogStream::out);
    for (const auto& file : files.value()) {
        texts.push_back(content_of(directory + "/" + file.name));
    }
    return texts;
}

std::string read_all(LogReader& reader, std::size_t size_max = 65536) {
    std::string text;
    while (true) {
        const auto chunk = reader.next(size_max);
        EXPECT_TRUE(chunk.has_value());
        if (!chunk || !*chunk) return text;
        EXPECT_LE((*chunk)->bytes.size(), size_max);
        text += (*chunk)->bytes;
    }
}

LogReader reader_of(const std::string& directory, LogOrigin origin, std::int64_t offset) {
    auto reader = LogReader::open(directory, "web", LogStream::out, origin, offset);
    EXPECT_TRUE(reader.has_value());
    return std::move(*reader);
}

TEST(LogRotator, where_a_write_goes) {
    struct Row {
        const char* why;
        std::vector<std::string> writes;
        std::vector<std::string> files;
    };
    const Row rows[]{
        {"a silent task still has a file", {}, {""}},
        {"what fits stays together", {"abc\n", "def\n"}, {"abc\ndef\n"}},
        {"a full file is left at the next byte", {"123456789\n", "x"}, {"123456789\n", "x"}},
        {"a line that does not fit moves on whole", {"1234\n", "5678\n9"}, {"1234\n5678\n", "9"}},
        {"also inside of one write", {"1234\n567890\nab"}, {"1234\n", "567890\nab"}},
        {"a line longer than a file is split",
         {"ab\n", "0123456789xyz\n"},
         {"ab\n0123456", "789xyz\n"}},
        {"without a newline too", {"0123456789abcdefghijk"}, {"0123456789", "abcdefghij", "k"}},
    };
    for (const auto& row : rows) {
        TemporaryDirectory root;
        auto rotator = rotator_in(root.path(), {10, 10, false});
        for (const auto& bytes : row.writes) EXPECT_TRUE(rotator.write(bytes).has_value());
        EXPECT_EQ(contents(root.path()), row.files) << row.why;
    }
}

RC_GTEST_PROP(LogRotator, nothing_is_lost_or_grown_or_reordered, ()) {
    const auto size_max = *rc::gen::inRange<std::int64_t>(4, 60);
    const auto writes =
        *rc::gen::container<std::vector<std::string>>(rc::gen::string<std::string>());
    TemporaryDirectory root;
    std::string written;
    auto rotator = rotator_in(root.path(), {1'000'000, size_max, false});
    for (const auto& bytes : writes) {
        RC_ASSERT(rotator.write(bytes).has_value());
        written += bytes;
    }
    std::string kept;
    for (const auto& text : contents(root.path())) {
        RC_ASSERT(static_cast<std::int64_t>(text.size()) <= size_max);
        kept += text;
    }
    RC_ASSERT(kept == written);
    auto reader = reader_of(root.path(), LogOrigin::start, 0);
    RC_ASSERT(read_all(reader, 7) == written);
}

RC_GTEST_PROP(LogReader, an_offset_from_either_end_is_a_substring, ()) {
    const auto text = *rc::gen::string<std::string>();
    const auto offset = *rc::gen::inRange<std::int64_t>(0, 120);
    TemporaryDirectory root;
    auto rotator = rotator_in(root.path(), {1000, 11, false});
    RC_ASSERT(rotator.write(text).has_value());
    const auto at = std::min(static_cast<std::size_t>(offset), text.size());
    auto from_start = reader_of(root.path(), LogOrigin::start, offset);
    RC_ASSERT(read_all(from_start) == text.substr(at));
    auto from_end = reader_of(root.path(), LogOrigin::end, offset);
    RC_ASSERT(read_all(from_end) == text.substr(text.size() - at));
}

TEST(LogRotator, only_the_newest_files_are_kept_across_restarts) {
    TemporaryDirectory root;
    const LogLimits limits{2, 4, false};
    for (const char* line : {"aaa\n", "bbb\n", "ccc\n", "d\n"}) {
        auto rotator = rotator_in(root.path(), limits);
        EXPECT_TRUE(rotator.write(line).has_value());
    }
    EXPECT_EQ(contents(root.path()), (std::vector<std::string>{"ccc\n", "d\n"}));
    auto rotator = rotator_in(root.path(), limits);
    EXPECT_TRUE(rotator.write("e\n").has_value());
    EXPECT_EQ(contents(root.path()), (std::vector<std::string>{"ccc\n", "d\ne\n"}));
    const auto files = list_log_files(root.path(), "web", LogStream::out);
    EXPECT_EQ(files->front().number, 2U) << "numbers go on";
}

TEST(LogRotator, other_files_in_the_directory_are_left_alone) {
    TemporaryDirectory root;
    for (const char* name : {"web.stderr.0", "web.stdout.007", "web.stdout.x", "web2.stdout.0",
                             "web.stdout.18446744073709551615", "web.stdout."}) {
        ASSERT_TRUE(replace_file(root.path(), name, "kept", Durability::process_crash));
    }
    auto rotator = rotator_in(root.path(), {1, 4, false});
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(rotator.write("abc\n").has_value());
    EXPECT_EQ(contents(root.path()), std::vector<std::string>{"abc\n"});
    for (const char* name : {"web.stderr.0", "web.stdout.007", "web.stdout.x", "web2.stdout.0"}) {
        EXPECT_EQ(content_of(root.path() + "/" + name), "kept") << name;
    }
}

TEST(LogRotator, neither_links_nor_pipes_are_written_to) {
    TemporaryDirectory root;
    ASSERT_TRUE(replace_file(root.path(), "victim", "precious", Durability::process_crash));
    ASSERT_EQ(::mkfifo((root.path() + "/web.stdout.0").c_str(), 0666), 0);
    LogRotator fifo{root.path(), "web.stdout", {2, 4, false}};
    EXPECT_FALSE(fifo.open().has_value()) << "and does not wait for a reader";
    ::unlink((root.path() + "/web.stdout.0").c_str());

    auto rotator = rotator_in(root.path(), {5, 4, false});
    ASSERT_EQ(::link((root.path() + "/victim").c_str(), (root.path() + "/web.stdout.1").c_str()),
              0);
    EXPECT_TRUE(rotator.write("abc\n").has_value());
    EXPECT_FALSE(rotator.write("def\n").has_value()) << "a hard link to somebody's file";
    EXPECT_EQ(content_of(root.path() + "/victim"), "precious");
    ::unlink((root.path() + "/web.stdout.1").c_str());
    EXPECT_TRUE(rotator.write("ghi\n").has_value()) << "and it goes on once that is gone";
}

TEST(LogReader, a_follower_sees_every_byte_across_rotation) {
    TemporaryDirectory root;
    auto rotator = rotator_in(root.path(), {2, 8, false});
    auto reader = reader_of(root.path(), LogOrigin::start, 0);
    std::string read;
    std::string written;
    for (int i = 0; i < 100; ++i) {
        const std::string line = std::to_string(i) + "\n";
        ASSERT_TRUE(rotator.write(line).has_value());
        written += line;
        if (i % 2 == 0) read += read_all(reader);
    }
    read += read_all(reader);
    EXPECT_EQ(read, written);
}

TEST(LogReader, a_follower_that_is_overtaken_goes_on_with_the_oldest_file_left) {
    TemporaryDirectory root;
    auto rotator = rotator_in(root.path(), {2, 4, false});
    ASSERT_TRUE(rotator.write("aaa\n").has_value());
    auto reader = reader_of(root.path(), LogOrigin::start, 0);
    for (const char* line : {"bbb\n", "ccc\n", "ddd\n"}) EXPECT_TRUE(rotator.write(line));
    EXPECT_EQ(read_all(reader), "aaa\nccc\nddd\n") << "what it holds open it still finishes";
}

TEST(LogReader, a_truncated_file_is_read_again_from_its_start_and_said_so) {
    TemporaryDirectory root;
    auto rotator = rotator_in(root.path(), {2, 1000, false});
    ASSERT_TRUE(rotator.write("a long line\n").has_value());
    auto reader = reader_of(root.path(), LogOrigin::start, 0);
    EXPECT_EQ(read_all(reader), "a long line\n");
    ASSERT_EQ(::truncate((root.path() + "/web.stdout.0").c_str(), 0), 0);
    ASSERT_TRUE(rotator.write("new\n").has_value());
    const auto chunk = reader.next(100);
    ASSERT_TRUE(chunk.has_value() && chunk->has_value());
    EXPECT_TRUE((*chunk)->truncated);
    EXPECT_EQ((*chunk)->offset, 0);
    EXPECT_EQ((*chunk)->bytes, "new\n");
}

TEST(LogReader, chunks_name_their_file_and_offset) {
    TemporaryDirectory root;
    auto rotator = rotator_in(root.path(), {5, 4, false});
    ASSERT_TRUE(rotator.write("aaa\nbbb\n").has_value());
    auto reader = reader_of(root.path(), LogOrigin::start, 2);
    auto chunk = **reader.next(100);
    EXPECT_EQ(chunk.file, "web.stdout.0");
    EXPECT_EQ(chunk.offset, 2);
    chunk = **reader.next(2);
    EXPECT_EQ(chunk.file, "web.stdout.1");
    EXPECT_EQ(chunk.offset, 0);
    chunk = **reader.next(2);
    EXPECT_EQ(chunk.offset, 2);
}

TEST(LogReader, what_is_not_there_or_no_log_is_refused) {
    TemporaryDirectory root;
    const auto open = [&](const std::string& task, std::int64_t offset) {
        return LogReader::open(root.path(), task, LogStream::out, LogOrigin::start, offset);
    };
    EXPECT_EQ(open("web", 0).error().code, Errc::not_found);
    EXPECT_EQ(open("web", -1).error().code, Errc::invalid_argument);
    EXPECT_EQ(open("../../etc/passwd", 0).error().code, Errc::invalid_argument);
    ASSERT_EQ(::symlink("/etc/passwd", (root.path() + "/web.stdout.0").c_str()), 0);
    EXPECT_EQ(open("web", 0).error().code, Errc::not_found) << "a link is no log";
}

TEST(LogReader, a_planted_link_does_not_stop_a_follower) {
    TemporaryDirectory root;
    auto rotator = rotator_in(root.path(), {9, 4, false});
    ASSERT_TRUE(rotator.write("aaa\n").has_value());
    ASSERT_EQ(::symlink("/etc/passwd", (root.path() + "/web.stdout.7").c_str()), 0);
    auto reader = reader_of(root.path(), LogOrigin::start, 0);
    EXPECT_EQ(read_all(reader), "aaa\n");
    ASSERT_TRUE(rotator.write("bbb\n").has_value());
    EXPECT_EQ(read_all(reader), "bbb\n");
}

}  // namespace
}  // namespace drover::drivers
