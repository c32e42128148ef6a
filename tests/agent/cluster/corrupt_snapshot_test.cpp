// A real server's snapshot files are damaged on its disk while it does not run: an older one will
// do where the log reaches back that far, and nothing will do where it does not.
#include <gtest/gtest.h>

#include <utility>

#include "tests/agent/cluster/damage.hpp"
#include "tests/agent/cluster/lone_server.hpp"

namespace drover::agent::cluster {
namespace {

namespace fs = std::filesystem;

constexpr int job_count = 40;
constexpr std::uint64_t threshold = 20;
constexpr std::uint64_t long_log = 500, short_log = 2;  // entries that a snapshot leaves

std::vector<fs::path> snapshots_of(const Machine& machine) {
    return files_in(raft_of(machine) / "snapshots", ".snapshot");
}

void damage(const fs::path& snapshot) { rot({snapshot, fs::file_size(snapshot) / 2}); }

std::uint64_t index_of(const fs::path& snapshot) {
    return std::stoull(snapshot.filename().string().substr(0, 20));
}

// Two snapshots are there, the log was compacted for the newer one, and nothing is under way.
bool is_settled(const Machine& machine, std::uint64_t trailing, std::uint64_t& applied_before) {
    const auto files = snapshots_of(machine);
    const auto state = machine.api().get("/v1/operator/raft/state");
    if (files.size() != 2 || !state) return false;
    const std::uint64_t newest = index_of(files[1]), applied = number(*state, {"AppliedIndex"});
    const bool compacted =
        newest <= trailing || number(*state, {"FirstIndex"}) == newest - trailing + 1;
    return std::exchange(applied_before, applied) == applied && applied < newest + threshold &&
           compacted;
}

void fill_and_stop(LoneServer& server, std::uint64_t trailing) {
    server.register_jobs(job_count);
    std::uint64_t applied = 0;
    ASSERT_TRUE(eventually([&] { return is_settled(server.machine(), trailing, applied); }));
    ASSERT_EQ(server.machine().stop(), 0);
}

std::string settings(std::uint64_t trailing) {
    return "  raft_snapshot_threshold = " + std::to_string(threshold) +
           "\n  raft_trailing_logs = " + std::to_string(trailing) + "\n";
}

TEST(CorruptSnapshot, an_older_one_and_the_log_stand_in_for_the_newest) {
    LoneServer server{settings(long_log)};
    fill_and_stop(server, long_log);
    const auto files = snapshots_of(server.machine());
    ASSERT_EQ(files.size(), 2U);
    damage(files[1]);
    server.machine().start();
    std::optional<Json> jobs;
    ASSERT_TRUE(eventually([&] {
        jobs = server.machine().api().get("/v1/jobs?consistent");
        return jobs.has_value();
    }));
    EXPECT_EQ(items(*jobs).size(), std::size_t{job_count});
    expect_told(
        content_of(server.machine().log()),
        {files[1].string() + ": ", "is damaged", "starts from " + files[0].filename().string()});
    // It does not count among those that are kept: of the two that are sound none goes too early.
    EXPECT_TRUE(fs::exists(files[1].string() + ".damaged"));

    ASSERT_EQ(server.machine().stop(), 0);
    for (const auto& file : snapshots_of(server.machine())) damage(file);
    expect_told(refusal_of(server.machine()),
                {"no file can be loaded", files[0].string() + ": ", "is damaged",
                 "it joins the others", "from a backup"});
}

TEST(CorruptSnapshot, an_older_one_is_refused_where_the_log_begins_after_it) {
    LoneServer server{settings(short_log)};
    fill_and_stop(server, short_log);
    const auto files = snapshots_of(server.machine());
    ASSERT_EQ(files.size(), 2U);
    damage(files[1]);
    expect_told(refusal_of(server.machine()),
                {files[1].string() + ": ", "is damaged", files[0].string() + ", ends with entry ",
                 "but the log begins after entry ", "it joins the others", "from a backup"});
    EXPECT_EQ(snapshots_of(server.machine()), files) << "a refusal changes nothing";
}

}  // namespace
}  // namespace drover::agent::cluster
