// `drover operator fsck` on the files that a real server has left, sound ones and copies that were
// damaged in one place each.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>

#include "engine/schema/json_value.hpp"
#include "engine/storage/layout.hpp"
#include "io/store.hpp"
#include "tests/agent/cluster/lone_server.hpp"

namespace drover::agent::cluster {
namespace {

namespace fs = std::filesystem;

std::map<std::string, std::string> contents(const fs::path& directory) {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator{directory}) {
        all[entry.path().string()] = entry.is_regular_file() ? content_of(entry.path()) : "";
    }
    return all;
}

fs::path newest_snapshot(const fs::path& data) {
    fs::path newest;
    for (const auto& entry : fs::directory_iterator{data / "server" / "raft" / "snapshots"})
        newest = std::max(newest, entry.path());
    return newest;
}

void overwrite(const fs::path& file, std::streamoff at, const std::string& bytes) {
    std::fstream stream{file, std::ios::in | std::ios::out | std::ios::binary};
    stream.seekp(at);
    stream << bytes;
    ASSERT_TRUE(stream.flush()) << file;
}

void replace(const fs::path& file, const std::string& content) {
    std::ofstream{file, std::ios::trunc} << content;
}

void change_store(const fs::path& data, const std::function<void(storage::KvBatch&)>& change) {
    const auto store = io::RocksStore::open(data / "server" / "raft" / "store");
    ASSERT_TRUE(store) << store.error().message;
    storage::KvBatch batch;
    change(batch);
    ASSERT_TRUE((*store)->write(batch));
}

std::string key_before_last(std::uint64_t last, std::uint64_t back) {
    return storage::log_key(raft::Index{last - back});
}

struct Damage {
    std::string why;
    std::function<void(const fs::path& data, std::uint64_t last)> cause;
    std::string place;
    std::string told;
};

const std::vector<Damage>& damages() {
    static const std::vector<Damage> all{
        {"a snapshot's bytes rotted",
         [](const fs::path& data, std::uint64_t) { overwrite(newest_snapshot(data), 300, "XX"); },
         "server/raft/snapshots/", "is damaged"},
        {"a snapshot was cut short",
         [](const fs::path& data, std::uint64_t) { fs::resize_file(newest_snapshot(data), 700); },
         "server/raft/snapshots/", "is cut short"},
        {"a snapshot's name lies",
         [](const fs::path& data, std::uint64_t) {
             const fs::path file = newest_snapshot(data);
             std::string name = file.filename().string();
             name[0] = '1';
             fs::rename(file, file.parent_path() / name);
         },
         "server/raft/snapshots/1", "name does not say what is inside"},
        {"the snapshots are gone, and the log was compacted",
         [](const fs::path& data, std::uint64_t) { fs::remove(newest_snapshot(data)); },
         "server/raft", "the log begins after entry"},
        {"an entry rotted and good ones follow",
         [](const fs::path& data, std::uint64_t last) {
             change_store(data,
                          [&](auto& batch) { batch.put(key_before_last(last, 2), "rotten"); });
         },
         "server/raft/store", "this is no torn write"},
        {"an entry is missing",
         [](const fs::path& data, std::uint64_t last) {
             change_store(data, [&](auto& batch) { batch.erase(key_before_last(last, 2)); });
         },
         "server/raft/store", "is missing, but entry"},
        {"the end of the log that was acknowledged is missing",
         [](const fs::path& data, std::uint64_t last) {
             change_store(data, [&](auto& batch) { batch.erase(key_before_last(last, 0)); });
         },
         "server/raft/store", "was durable once, but the log ends with entry"},
        {"an entry stands under another's key",
         [](const fs::path& data, std::uint64_t last) {
             std::string value;
             {
                 const auto store = io::RocksStore::open(data / "server" / "raft" / "store");
                 ASSERT_TRUE(store) << store.error().message;
                 value = (**(*store)->get(key_before_last(last, 1)));
             }
             change_store(data, [&](auto& batch) { batch.put(key_before_last(last, 3), value); });
         },
         "server/raft/store", "the checksum does not match"},
        {"term and vote are gone",
         [](const fs::path& data, std::uint64_t) {
             change_store(data, [](auto& batch) { batch.erase(std::string{storage::hard_key}); });
         },
         "server/raft/store", "no record of term and vote"},
        {"the database has lost a file",
         [](const fs::path& data, std::uint64_t) {
             for (const auto& entry : fs::directory_iterator{data / "server" / "raft" / "store"}) {
                 if (entry.path().filename().string().starts_with("MANIFEST"))
                     replace(entry.path(), "garbage that is no manifest at all");
             }
         },
         "server/raft/store", "Corruption"},
        {"the version file holds no number",
         [](const fs::path& data, std::uint64_t) {
             replace(data / "server" / "raft" / "version", "three\n");
         },
         "server/raft/version", "no version number: \"three"},
        {"a later release was here",
         [](const fs::path& data, std::uint64_t) {
             replace(data / "server" / "raft" / "version", "4\n");
         },
         "server/raft/version", "downgrade"},
        {"the server forgot who it is",
         [](const fs::path& data, std::uint64_t) { fs::remove(data / "server" / "node-id"); },
         "server/node-id", "the server would be another one"},
        {"the promise is no promise",
         [](const fs::path& data, std::uint64_t) {
             replace(data / "server" / "join-promise", "\xff\xff\xff");
         },
         "server/join-promise", "malformed"},
    };
    return all;
}

int fsck(const LoneServer& server, std::vector<std::string> arguments, std::string& output) {
    output.clear();
    arguments.insert(arguments.begin(), {"operator", "fsck"});
    return server.machine().offline(std::move(arguments), output);
}

bool tells(const Json& examined, const Damage& damage) {
    const auto& findings = items(at(examined, {"Findings"}));
    return std::any_of(findings.begin(), findings.end(), [&](const Json& one) {
        return text(one, {"Place"}).starts_with(damage.place) &&
               text(one, {"Problem"}).find(damage.told) != std::string::npos &&
               !text(one, {"Remedy"}).empty();
    });
}

void expect_found(const LoneServer& server, const Damage& damage, std::uint64_t last) {
    const fs::path copy = server.machine().directory() / "copy";
    fs::remove_all(copy);
    fs::copy(server.data(), copy, fs::copy_options::recursive);
    damage.cause(copy, last);
    std::string output;
    EXPECT_EQ(fsck(server, {"-json", copy}, output), 1) << damage.why << "\n" << output;
    const auto examined = schema::parse_json(output);
    ASSERT_TRUE(examined) << damage.why << "\n" << output;
    EXPECT_TRUE(tells(*examined, damage)) << damage.why << "\n" << output;
}

TEST(Fsck, what_a_real_server_left_is_clean_and_each_damage_is_found_with_its_place_and_remedy) {
    LoneServer server{"  raft_snapshot_threshold = 20\n  raft_trailing_logs = 8\n"};
    server.register_jobs(30);
    ASSERT_TRUE(eventually([&] { return fs::exists(newest_snapshot(server.data())); }));
    std::string output;
    EXPECT_EQ(fsck(server, {server.data()}, output), 2) << output;
    EXPECT_NE(output.find("is in use by a running process; stop the server first"),
              std::string::npos)
        << output;
    ASSERT_EQ(server.machine().stop(), 0);

    const auto before = contents(server.data());
    ASSERT_EQ(fsck(server, {"-json", server.data()}, output), 0) << output;
    EXPECT_EQ(contents(server.data()), before) << "fsck wrote";
    const auto clean = schema::parse_json(output);
    ASSERT_TRUE(clean) << output;
    const std::uint64_t last = number(*clean, {"Store", "LastIndex"});
    EXPECT_GT(last, 30U);
    EXPECT_EQ(items(at(*clean, {"Store", "EntryRanges"})).size(), 1U);
    EXPECT_GE(items(at(items(at(*clean, {"Snapshots"})).front(), {"Sections"})).size(), 5U);

    for (const Damage& damage : damages()) expect_found(server, damage, last);
}

TEST(Fsck, a_directory_that_holds_no_server_is_refused_with_what_to_give_instead) {
    const LoneServer server{""};
    std::string output;
    EXPECT_EQ(fsck(server, {"/proc"}, output), 2);
    EXPECT_NE(output.find("give the `data_dir` of a server"), std::string::npos) << output;
    EXPECT_EQ(fsck(server, {}, output), 2) << output;
}

}  // namespace
}  // namespace drover::agent::cluster
