// A disk whose sync fails once. This program's own fsync, fdatasync and pwrite come before those of
// the C library, also for RocksDB, so that real files meet a failure on demand.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "io/durable_file.hpp"
#include "io/store.hpp"
#include "tests/io/temporary_directory.hpp"

namespace {

std::atomic<int> failing_sync{0};  // 1: the next one, 2: the one after it; 0: none

bool must_fail() {
    int ahead = failing_sync.load();
    while (ahead > 0 && !failing_sync.compare_exchange_weak(ahead, ahead - 1)) {
    }
    if (ahead == 1) errno = EIO;
    return ahead == 1;
}
int sync_with(long call, int file) {
    return must_fail() ? -1 : static_cast<int>(::syscall(call, file));
}

}  // namespace

extern "C" {
int fsync(int file) { return sync_with(SYS_fsync, file); }
int fdatasync(int file) { return sync_with(SYS_fdatasync, file); }
// Into a file that is opened so, it is a sync as well.
ssize_t pwrite(int file, const void* bytes, std::size_t size, off_t at) {
    if ((::fcntl(file, F_GETFL) & O_DSYNC) != 0 && must_fail()) return -1;
    return ::syscall(SYS_pwrite64, file, bytes, size, at);
}
}

namespace drover::io {
namespace {

KvBatch put(const std::string& key) {
    KvBatch batch;
    batch.put(key, "value");
    return batch;
}

TEST(FailedSync, latches_in_the_store_though_the_disk_is_well_again) {
    const TemporaryDirectory directory;
    auto store = *RocksStore::open(directory.path() / "store");
    ASSERT_TRUE(store->write(put("before")));
    failing_sync = 1;
    const Result<void> failed = store->write(put("unsynced"));
    ASSERT_EQ(failing_sync, 0) << "nothing was synced";
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().message.find(directory.path().string()), std::string::npos);
    EXPECT_NE(failed.error().message.find("Input/output error"), std::string::npos);
    for (const Durability durability : {Durability::synced, Durability::relaxed}) {
        Result<void> told{};
        std::atomic<bool> done{false};
        ASSERT_TRUE(store->submit(put("later"), durability, [&](Result<void> result) {
            told = std::move(result);
            done = true;
            done.notify_one();
        }));
        done.wait(false);
        ASSERT_FALSE(told) << "reported durable after a failed sync";
        EXPECT_EQ(told.error(), failed.error());
    }
    store.reset();
    const auto again = RocksStore::open(directory.path() / "store");
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*(*again)->get("before"), "value");
    EXPECT_EQ(*(*again)->get("later"), std::nullopt);
    EXPECT_TRUE((*again)->write(put("anew")));
}

TEST(FailedSync, of_a_whole_file_leaves_the_old_one_and_nothing_beside_it) {
    const TemporaryDirectory directory;
    const auto file = directory.path() / "file";
    ASSERT_TRUE(write_file_durably(file, "old"));
    failing_sync = 1;
    const Result<void> failed = write_file_durably(file, "new");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().message, file.string() + ".tmp: cannot sync: Input/output error");
    EXPECT_EQ(*read_file(file, 0, 100), "old");
    EXPECT_FALSE(std::filesystem::exists(file.string() + std::string{temporary_suffix}));

    // Without a sync of the directory the new name may be gone after a power failure.
    failing_sync = 2;
    const Result<void> unnamed = write_file_durably(file, "new");
    ASSERT_FALSE(unnamed);
    EXPECT_EQ(unnamed.error().message,
              directory.path().string() + ": cannot sync: Input/output error");
}

TEST(FailedSync, of_a_new_directorys_name_is_told) {
    const TemporaryDirectory directory;
    for (const int which : {1, 2}) {
        const auto inner = directory.path() / std::to_string(which) / "inner";
        failing_sync = which;
        const Result<void> made = make_directories(inner);
        ASSERT_FALSE(made) << "the name in " << which << " levels is not synced";
        EXPECT_NE(made.error().message.find("cannot sync: Input/output error"), std::string::npos);
        EXPECT_TRUE(make_directories(inner));
        EXPECT_TRUE(std::filesystem::is_directory(inner));
    }
    ASSERT_TRUE(write_file_durably(directory.path() / "file", ""));
    const Result<void> below_a_file = make_directories(directory.path() / "file" / "inner");
    ASSERT_FALSE(below_a_file);
    EXPECT_NE(below_a_file.error().message.find("file"), std::string::npos);
}

}  // namespace
}  // namespace drover::io
