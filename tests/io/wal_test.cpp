// The end of a write-ahead log, as a crash, a power failure or rot leaves it: what was told to be
// durable is there, or the store does not open; what was not told is cut.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "io/store.hpp"
#include "io/wal_end.hpp"
#include "tests/io/crashed_copy.hpp"
#include "tests/io/temporary_directory.hpp"

namespace drover::io {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t sector = 512;
constexpr std::size_t header = 7;  // of a record

std::string bytes_of(const fs::path& file) {
    std::ostringstream bytes;
    bytes << std::ifstream{file, std::ios::binary}.rdbuf();
    return bytes.str();
}

fs::path log_of(const fs::path& directory) {
    fs::path newest;
    for (const auto& entry : fs::directory_iterator{directory}) {
        if (entry.path().extension() == ".log" && entry.path() > newest) newest = entry.path();
    }
    return newest;
}

// A store with keys "0", "1", ... whose values have these sizes, each of them a record, copied
// while it was open. The copy is only ever read.
class Crashed {
public:
    explicit Crashed(const std::vector<std::size_t>& sizes) : directory_{where_.path() / "store"} {
        auto store = *RocksStore::open(directory_);
        for (const std::size_t size : sizes) {
            KvBatch batch;
            batch.put(std::to_string(ends_.size()), std::string(size, 'x'));
            EXPECT_TRUE(store->write(std::move(batch)));
            ends_.push_back(*end_of_records(bytes_of(log_of(directory_))));
        }
        copy_ = crashed_copy(directory_);
        sound_ = bytes_of(log_of(copy_));
    }
    [[nodiscard]] const std::string& sound() const { return sound_; }
    [[nodiscard]] std::size_t count() const { return ends_.size(); }
    [[nodiscard]] std::size_t begin(std::size_t record) const {
        return record == 0 ? 0 : ends_[record - 1];
    }
    [[nodiscard]] std::size_t end(std::size_t record) const { return ends_[record]; }
    [[nodiscard]] const fs::path& closed_store() const { return directory_; }

    // How many of the keys a start finds with this in the place of the log.
    [[nodiscard]] Result<std::size_t> start_with(const std::string& log) const {
        std::ofstream{log_of(copy_), std::ios::binary} << log;
        const auto store = RocksStore::open_read_only(copy_);
        if (!store) return tl::unexpected{store.error()};
        std::size_t found = 0;
        const auto visited = (*store)->for_each("", "", [&](auto key, auto) {
            EXPECT_EQ(key, std::to_string(found));
            ++found;
            return true;
        });
        if (!visited) return tl::unexpected{visited.error()};
        return found;
    }

private:
    TemporaryDirectory where_;
    fs::path directory_;
    fs::path copy_;
    std::string sound_;
    std::vector<std::size_t> ends_;
};

void expect_refused(const Result<std::size_t>& started, const std::string& why) {
    ASSERT_FALSE(started) << *started << " keys were found";
    EXPECT_EQ(started.error().code, Errc::corrupt);
    for (const std::string& told : {std::string{".log"}, why, std::string{"keep a copy"}}) {
        EXPECT_NE(started.error().message.find(told), std::string::npos) << started.error().message;
    }
}

std::string blanked(std::string log, std::size_t from, std::size_t end) {
    std::fill(log.begin() + static_cast<std::ptrdiff_t>(from),
              log.begin() + static_cast<std::ptrdiff_t>(end), '\0');
    return log;
}

std::string flipped(std::string log, std::size_t at) {
    log[at] = static_cast<char>(log[at] ^ 0x10);
    return log;
}

std::size_t next_sector(std::size_t at) { return (at / sector + 1) * sector; }

TEST(Wal, ends_where_the_zeros_begin) {
    const Crashed crashed{{10, 1000, 0, 100'000, 3}};
    const std::string& log = crashed.sound();
    EXPECT_GT(log.size(), crashed.end(crashed.count() - 1)) << "no zeros were laid";
    EXPECT_EQ(log.find_last_not_of('\0') + 1, crashed.end(crashed.count() - 1));
    EXPECT_EQ(*crashed.start_with(log), crashed.count());
    EXPECT_EQ(*end_of_records(std::string(100'000, '\0')), 0u);
    EXPECT_EQ(*end_of_records(""), 0u);
    const std::string closed = bytes_of(log_of(crashed.closed_store()));
    EXPECT_EQ(closed.size(), crashed.end(crashed.count() - 1)) << "a closed log keeps no zeros";
}

// A power failure keeps any of the sectors that were under way, and none of the others.
TEST(Wal, a_torn_last_record_is_cut_whatever_is_missing_of_it) {
    for (const std::size_t size : std::vector<std::size_t>{300, 2000, 100'000}) {
        const Crashed crashed{{700, size}};
        const std::size_t end = crashed.end(1);
        for (std::size_t at = crashed.begin(1); at < end; at = next_sector(at)) {
            SCOPED_TRACE(std::to_string(size) + " bytes, torn at " + std::to_string(at));
            const std::size_t next = std::min(next_sector(at), end);
            EXPECT_EQ(*crashed.start_with(blanked(crashed.sound(), at, next)), 1u);
            EXPECT_EQ(*crashed.start_with(blanked(crashed.sound(), at, end)), 1u);
            if (next == end) continue;
            EXPECT_EQ(*crashed.start_with(blanked(crashed.sound(), crashed.begin(1), next)), 1u);
        }
    }
}

TEST(Wal, a_cut_off_file_loses_its_last_record_alone) {
    const Crashed crashed{{700, 2000}};
    for (std::size_t at = crashed.begin(1); at < crashed.end(1); at += 100) {
        EXPECT_EQ(*crashed.start_with(crashed.sound().substr(0, at)), 1u) << at;
    }
}

TEST(Wal, a_last_record_that_lacks_nothing_but_rotted_is_refused) {
    const Crashed crashed{{700, 40'000}};
    for (std::size_t at = crashed.begin(1) + header; at < crashed.end(1); at += 977) {
        SCOPED_TRACE(at);
        expect_refused(crashed.start_with(flipped(crashed.sound(), at)),
                       "does not match its checksum");
    }
}

TEST(Wal, damage_with_good_records_after_it_is_refused) {
    const Crashed crashed{{700, 2000, 40'000, 5}};
    for (std::size_t at = 0; at < crashed.begin(3); at += at < 2 * header ? 1 : 211) {
        SCOPED_TRACE(at);
        expect_refused(crashed.start_with(flipped(crashed.sound(), at)), "good ones follow it");
        const std::size_t next = std::min(next_sector(at), crashed.begin(3));
        expect_refused(crashed.start_with(blanked(crashed.sound(), at, next)),
                       "good ones follow it");
    }
}

}  // namespace
}  // namespace drover::io
