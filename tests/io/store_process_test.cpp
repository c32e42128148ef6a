// What only a process of its own can show: a store that is killed in the middle of its work, and
// one whose disk refuses to write. The child reports through a pipe; the parent opens what is left.
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <random>
#include <set>

#include "io/store.hpp"
#include "tests/io/temporary_directory.hpp"
#include "tests/io/waiting.hpp"

namespace drover::io {
namespace {

KvBatch numbered(std::uint32_t number) {
    KvBatch batch;  // two keys, so that half a batch would be seen
    batch.put("a" + std::to_string(number), std::string(500, 'x'));
    batch.put("b" + std::to_string(number), std::string(500, 'y'));
    return batch;
}

void tell(int pipe, std::uint32_t number) {
    if (::write(pipe, &number, sizeof number) != sizeof number) ::_exit(3);
}

// Where the parent wants the child's store, and the end of the pipe to tell it through.
constexpr const char* directory_variable = "DROVER_TEST_STORE";
constexpr const char* pipe_variable = "DROVER_TEST_PIPE";

struct Child {
    Child(const char* role, const std::filesystem::path& directory) {
        int ends[2];
        EXPECT_EQ(::pipe(ends), 0);
        const std::string filter = "--gtest_filter=RocksStoreChild.DISABLED_" + std::string{role};
        ::setenv(directory_variable, directory.c_str(), 1);
        ::setenv(pipe_variable, std::to_string(ends[1]).c_str(), 1);
        process = ::fork();
        if (process == 0) {
            ::close(ends[0]);
            ::execl("/proc/self/exe", "io_test", "--gtest_also_run_disabled_tests",
                    "--gtest_brief=1", filter.c_str(), nullptr);
            ::_exit(1);
        }
        ::close(ends[1]);
        pipe = ends[0];
    }
    // False at the end of what the child told.
    bool read(std::uint32_t& number) const {
        return ::read(pipe, &number, sizeof number) == sizeof number;
    }
    int wait() const {
        int status = 0;
        ::waitpid(process, &status, 0);
        ::close(pipe);
        return status;
    }
    pid_t process = -1;
    int pipe = -1;
};

struct Role {
    Role() {
        const char* number = std::getenv(pipe_variable);
        const char* path = std::getenv(directory_variable);
        if (number == nullptr || path == nullptr) return;  // started by hand: nothing to do
        pipe = std::atoi(number);
        StoreOptions options;
        options.memtable_bytes = 64
                                 << 10;  // so that logs are closed and files flushed all the time
        auto opened = RocksStore::open(path, options);
        if (opened) store = std::move(*opened);
    }
    int pipe = -1;
    std::unique_ptr<RocksStore> store;
};

// Writes batches until it is killed, telling the number of each one that is durable.
TEST(RocksStoreChild, DISABLED_writes_for_ever) {
    const Role role;
    const auto first = static_cast<std::uint32_t>(std::random_device{}());
    for (std::uint32_t number = first; role.store != nullptr; ++number) {
        const auto told = [&role, number](const Result<void>& result) {
            if (result) tell(role.pipe, number);
        };
        const Durability durability = number % 8 == 0 ? Durability::relaxed : Durability::synced;
        while (!role.store->submit(numbered(number), durability, told)) ::usleep(100);
    }
}

// Lets the disk refuse after a while: from then on every batch must fail, also once it is well.
TEST(RocksStoreChild, DISABLED_writes_until_refused) {
    const Role role;
    if (role.store == nullptr) return;
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    const rlim_t before = std::exchange(limit.rlim_cur, 100'000);
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::uint32_t number = 1;
    Result<void> written{};
    while ((written = role.store->write(numbered(number))) && number < 10'000) {
        tell(role.pipe, number++);
    }
    ASSERT_FALSE(written);
    limit.rlim_cur = before;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const Result<void> later = role.store->write(numbered(20'000));
    ASSERT_FALSE(later);
    EXPECT_EQ(later.error(), written.error());
}

// Every batch that was told durable is there, and no batch is there by half.
void expect_whole(const std::filesystem::path& directory, const std::set<std::uint32_t>& told) {
    const auto store = RocksStore::open(directory);
    ASSERT_TRUE(store) << store.error().message;
    std::map<std::string, int> keys;
    ASSERT_TRUE((*store)->for_each("", "", [&](std::string_view key, std::string_view) {
        ++keys[std::string{key.substr(1)}];
        return true;
    }));
    for (const std::uint32_t number : told) {
        EXPECT_TRUE(keys.contains(std::to_string(number))) << number << " was told durable";
    }
    for (const auto& [number, count] : keys) EXPECT_EQ(count, 2) << "half of batch " << number;
}

TEST(RocksStoreProcess, what_was_told_durable_survives_kill_after_kill) {
    const TemporaryDirectory directory;
    std::set<std::uint32_t> told;
    for (const std::size_t patience : {1U, 10U, 300U, 1U, 1000U, 100U}) {
        const Child child{"writes_for_ever", directory.path() / "store"};
        std::set<std::uint32_t> now;
        std::uint32_t number = 0;
        while (now.size() < patience && child.read(number)) now.insert(number);
        ::kill(child.process, SIGKILL);
        while (child.read(number)) now.insert(number);
        EXPECT_TRUE(WIFSIGNALED(child.wait())) << "it could not open what the last kill left";
        told.merge(now);
        expect_whole(directory.path() / "store", told);
    }
}

TEST(RocksStoreProcess, the_first_refused_write_is_the_last_word) {
    const TemporaryDirectory directory;
    const Child child{"writes_until_refused", directory.path() / "store"};
    std::set<std::uint32_t> told;
    std::uint32_t number = 0;
    while (child.read(number)) told.insert(number);
    const int status = child.wait();
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_GT(told.size(), 10u);
    expect_whole(directory.path() / "store", told);
}

}  // namespace
}  // namespace drover::io
