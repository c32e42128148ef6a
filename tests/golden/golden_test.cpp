// Reads what every release has written. See README.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "engine/client/records.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/server/raft_version.hpp"
#include "engine/server/snapshot.hpp"
#include "engine/server/wire.hpp"
#include "engine/storage/layout.hpp"
#include "engine/storage/recovery.hpp"
#include "io/frame.hpp"
#include "tests/golden/samples.hpp"

namespace drover::golden {
namespace {

namespace fs = std::filesystem;

std::string to_hex(std::string_view bytes) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char byte : bytes) {
        text += digits[static_cast<unsigned char>(byte) >> 4U];
        text += digits[static_cast<unsigned char>(byte) & 15U];
    }
    return text;
}

std::string from_hex(std::string_view text) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        unsigned value = 0;
        std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
        bytes += static_cast<char>(value);
    }
    return bytes;
}

void write(const fs::path& file, const std::string& text) { std::ofstream{file} << text; }

std::string read(const fs::path& file) {
    std::ifstream in{file};
    EXPECT_TRUE(in) << file << " is missing";
    std::string text{std::istreambuf_iterator<char>{in}, {}};
    while (text.ends_with('\n')) text.pop_back();
    return text;
}

std::string lines_of(const Pairs& pairs) {
    std::string text;
    for (const auto& [left, right] : pairs) text += to_hex(left) + " " + to_hex(right) + "\n";
    return text;
}

Pairs pairs_in(const fs::path& file) {
    Pairs pairs;
    std::istringstream lines{read(file)};
    for (std::string left, right; lines >> left >> right;) {
        pairs.emplace_back(from_hex(left), from_hex(right));
    }
    return pairs;
}

std::vector<fs::path> releases() {
    std::vector<fs::path> folders;
    for (const auto& one : fs::directory_iterator{DROVER_GOLDEN_FILES}) {
        if (one.is_directory()) folders.push_back(one.path());
    }
    std::ranges::sort(folders);
    return folders;
}

// One test for every kind, over every release that has been recorded.
class Golden : public ::testing::Test {
protected:
    void SetUp() override { ASSERT_FALSE(releases().empty()); }
};

TEST(GoldenRecord, records_the_files_of_a_release_where_it_is_told_to) {
    const char* const folder = std::getenv("DROVER_GOLDEN_RECORD");
    if (folder == nullptr) GTEST_SKIP() << "DROVER_GOLDEN_RECORD names no folder";
    ASSERT_FALSE(fs::exists(folder)) << "what a release wrote is never written again";
    fs::create_directories(folder);
    const Samples samples = record();
    const fs::path to{folder};
    write(to / "store.hex", lines_of(samples.store));
    write(to / "mark.hex", to_hex(samples.mark) + "\n");
    write(to / "snapshot.hex", to_hex(samples.snapshot) + "\n");
    write(to / "state.txt", samples.digest + "\n");
    write(to / "version.hex", to_hex(samples.version) + "\n");
    write(to / "client.hex", lines_of(samples.client));
    write(to / "peers.hex", lines_of(samples.peers));
    write(to / "frames.hex", to_hex(samples.frames) + "\n");
}

TEST_F(Golden, the_log_is_recovered_and_applied_to_the_state_that_it_led_to) {
    for (const fs::path& release : releases()) {
        SCOPED_TRACE(release);
        storage::Recovery recovery;
        for (const auto& [key, value] : pairs_in(release / "store.hex")) {
            const auto fed = recovery.feed(key, value);
            ASSERT_TRUE(fed) << fed.error().message;
        }
        const auto mark = storage::decode_mark(from_hex(read(release / "mark.hex")));
        ASSERT_TRUE(mark) << mark.error().message;
        const auto recovered = recovery.finish(*mark);
        ASSERT_TRUE(recovered) << recovered.error().message;
        EXPECT_TRUE(recovered->repair.empty());
        const raft::DurableState& durable = recovered->raft;
        EXPECT_EQ(durable.hard, (raft::HardState{raft::Term{2}, raft::RaftId{1}, raft::Index{8}}));
        EXPECT_EQ(durable.base, (raft::EntryId{raft::Term{1}, raft::Index{first_index - 1}}));
        ASSERT_TRUE(durable.snapshot);
        EXPECT_EQ(durable.snapshot->conf.learners.size(), 1U);
        ASSERT_FALSE(durable.entries.empty());
        EXPECT_EQ(durable.entries.back().id(), *mark);
        state::State state;
        for (const raft::Entry& entry : durable.entries) {
            schema::Entry command;
            ASSERT_TRUE(command.ParseFromString(std::string{entry.payload()}));
            const auto applied = state.apply(entry.index.value(), command);
            EXPECT_EQ(applied.outcome, state::Applied::done) << applied.error.message;
        }
        EXPECT_EQ(state.digest().text(), read(release / "state.txt"));
    }
}

