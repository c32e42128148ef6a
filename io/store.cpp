// The store on RocksDB: one storage thread takes everything that waits, makes one WriteBatch of it,
// syncs once, and tells the completions in order. See store.hpp for the promises.
//
// Recovery mode: kTolerateCorruptedTailRecords. An incomplete last record is what a crash leaves
// behind before its sync returned; nobody was told of it, so it is cut. (kAbsoluteConsistency
// would refuse to start after every power failure.) Any other damage, a bad checksum or a gap with
// records after it, makes the open fail; the two remaining modes would go on without the lost
// records. Synced logs are also tracked in the manifest, so that a whole missing or shortened
// older file is noticed too. What zeros at the end of a log mean is decided in wal_end.hpp.
#include "io/store.hpp"

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "engine/base/match.hpp"
#include "engine/storage/recovery.hpp"
#include "io/disk_space.hpp"
#include "io/durable_file.hpp"
#include "io/idle_poll.hpp"
#include "io/store_lock.hpp"
#include "io/store_log.hpp"
#include "io/wal_files.hpp"

namespace drover::io {
namespace {

constexpr std::size_t change_overhead = 64;  // what a change costs beside its bytes, about

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view(const rocksdb::Slice& text) { return {text.data(), text.size()}; }

Error store_error(const rocksdb::Status& status, const std::filesystem::path& directory,
                  const std::string& damaged_file = {}) {
    const std::string where = "store " + directory.string() + ": " + status.ToString();
    if (status.IsCorruption()) {
        return {Errc::corrupt,
                where + damaged_file +
                    " (a record is damaged and good ones follow it, or a file is missing); " +
                    storage::start_afresh};
    }
    if (status.IsNoSpace()) {
        return {Errc::internal, where + told_space(directory) + "; make room on that file system"};
    }
    const auto says = [&](const char* what) { return where.find(what) != std::string::npos; };
    if (status.IsIOError() && (says("hile lock file") || says("lock hold by"))) {
        return {Errc::internal, where +
                                    "; another process uses this directory: stop it first, or " +
                                    "choose another data_dir"};
    }
    return {Errc::internal, where + "; check free space, permissions and the disk's health"};
}

rocksdb::Options rocksdb_options(const StoreOptions& options) {
    rocksdb::Options tuned;
    tuned.env = wal_files();
    tuned.create_if_missing = true;
    tuned.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
    tuned.track_and_verify_wals_in_manifest = true;
    tuned.paranoid_checks = true;
    // One writer: what RocksDB does for many only costs us.
    tuned.allow_concurrent_memtable_write = false;
    tuned.enable_write_thread_adaptive_yield = false;
    tuned.avoid_unnecessary_blocking_io = true;
    // Log entries are short-lived: large memtables let most of them die before they are flushed.
    tuned.write_buffer_size = options.memtable_bytes;
    tuned.max_write_buffer_number = options.memtable_count;
    tuned.compression = rocksdb::kNoCompression;
    tuned.info_log_level = rocksdb::WARN_LEVEL;
    return tuned;
}

std::size_t bytes_of(const KvBatch& batch) {
    std::size_t bytes = 0;
    for (const KvBatch::Change& change : batch.changes()) {
        bytes += change_overhead;
        bytes += std::visit(
            Match{[](const KvBatch::Put& put) { return put.key.size() + put.value.size(); },
                  [](const KvBatch::Erase& erase) { return erase.key.size(); },
                  [](const KvBatch::EraseRange& range) {
                      return range.first.size() + range.end.size();
                  }},
            change);
    }
    return bytes;
}

struct Queued {
    KvBatch batch;
    std::size_t bytes;
    Durability durability;
    RocksStore::Completion completion;
};

}  // namespace

struct RocksStore::Impl {
    Impl(std::filesystem::path where, StoreOptions chosen)
        : directory{std::move(where)}, options{chosen} {}

    void run();
    void wait_for_batch();
    [[nodiscard]] bool wait_for_work(std::vector<Queued>& group);
    [[nodiscard]] Result<void> commit(const std::vector<Queued>& group);
    [[nodiscard]] rocksdb::Status append(const KvBatch& batch, rocksdb::WriteBatch& all,
                                         std::string& greatest) const;
    [[nodiscard]] std::string after_last_key(const std::string& greatest) const;

