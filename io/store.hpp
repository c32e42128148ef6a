// The ordered key-value store behind the log of a server and the state of a node agent: RocksDB
// with one storage thread that commits in groups. It keeps the contract of engine/storage: a batch
// is atomic, a completion is told only after the sync, keys come back in order.
//
// It must never report a batch as durable that is not, and never skip a damaged record silently.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/result.hpp"
#include "engine/storage/kv_batch.hpp"

namespace drover::io {

using storage::KvBatch;

struct StoreOptions {
    // Waiting for the storage thread. Well above what consensus leaves unfinished: it cannot take a
    // refusal for an answer.
    std::size_t queue_bytes_max = std::size_t{256} << 20;
    std::size_t commit_bytes_max = std::size_t{16} << 20;  // taken into one commit
    std::size_t memtable_bytes = std::size_t{64} << 20;
    int memtable_count = 6;
};

enum class Durability : std::uint8_t {
    synced,   // the completion comes after the sync
    relaxed,  // atomic and ordered, but a crash may lose it (and every relaxed batch after it)
};

class RocksStore {
public:
    // Called on the storage thread, in the order of submission; must not block for long.
    using Completion = std::function<void(Result<void>)>;
    // Returning false ends the visit early.
    using Visitor = std::function<bool(std::string_view key, std::string_view value)>;

    // Creates the directory when missing. Fails with Errc::corrupt, file and remedy when a damaged
    // record is followed by good ones.
    [[nodiscard]] static Result<std::unique_ptr<RocksStore>> open(
        const std::filesystem::path& directory, StoreOptions options = {});
    // For tools: changes nothing on the disk, not even what a crash has left over, and refuses
    // (Errc::conflict) a store that is in use; while it lives nobody else can open the store for
    // writing. Errc::not_found where there is none. Batches are refused.
    [[nodiscard]] static Result<std::unique_ptr<RocksStore>> open_read_only(
        const std::filesystem::path& directory);
    // Commits what is queued, tells the completions, then closes.
    ~RocksStore();
    RocksStore(const RocksStore&) = delete;
    RocksStore& operator=(const RocksStore&) = delete;

    // Every pair with first <= key < end in key order, from one consistent view; an empty end means
    // "to the last key". Reads from any thread.
    [[nodiscard]] Result<void> for_each(std::string_view first, std::string_view end,
                                        const Visitor& visit) const;
    [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const;

    // From any thread. Errc::overloaded when more than queue_bytes_max would wait: nothing was
    // queued, the completion is not called, and the caller may try again after a completion.
    // After the first failed commit every batch, queued or new, fails for good.
    [[nodiscard]] Result<void> submit(KvBatch batch, Durability durability, Completion completion);
    // The same, waiting for the completion. For start-up and tools, not for the engine's thread.
    [[nodiscard]] Result<void> write(KvBatch batch);

    // Commits that ended with a sync, since the store was opened. From any thread.
    [[nodiscard]] std::uint64_t syncs() const;

private:
    struct Impl;
    explicit RocksStore(std::unique_ptr<Impl> impl);
    [[nodiscard]] static std::unique_ptr<RocksStore> begin(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace drover::io
