// Engines from shared libraries live in one cluster with the one that is linked in: today's, loaded
// once more, and every release that `make engine RELEASE=...` has put into the build tree.
#include "tests/engine/host/loaded_engine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "tests/engine/host/group.hpp"
#include "tests/engine/host/requests.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool sanitized = false;
#endif

namespace drover::host {
namespace {

namespace fs = std::filesystem;

// Today's engine, and the releases that are built.
std::vector<fs::path> libraries() {
    std::vector<fs::path> found{DROVER_ENGINE_LIBRARY};
    const fs::path built{DROVER_BUILT_RELEASES};
    if (!fs::exists(built)) return found;
    for (const auto& release : fs::directory_iterator{built}) {
        const fs::path library = release.path() / "libdrover_engine.so";
        if (fs::exists(library)) found.push_back(library);
    }
    std::sort(found.begin() + 1, found.end());
    return found;
}

class LoadedEngines : public testing::TestWithParam<fs::path> {
protected:
    void SetUp() override {
        if (sanitized) GTEST_SKIP() << "a sanitizer's runtime cannot be loaded a second time";
        auto opened = LoadedEngine::open(GetParam());
        ASSERT_TRUE(opened) << opened.error().message;
        other.emplace(std::move(*opened));
    }

    std::optional<LoadedEngine> other;
    const drover_engine_table& today = *drover_engine_table_v1();
};

TEST_P(LoadedEngines, one_server_of_the_other_release_agrees_with_two_of_todays) {
    Group group{3, {}, {&today, &other->table(), &today}};
    group.run_for(5000 * millisecond);
    ASSERT_TRUE(group.leader());
    for (std::uint64_t i = 0; i < 3; ++i) {
        group.ask(i, 10 + i, registration("job-" + std::to_string(i)));
    }
    group.run_for(1000 * millisecond);
    for (std::uint64_t i = 0; i < 3; ++i) expect_written(group, 10 + i);
    expect_equal(group, {0, 1, 2});
}

// Each server in turn comes to today's release and goes back, and nothing is lost on the way: while
// nobody finalizes the upgrade, there is a way back.
TEST_P(LoadedEngines, a_cluster_of_the_other_release_rolls_to_todays_and_back_on_the_same_disks) {
    Group group{3, {}, {&other->table(), &other->table(), &other->table()}};
    group.run_for(5000 * millisecond);
    std::uint64_t ticket = 0;
    for (const drover_engine_table* next : {&today, &other->table()}) {
        for (std::size_t server = 0; server < 3; ++server) {
            group.crash(server);
            group.replace(server, *next);
            ASSERT_TRUE(group.start(server)) << group.error;
            group.run_for(5000 * millisecond);
            ++ticket;
            group.ask(server, ticket, registration("job-" + std::to_string(ticket)));
            group.run_for(1000 * millisecond);
            expect_written(group, ticket);
        }
        expect_equal(group, {0, 1, 2});
    }
    for (std::uint64_t job = 1; job <= ticket; ++job) {
        group.ask(job % 3, 100 + job, read_job("job-" + std::to_string(job)));
        group.run_for(500 * millisecond);
        ASSERT_NE(group.answer(100 + job), nullptr) << job;
        EXPECT_TRUE(group.answer(100 + job)->has_job()) << job;
    }
}

TEST_P(LoadedEngines, a_snapshot_of_one_release_is_loaded_by_the_other) {
    wire::ServerConfig config;
    config.set_snapshot_threshold_entries(8);
    config.set_snapshot_trailing_entries(1);
    for (const auto& [most, one] :
         {std::pair{&today, &other->table()}, {&other->table(), &today}}) {
        Group group{3, config, {most, most, one}};
        group.run_for(5000 * millisecond);
        group.crash(2);
        for (std::uint64_t i = 0; i < 40; ++i) {
            group.ask(0, 100 + i, registration("job-" + std::to_string(i)));
            group.run_for(2000 * millisecond);
            expect_written(group, 100 + i);
        }
        ASSERT_TRUE(group.start(2)) << group.error;
        group.run_for(5000 * millisecond);
        EXPECT_EQ(group.snapshots_received, 1U);
        expect_equal(group, {0, 1, 2});
    }
}

INSTANTIATE_TEST_SUITE_P(TodaysAndBuiltReleases, LoadedEngines, testing::ValuesIn(libraries()),
                         [](const testing::TestParamInfo<fs::path>& library) {
                             std::string name = library.param.parent_path().filename();
                             std::replace_if(
                                 name.begin(), name.end(), [](char c) { return !isalnum(c); }, '_');
                             return name;
                         });

TEST(LoadedEngine, what_is_no_engine_is_refused_with_the_reason) {
    const auto missing = LoadedEngine::open("/nonexistent/libdrover_engine.so");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Errc::unsupported);
    EXPECT_NE(missing.error().message.find("/nonexistent"), std::string::npos);
}

}  // namespace
}  // namespace drover::host
