// See read_ahead.hpp.
#include "io/read_ahead.hpp"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace drover::io {
namespace {

constexpr std::size_t batch_bytes = std::size_t{1} << 20;
constexpr std::size_t batches_ahead = 4;

// Pairs one behind the other in one piece of memory.
class Batch {
public:
    void add(std::string_view key, std::string_view value) {
        bytes_.append(key).append(value);
        sizes_.emplace_back(key.size(), value.size());
    }
    [[nodiscard]] bool full() const { return bytes_.size() >= batch_bytes; }

    [[nodiscard]] bool visit(const RocksStore::Visitor& visit) const {
        std::string_view rest = bytes_;
        for (const auto& [key_size, value_size] : sizes_) {
            if (!visit(rest.substr(0, key_size), rest.substr(key_size, value_size))) return false;
            rest.remove_prefix(key_size + value_size);
        }
        return true;
    }

private:
    std::string bytes_;
    std::vector<std::pair<std::size_t, std::size_t>> sizes_;
};

class Channel {
public:
    // Waits while too much is ahead; false once nobody wants more.
    bool give(const std::stop_token& stop, Batch batch) {
        std::unique_lock lock{mutex_};
        const bool room =
            changed_.wait(lock, stop, [this] { return batches_.size() < batches_ahead; });
        if (!room) return false;
        batches_.push_back(std::move(batch));
        changed_.notify_all();
        return true;
    }
    void end(Result<void> outcome) {
        const std::lock_guard lock{mutex_};
        outcome_ = std::move(outcome);
        changed_.notify_all();
    }
    // None at the end, when outcome() says what the end was.
    std::optional<Batch> take() {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [this] { return !batches_.empty() || outcome_; });
        if (batches_.empty()) return std::nullopt;
        std::optional<Batch> batch{std::move(batches_.front())};
        batches_.pop_front();
        changed_.notify_all();
        return batch;
    }
    [[nodiscard]] Result<void> outcome() {
        const std::lock_guard lock{mutex_};
        return *outcome_;
    }

private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Batch> batches_;
    std::optional<Result<void>> outcome_;
};

void read(const std::stop_token& stop, const RocksStore& store, Channel& channel) {
    Batch batch;
    Result<void> outcome = store.for_each("", "", [&](auto key, auto value) {
        batch.add(key, value);
        return !batch.full() || channel.give(stop, std::exchange(batch, Batch{}));
    });
    (void)channel.give(stop, std::move(batch));
    channel.end(std::move(outcome));
}

}  // namespace

Result<void> for_each_ahead(const RocksStore& store, const RocksStore::Visitor& visit) {
    Channel channel;
    const std::jthread reader{[&](const std::stop_token& stop) { read(stop, store, channel); }};
    while (const auto batch = channel.take()) {
        if (!batch->visit(visit)) return {};
    }
    return channel.outcome();
}

}  // namespace drover::io