TEST_F(Golden, the_snapshot_is_loaded_to_the_same_state) {
    for (const fs::path& release : releases()) {
        SCOPED_TRACE(release);
        const auto loaded = server::load_snapshot(from_hex(read(release / "snapshot.hex")), {});
        ASSERT_TRUE(loaded) << loaded.error().message;
        EXPECT_EQ(loaded->state.digest().text(), read(release / "state.txt"));
        EXPECT_EQ(loaded->meta.index.value(), loaded->state.applied_index());
        EXPECT_EQ(loaded->meta.conf.voters.size(), 2U);
    }
}

TEST_F(Golden, the_version_file_is_understood) {
    for (const fs::path& release : releases()) {
        SCOPED_TRACE(release);
        const server::VersionFileRead file{from_hex(read(release / "version.hex"))};
        const auto decision = server::decide_raft_version(file, 3, "version");
        const auto* const start = std::get_if<server::StartWithVersion>(&decision);
        ASSERT_NE(start, nullptr);
        EXPECT_TRUE(start->lines.empty()) << start->lines.front().text;
        EXPECT_TRUE(std::holds_alternative<server::RefuseVersion>(
            server::decide_raft_version(file, 2, "version")));
    }
}

TEST_F(Golden, a_node_agent_finds_its_allocations_and_tasks) {
    for (const fs::path& release : releases()) {
        SCOPED_TRACE(release);
        const auto stored = client::records::read(pairs_in(release / "client.hex"), node_id());
        ASSERT_TRUE(stored) << stored.error().message;
        ASSERT_EQ(stored->allocations.size(), 1U);
        const auto& [id, allocation] = *stored->allocations.begin();
        EXPECT_TRUE(allocation.record.directory_built());
        EXPECT_EQ(allocation.record.allocation().job().id(), "web");
        ASSERT_TRUE(allocation.tasks.contains("server"));
        const schema::ClientTaskRecord& task = allocation.tasks.at("server");
        EXPECT_EQ(task.stage(), schema::ClientTaskRecord::STARTED);
        EXPECT_EQ(task.attempt(), 2U);
        EXPECT_EQ(task.handle(), "pid 7");
        EXPECT_EQ(task.state().state(), "running");
    }
}

// What is understood in full is said again in the same words: what this release has added to a
// message since is not there, and nothing was lost.
TEST_F(Golden, every_message_between_servers_is_understood) {
    for (const fs::path& release : releases()) {
        const Pairs messages = pairs_in(release / "peers.hex");
        EXPECT_GE(messages.size(), 15U);
        for (const auto& [name, bytes] : messages) {
            SCOPED_TRACE(release.string() + " " + name);
            const auto message = server::decode_peer_message(bytes);
            ASSERT_TRUE(message) << message.error().message;
            EXPECT_EQ(to_hex(server::encode_peer_message(*message)), to_hex(bytes));
        }
    }
}

TEST_F(Golden, the_frames_of_a_connection_are_understood) {
    for (const fs::path& release : releases()) {
        SCOPED_TRACE(release);
        std::vector<io::Frame> frames;
        io::FrameDecoder decoder;
        const auto fed = decoder.feed(from_hex(read(release / "frames.hex")),
                                      [&](io::Frame frame) { frames.push_back(std::move(frame)); });
        ASSERT_TRUE(fed) << fed.error().message;
        ASSERT_EQ(frames.size(), 5U);
        const auto handshake = io::decode_handshake(frames[0].payload);
        ASSERT_TRUE(handshake) << handshake.error().message;
        EXPECT_EQ(handshake->lane, io::Lane::raft);
        EXPECT_EQ(handshake->cluster, "cluster-1");
        EXPECT_EQ(handshake->release, release.filename().string());
        EXPECT_EQ(frames[1].payload, "one message") << "it came in two frames";
        EXPECT_EQ(frames[2], (io::Frame{io::FrameKind::request, 2, "question"}));
        EXPECT_EQ(io::decode_credit(frames[3].payload).value_or(0), 4096U);
        EXPECT_EQ(frames[4].kind, io::FrameKind::ping);
    }
}

}  // namespace
}  // namespace drover::golden
