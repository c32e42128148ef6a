// The RocksDB store keeps the storage contract: atomic, ordered, durable when told, and never
// silent about damage (wal_test.cpp). Crashes are imitated by copying an open store.
#include <gtest/gtest.h>

#include <map>

#include "io/read_ahead.hpp"
#include "io/store.hpp"
#include "tests/io/crashed_copy.hpp"
#include "tests/io/temporary_directory.hpp"
#include "tests/io/waiting.hpp"

namespace drover::io {
namespace {

namespace fs = std::filesystem;

std::map<std::string, std::string> content(const RocksStore& store) {
    std::map<std::string, std::string> pairs;
    const Result<void> visited = store.for_each("", "", [&](auto key, auto value) {
        pairs.emplace(key, value);
        return true;
    });
    EXPECT_TRUE(visited) << visited.error().message;
    return pairs;
}

KvBatch put(std::string key, std::string value) {
    KvBatch batch;
    batch.put(std::move(key), std::move(value));
    return batch;
}

TEST(RocksStore, a_batch_is_applied_in_order_and_survives_a_crash) {
    const TemporaryDirectory directory;
    const fs::path where = directory.path() / "store";
    auto store = *RocksStore::open(where);
    KvBatch batch;
    batch.put("b", "1");
    batch.put("a", "2");
    batch.put("c", "3");
    batch.put("d", "4");
    batch.erase("b");
    batch.erase_range("c", "d");
    batch.put("c", "again");
    ASSERT_TRUE(store->write(std::move(batch)));
    const std::map<std::string, std::string> expected{{"a", "2"}, {"c", "again"}, {"d", "4"}};
    EXPECT_EQ(content(*store), expected);
    EXPECT_EQ(*store->get("a"), "2");
    EXPECT_EQ(*store->get("b"), std::nullopt);
    EXPECT_EQ(content(**RocksStore::open(crashed_copy(where))), expected);
    store.reset();
    EXPECT_EQ(content(**RocksStore::open(where)), expected);
}

// More than may be read ahead of the visitor.
KvBatch some_mebibytes() {
    KvBatch batch;
    for (int i = 0; i < 4000; ++i) batch.put("key" + std::to_string(i), std::string(4000, 'v'));
    return batch;
}

TEST(RocksStore, what_is_read_ahead_is_what_is_there) {
    const TemporaryDirectory directory;
    const auto store = *RocksStore::open(directory.path());
    std::map<std::string, std::string> pairs;
    std::string last;
    const auto visit = [&](std::string_view key, std::string_view value) {
        EXPECT_LT(last, key);
        last = key;
        pairs.emplace(key, value);
        return true;
    };
    ASSERT_TRUE(for_each_ahead(*store, visit));
    EXPECT_TRUE(pairs.empty());
    ASSERT_TRUE(store->write(some_mebibytes()));
    ASSERT_TRUE(for_each_ahead(*store, visit));
    EXPECT_EQ(pairs, content(*store));
}

TEST(RocksStore, reading_ahead_ends_where_the_visitor_ends) {
    const TemporaryDirectory directory;
    const auto store = *RocksStore::open(directory.path());
    ASSERT_TRUE(store->write(some_mebibytes()));
    int visited = 0;
    ASSERT_TRUE(for_each_ahead(*store, [&](auto, auto) { return ++visited < 3; }));
    EXPECT_EQ(visited, 3);
}

TEST(RocksStore, an_open_ended_range_reaches_the_last_key_even_of_the_same_batch) {
    const TemporaryDirectory directory;
    const auto store = *RocksStore::open(directory.path());
    ASSERT_TRUE(store->write(put("a", "kept")));
    ASSERT_TRUE(store->write(put("m", "stored")));
    KvBatch batch;
    batch.put("z\xff\xff", "put just before");
    batch.erase_range("b", "");
    batch.put("c", "put after");
    ASSERT_TRUE(store->write(std::move(batch)));
    EXPECT_EQ(content(*store),
              (std::map<std::string, std::string>{{"a", "kept"}, {"c", "put after"}}));
}

TEST(RocksStore, a_visit_keeps_to_its_bounds_and_ends_when_told) {
    const TemporaryDirectory directory;
    const auto store = *RocksStore::open(directory.path());
    for (const char* key : {"a", "b", "c", "d"}) ASSERT_TRUE(store->write(put(key, "")));
    std::string seen;
    const auto collect = [&](std::string_view key, std::string_view) {
        seen += key;
        return key != "c";
    };
    ASSERT_TRUE(store->for_each("b", "d", collect));
    EXPECT_EQ(seen, "bc");
    seen.clear();
    ASSERT_TRUE(store->for_each("", "", collect));
    EXPECT_EQ(seen, "abc");
}

TEST(RocksStore, completions_come_in_the_order_of_submission_and_closing_waits_for_them) {
    const TemporaryDirectory directory;
    Collected<int> completed;
    auto store = *RocksStore::open(directory.path());
    constexpr int count = 500;
    for (int i = 0; i < count; ++i) {
        ASSERT_TRUE(store->submit(
            put(std::to_string(i), "x"), i % 3 == 0 ? Durability::relaxed : Durability::synced,
            [&completed, i](const Result<void>& result) { completed.add(result ? i : -1); }));
    }
    store.reset();
    const std::vector<int> order = completed.values();
    ASSERT_EQ(order.size(), static_cast<std::size_t>(count));
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
    EXPECT_EQ(order.front(), 0);
}

TEST(RocksStore, a_full_queue_refuses_and_takes_again_after_a_completion) {
    const TemporaryDirectory directory;
    StoreOptions options;
    options.queue_bytes_max = 1000;
    const auto store = *RocksStore::open(directory.path(), options);
    Collected<bool> completed;
    std::mutex gate;
    std::unique_lock closed{gate};
    // The storage thread stands in this completion until the gate opens.
    ASSERT_TRUE(store->submit(put("first", ""), Durability::synced, [&](const Result<void>&) {
        completed.add(true);
        const std::lock_guard wait{gate};
    }));
    ASSERT_TRUE(completed.wait_for_count(1));
    ASSERT_TRUE(
        store->submit(put("second", std::string(5000, 'x')), Durability::synced,
                      [&](const Result<void>& result) { completed.add(result.has_value()); }))
        << "a batch that alone exceeds the queue passes when nothing else waits";
    const Result<void> refused = store->submit(put("third", ""), Durability::synced, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::overloaded);
    closed.unlock();
    ASSERT_TRUE(completed.wait_for_count(2));
    EXPECT_TRUE(store->write(put("third", "")));
    EXPECT_EQ(content(*store).size(), 3u);
}

TEST(RocksStore, a_second_owner_is_turned_away_with_advice) {
    const TemporaryDirectory directory;
    const auto store = *RocksStore::open(directory.path());
    const auto second = RocksStore::open(directory.path());
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("another process"), std::string::npos)
        << second.error().message;
}

}  // namespace
}  // namespace drover::io