    const std::filesystem::path directory;
    const StoreOptions options;
    StoreLock lock;  // of a reader; goes after the database
    std::unique_ptr<rocksdb::DB> db;

    std::mutex mutex;
    std::condition_variable wake;
    std::deque<Queued> queue;
    std::size_t queued_bytes = 0;
    bool stopping = false;
    std::atomic<bool> told = false;  // there is a batch, or the end
    IdlePoll poll;                   // the storage thread's
    std::optional<Error> broken;     // set once, by the storage thread alone
    std::atomic<std::uint64_t> syncs{0};
    std::thread thread;
};

void RocksStore::Impl::run() {
    std::vector<Queued> group;
    while (wait_for_work(group)) {
        const Result<void> result = broken ? tl::unexpected<Error>{*broken} : commit(group);
        std::size_t bytes = 0;
        for (const Queued& queued : group) bytes += queued.bytes;
        {
            const std::lock_guard lock{mutex};
            queued_bytes -= bytes;
            if (!result && !broken) broken = result.error();
        }
        for (const Queued& queued : group) {
            if (queued.completion) queued.completion(result);
        }
        group.clear();
    }
}

void RocksStore::Impl::wait_for_batch() {
    poll.wait([this] { return told.load(std::memory_order_acquire); },
              [this] {
                  std::unique_lock lock{mutex};
                  wake.wait(lock, [this] { return told.load(std::memory_order_relaxed); });
              });
}

// Takes what is queued, but no more than one commit should hold; false when all is done.
bool RocksStore::Impl::wait_for_work(std::vector<Queued>& group) {
    wait_for_batch();
    const std::lock_guard lock{mutex};
    std::size_t bytes = 0;
    while (!queue.empty() &&
           (group.empty() || bytes + queue.front().bytes <= options.commit_bytes_max)) {
        bytes += queue.front().bytes;
        group.push_back(std::move(queue.front()));
        queue.pop_front();
    }
    told = stopping || !queue.empty();
    return !group.empty();
}

Result<void> RocksStore::Impl::commit(const std::vector<Queued>& group) {
    rocksdb::WriteBatch all;
    rocksdb::WriteOptions write;
    std::string greatest;
    for (const Queued& queued : group) {
        const rocksdb::Status status = append(queued.batch, all, greatest);
        if (!status.ok()) return tl::unexpected<Error>{store_error(status, directory)};
        write.sync = write.sync || queued.durability == Durability::synced;
    }
    const rocksdb::Status status = db->Write(write, &all);
    if (!status.ok()) return tl::unexpected<Error>{store_error(status, directory)};
    if (write.sync) ++syncs;
    return {};
}

rocksdb::Status RocksStore::Impl::append(const KvBatch& batch, rocksdb::WriteBatch& all,
                                         std::string& greatest) const {
    for (const KvBatch::Change& change : batch.changes()) {
        const rocksdb::Status status =
            std::visit(Match{[&](const KvBatch::Put& put) {
                                 greatest = std::max(greatest, put.key);
                                 return all.Put(put.key, put.value);
                             },
                             [&](const KvBatch::Erase& erase) { return all.Delete(erase.key); },
                             [&](const KvBatch::EraseRange& range) {
                                 const std::string end =
                                     range.end.empty() ? after_last_key(greatest) : range.end;
                                 if (range.first >= end) return rocksdb::Status::OK();
                                 return all.DeleteRange(range.first, end);
                             }},
                       change);
        if (!status.ok()) return status;
    }
    return rocksdb::Status::OK();
}

// RocksDB has no open end: the smallest key beyond what is stored and what this commit has put.
std::string RocksStore::Impl::after_last_key(const std::string& greatest) const {
    const std::unique_ptr<rocksdb::Iterator> last{db->NewIterator({})};
    last->SeekToLast();
    std::string end = greatest;
    if (last->Valid()) end = std::max(end, last->key().ToString());
    end.push_back('\0');
    return end;
}

RocksStore::RocksStore(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}

Result<std::unique_ptr<RocksStore>> RocksStore::open(const std::filesystem::path& directory,
                                                     StoreOptions options) {
    if (const auto made = make_directories(directory); !made) {
        return fail(Errc::internal, "store " + directory.string() +
                                        ": cannot create the directory: " + made.error().message);
    }
    auto impl = std::make_unique<Impl>(directory, options);
    rocksdb::Options tuned = rocksdb_options(options);
    const auto told = std::make_shared<StoreLog>(directory / "LOG");
    tuned.info_log = told;
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(tuned, directory.string(), &db);
    if (!status.ok()) {
        return tl::unexpected<Error>{store_error(status, directory, told->damaged_file())};
    }
    impl->db.reset(db);
    return begin(std::move(impl));
}

Result<std::unique_ptr<RocksStore>> RocksStore::open_read_only(
    const std::filesystem::path& directory) {
    std::error_code error;
    if (!std::filesystem::exists(directory / "CURRENT", error)) {
        return fail(error ? Errc::internal : Errc::not_found,
                    "store " + directory.string() + ": " +
                        (error ? error.message() : "there is no database in this directory"));
    }
    auto impl = std::make_unique<Impl>(directory, StoreOptions{});
    auto lock = StoreLock::share(directory / "LOCK");
    if (!lock) return tl::unexpected<Error>{lock.error()};
    impl->lock = std::move(*lock);
    rocksdb::Options options = rocksdb_options({});
    options.create_if_missing = false;
    const auto told = std::make_shared<StoreLog>();
    options.info_log = told;
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(options, directory.string(), &db);
    if (!status.ok())
        return tl::unexpected<Error>{store_error(status, directory, told->damaged_file())};
    impl->db.reset(db);
    return begin(std::move(impl));
}

std::unique_ptr<RocksStore> RocksStore::begin(std::unique_ptr<Impl> impl) {
    Impl* const running = impl.get();
    impl->thread = std::thread{[running] { running->run(); }};
    return std::unique_ptr<RocksStore>{new RocksStore{std::move(impl)}};
}

RocksStore::~RocksStore() {
    {
        const std::lock_guard lock{impl_->mutex};
        impl_->stopping = true;
        impl_->told = true;
    }
    impl_->wake.notify_one();
    impl_->thread.join();
}

Result<void> RocksStore::for_each(std::string_view first, std::string_view end,
                                  const Visitor& visit) const {
    rocksdb::ReadOptions read;
    const rocksdb::Slice bound = slice(end);
    if (!end.empty()) read.iterate_upper_bound = &bound;
    const std::unique_ptr<rocksdb::Iterator> at{impl_->db->NewIterator(read)};
    for (at->Seek(slice(first)); at->Valid(); at->Next()) {
        if (!visit(view(at->key()), view(at->value()))) return {};
    }
    if (!at->status().ok()) {
        return tl::unexpected<Error>{store_error(at->status(), impl_->directory)};
    }
    return {};
}

Result<std::optional<std::string>> RocksStore::get(std::string_view key) const {
    std::string value;
    const rocksdb::Status status = impl_->db->Get({}, slice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>{};
    if (!status.ok()) return tl::unexpected<Error>{store_error(status, impl_->directory)};
    return std::optional<std::string>{std::move(value)};
}

std::uint64_t RocksStore::syncs() const { return impl_->syncs; }

Result<void> RocksStore::submit(KvBatch batch, Durability durability, Completion completion) {
    const std::size_t bytes = bytes_of(batch);
    {
        const std::lock_guard lock{impl_->mutex};
        // A batch that is larger than the whole queue passes when it is alone: it would never fit.
        if (impl_->queued_bytes > 0 &&
            impl_->queued_bytes + bytes > impl_->options.queue_bytes_max) {
            return fail(Errc::overloaded, "store " + impl_->directory.string() + ": " +
                                              std::to_string(impl_->queued_bytes) +
                                              " bytes already wait for the disk");
        }
        impl_->queued_bytes += bytes;
        impl_->queue.push_back(Queued{std::move(batch), bytes, durability, std::move(completion)});
        impl_->told = true;
    }
    impl_->wake.notify_one();
    return {};
}

Result<void> RocksStore::write(KvBatch batch) {
    std::promise<Result<void>> done;
    std::future<Result<void>> outcome = done.get_future();
    const Result<void> taken =
        submit(std::move(batch), Durability::synced,
               [&done](Result<void> result) { done.set_value(std::move(result)); });
    return taken ? outcome.get() : taken;
}

}  // namespace drover::io
