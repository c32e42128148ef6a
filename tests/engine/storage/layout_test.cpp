// What is written comes back; what is damaged is cut, or stops the server, never passed over.
#include <gtest/gtest.h>

#include <map>

#include "engine/base/match.hpp"
#include "engine/base/prng.hpp"
#include "engine/raft/raft.hpp"
#include "engine/storage/crc32c.hpp"
#include "engine/storage/layout.hpp"
#include "engine/storage/recovery.hpp"

namespace drover::storage {
namespace {

using raft::Entry;
using raft::EntryId;
using raft::EntryKind;
using raft::Index;
using raft::RaftId;
using raft::Term;
using raft::WriteLog;

class Store {
public:
    void write(const KvBatch& batch) {
        for (const auto& change : batch.changes()) {
            std::visit(Match{[&](const KvBatch::Put& one) { pairs[one.key] = one.value; },
                             [&](const KvBatch::Erase& one) { pairs.erase(one.key); },
                             [&](const KvBatch::EraseRange& one) {
                                 pairs.erase(
                                     pairs.lower_bound(one.first),
                                     one.end.empty() ? pairs.end() : pairs.lower_bound(one.end));
                             }},
                       change);
        }
    }
    [[nodiscard]] Result<RecoveredState> recover(std::optional<EntryId> mark = {}) const {
        Recovery recovery;
        for (const auto& [key, value] : pairs) {
            if (auto fed = recovery.feed(key, value); !fed) return tl::unexpected{fed.error()};
        }
        return recovery.finish(mark);
    }
    void damage(std::uint64_t index) {
        std::string& value = pairs.at(log_key(Index{index}));
        value.back() = static_cast<char>(value.back() ^ 1);
    }
    std::map<std::string, std::string> pairs;
};

Entry entry(std::uint64_t term, std::uint64_t index) {
    return {Term{term}, Index{index}, EntryKind::normal,
            std::make_shared<const std::string>("data " + std::to_string(index))};
}

// Entries 1 to 5 of term 1, of which 3 are known to be committed.
Store five_entries() {
    WriteLog write;
    write.hard = raft::HardState{Term{1}, RaftId{2}, Index{3}};
    for (std::uint64_t i = 1; i <= 5; ++i) write.entries.push_back(entry(1, i));
    Store store;
    store.write(encode(write));
    return store;
}

TEST(Layout, the_checksum_is_the_published_one) {
    EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
    EXPECT_EQ(crc32c("6789", crc32c("12345")), 0xe3069283U);
}

TEST(Layout, keys_of_entries_sort_as_entries_do) {
    EXPECT_LT(log_key(Index{255}), log_key(Index{256}));
    EXPECT_LT(log_key(Index{1}), log_key(Index{1ULL << 40}));
    EXPECT_EQ(parse_log_key(log_key(Index{1234567}))->value(), 1234567U);
    EXPECT_GE(log_key(Index{1}), raft_keys().first);
    EXPECT_LT(snapshot_key, raft_keys().end);
}

TEST(Layout, what_was_written_comes_back) {
    const auto state = five_entries().recover();
    ASSERT_TRUE(state) << state.error().message;
    EXPECT_EQ(state->raft.hard, (raft::HardState{Term{1}, RaftId{2}, Index{3}}));
    ASSERT_EQ(state->raft.entries.size(), 5U);
    EXPECT_EQ(state->raft.entries[4], entry(1, 5));
    EXPECT_TRUE(state->repair.empty());
}

TEST(Layout, an_empty_store_is_a_new_server) {
    const auto state = Store{}.recover();
    ASSERT_TRUE(state);
    EXPECT_TRUE(state->raft.empty());
}

TEST(Layout, entries_that_replace_a_tail_leave_nothing_of_it) {
    Store store = five_entries();
    WriteLog write;
    write.entries = {entry(2, 4)};
    write.replaces_tail = true;
    store.write(encode(write));
    const auto state = store.recover();
    ASSERT_TRUE(state);
    ASSERT_EQ(state->raft.entries.size(), 4U);
    EXPECT_EQ(state->raft.entries.back(), entry(2, 4));
}

TEST(Layout, compaction_keeps_the_term_of_the_entry_before_the_log) {
    Store store = five_entries();
    store.write(encode_compaction(Index{3}));
    const auto state = store.recover();
    ASSERT_TRUE(state) << state.error().message;
    EXPECT_EQ(state->raft.base, (EntryId{Term{1}, Index{3}}));
    ASSERT_EQ(state->raft.entries.size(), 2U);
    EXPECT_EQ(state->raft.entries.front().index, Index{4});
}

TEST(Layout, an_installed_snapshot_begins_the_log_anew) {
    Store store = five_entries();
    const raft::SnapshotMeta meta{Index{9}, Term{2}, {{RaftId{1}, RaftId{2}}, {}, {}, {}, false}};
    WriteLog write;
    write.hard = raft::HardState{Term{2}, std::nullopt, Index{9}};
    write.log_start = meta.id();
    write.snapshot = raft::Snapshot{meta, std::make_shared<const std::string>("bytes")};
    write.entries = {entry(2, 10)};
    store.write(encode(write));
    store.write(encode_compaction(Index{3}));  // late, and harmless
    const auto state = store.recover();
    ASSERT_TRUE(state) << state.error().message;
    EXPECT_EQ(state->raft.base, meta.id());
    EXPECT_EQ(state->raft.snapshot, meta);
    ASSERT_EQ(state->raft.entries.size(), 1U);
    EXPECT_TRUE(raft::validate(state->raft));
}

struct Damage {
    const char* why;
    void (*act)(Store&);
    std::optional<EntryId> mark;
    std::size_t entries_left;  // 0: the server must not start
    const char* says;
};

const Damage damages[]{
    {"a torn last record was never acknowledged", [](Store& s) { s.damage(5); }, {}, 4, "cut"},
    {"several torn records at the end are one torn write",
     [](Store& s) { s.damage(4), s.damage(5); },
     {},
     3,
     "cut"},
    {"a mark before the torn record does not object", [](Store& s) { s.damage(5); },
     EntryId{Term{1}, Index{4}}, 4, "cut"},
    {"a record that was durable once must not vanish", [](Store& s) { s.damage(5); },
     EntryId{Term{1}, Index{5}}, 0, "entry 5"},
    {"a missing tail that was durable once is noticed",
     [](Store& s) { s.pairs.erase(log_key(Index{5})); }, EntryId{Term{1}, Index{5}}, 0, "entry 5"},
    {"without a mark a missing tail looks like one never written",
     [](Store& s) { s.pairs.erase(log_key(Index{5})); },
     {},
     4,
     ""},
    {"rot in the middle is no torn write", [](Store& s) { s.damage(4); }, {}, 0, "entry 4"},
    {"a committed record is never cut",
     [](Store& s) { s.damage(3), s.damage(4), s.damage(5); },
     {},
     0,
     "entry 3"},
    {"a hole is not filled", [](Store& s) { s.pairs.erase(log_key(Index{4})); }, {}, 0, "entry 4"},
    {"a missing beginning is a hole",
     [](Store& s) { s.pairs.erase(log_key(Index{1})); },
     {},
     0,
     "entry 1"},
    {"committed entries must be there",
     [](Store& s) { s.pairs.erase(s.pairs.find(log_key(Index{3})), s.pairs.end()); },
     {},
     0,
     "entry 3"},
    {"entries without term and vote are not believed",
     [](Store& s) { s.pairs.erase(std::string{hard_key}); },
     {},
     0,
     "term and vote"},
    {"a bad record of term and vote could vote twice",
     [](Store& s) { s.pairs[std::string{hard_key}][6] ^= 1; },
     {},
     0,
     "raft.hard"},
    {"a record under another's key is found out",
     [](Store& s) { s.pairs[log_key(Index{5})] = s.pairs[log_key(Index{4})]; },
     {},
     4,
     "cut"},
    {"a cut at an entry that is gone",
     [](Store& s) {
         s.write(encode_compaction(Index{3}));
         s.pairs.erase(log_key(Index{3}));
     },
     {},
     0,
     "compacted"},
    {"an unknown key of a later release is passed over",
     [](Store& s) { s.pairs["raft.later"] = "x"; },
     {},
     5,
     ""},
};

TEST(Layout, each_damage_leads_where_it_must) {
    for (const auto& damage : damages) {
        Store store = five_entries();
        damage.act(store);
        auto state = store.recover(damage.mark);
        if (damage.entries_left == 0) {
            ASSERT_FALSE(state) << damage.why;
            EXPECT_NE(state.error().message.find(damage.says), std::string::npos)
                << damage.why << ": " << state.error().message;
            EXPECT_NE(state.error().message.find("join"), std::string::npos) << "no remedy";
            continue;
        }
        ASSERT_TRUE(state) << damage.why << ": " << state.error().message;
        EXPECT_EQ(state->raft.entries.size(), damage.entries_left) << damage.why;
        EXPECT_EQ(state->notes.empty(), *damage.says == '\0') << damage.why;
        // Repaired once, it is sound.
        store.write(state->repair);
        const auto again = store.recover(damage.mark);
        ASSERT_TRUE(again) << damage.why;
        EXPECT_TRUE(again->notes.empty()) << damage.why;
    }
}

TEST(Layout, the_mark_survives_its_file_and_damage_is_noticed) {
    const EntryId id{Term{4}, Index{77}};
    std::string bytes = encode_mark(id);
    EXPECT_EQ(*decode_mark(bytes), id);
    bytes[8] = static_cast<char>(bytes[8] ^ 4);
    EXPECT_FALSE(decode_mark(bytes));
    EXPECT_FALSE(decode_mark(""));
}

TEST(Layout, random_bytes_never_crash_recovery) {
    Prng prng{3};
    for (int round = 0; round < 2000; ++round) {
        Store store = five_entries();
        for (auto& [key, value] : store.pairs) {
            if (prng.chance(1, 3)) value.resize(prng.below(value.size() + 1));
            if (prng.chance(1, 3) && !value.empty()) {
                value[prng.below(value.size())] = static_cast<char>(prng.next());
            }
        }
        const auto state = store.recover();
        EXPECT_TRUE(!state || raft::validate(state->raft));
    }
}

}  // namespace
}  // namespace drover::storage
