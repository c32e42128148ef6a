// A snapshot file comes back whole, or not at all.
#include <gtest/gtest.h>

#include "engine/base/prng.hpp"
#include "engine/storage/snapshot_file.hpp"

namespace drover::storage {
namespace {

SnapshotHeader header() {
    const raft::ConfState conf{
        {raft::RaftId{1}, raft::RaftId{2}}, {raft::RaftId{3}}, {}, {}, false};
    return {"0.1.0", 7, {raft::Index{42}, raft::Term{3}, conf}};
}

std::string example() {
    SnapshotWriter writer{header()};
    writer.begin_section("jobs");
    writer.add("first");
    writer.add("");
    writer.begin_section("later", true);
    writer.add("kept");
    writer.begin_section("empty");
    return writer.finish();
}

TEST(SnapshotFile, everything_comes_back) {
    const std::string bytes = example();
    const auto file = SnapshotReader::parse(bytes);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->header(), header());
    ASSERT_EQ(file->sections().size(), 3U);
    ASSERT_NE(file->section("jobs"), nullptr);
    EXPECT_EQ(file->section("jobs")->records, (std::vector<std::string_view>{"first", ""}));
    EXPECT_TRUE(file->section("later")->ignorable);
    EXPECT_TRUE(file->section("empty")->records.empty());
    EXPECT_EQ(file->section("nodes"), nullptr);
}

TEST(SnapshotFile, a_snapshot_without_sections_is_one) {
    const std::string bytes = SnapshotWriter{header()}.finish();
    const auto file = SnapshotReader::parse(bytes);
    ASSERT_TRUE(file);
    EXPECT_TRUE(file->sections().empty());
}

TEST(SnapshotFile, an_unknown_section_is_kept_only_if_it_may_be_ignored) {
    const std::string bytes = example();
    const auto file = SnapshotReader::parse(bytes);
    ASSERT_TRUE(file);
    const auto refused = file->unknown_sections({"empty"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unsupported);
    EXPECT_NE(refused.error().message.find("jobs"), std::string::npos);

    const auto unknown = file->unknown_sections({"jobs", "empty"});
    ASSERT_TRUE(unknown);
    ASSERT_EQ(unknown->size(), 1U);
    SnapshotWriter writer{header()};
    writer.keep(unknown->front());
    const std::string again = writer.finish();
    const auto reread = SnapshotReader::parse(again);
    ASSERT_TRUE(reread);
    EXPECT_EQ(reread->section("later")->records, (std::vector<std::string_view>{"kept"}));
    EXPECT_TRUE(reread->section("later")->ignorable);
}

TEST(SnapshotFile, every_damaged_byte_and_every_cut_is_noticed) {
    const std::string whole = example();
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string bytes = whole;
        bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
        EXPECT_FALSE(SnapshotReader::parse(bytes)) << at;
        EXPECT_FALSE(SnapshotReader::parse(whole.substr(0, at))) << at;
    }
    EXPECT_FALSE(SnapshotReader::parse(whole + "x"));
}

TEST(SnapshotFile, a_later_format_asks_for_an_upgrade) {
    std::string bytes = example();
    bytes[8] = 2;
    const auto file = SnapshotReader::parse(bytes);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code, Errc::unsupported);
}

TEST(SnapshotFile, random_bytes_never_crash_the_reader) {
    Prng prng{5};
    const std::string whole = example();
    for (int round = 0; round < 5000; ++round) {
        std::string bytes = whole.substr(0, prng.below(whole.size() + 1));
        for (std::uint64_t n = prng.below(6); n > 0 && !bytes.empty(); --n) {
            bytes[prng.below(bytes.size())] = static_cast<char>(prng.next());
        }
        (void)SnapshotReader::parse(bytes);
    }
}

}  // namespace
}  // namespace drover::storage
